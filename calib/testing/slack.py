"""A Slack on this machine: an HTTP server that takes messages, keeps a history and fails as a test asks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

from calib.json_object import Json
from calib.testing.loopback import Fault, Handler, Loopback

TOKEN = "xoxb-fake"  # noqa: S105 (it opens a server that lives as long as a test)
CHANNEL_ID = "C0000CALIB"
BLOCKS, SECTION, HEADER, TOTAL = 50, 3_000, 150, 13_200  # Slack's limits


def lost(*, accepted: bool = True) -> Fault:
    """The connection dies before the answer, by default after Slack has taken the message."""
    return Fault(accepted=accepted, dropped=True)


def limited(seconds: int) -> Fault:
    """Too many messages: 429 and how long to wait."""
    return Fault(status=429, error="ratelimited", headers={"Retry-After": str(seconds)})


def refused(code: str) -> Fault:
    """One of Slack's own codes, such as `is_archived`."""
    return Fault(error=code)


def broken(status: int = 500, body: str = "<html>oops</html>", *, accepted: bool = False) -> Fault:
    """An HTTP status with a page that is not JSON."""
    return Fault(status=status, body=body, accepted=accepted)


class FakeSlack(Loopback):
    """Speaks auth.test, conversations.list, conversations.history and chat.postMessage, on 127.0.0.1.

    >>> with FakeSlack(channel="ml-calibration") as slack:
    ...     slack.fail("chat.postMessage", limited(3), lost())  # the first two calls
    ...     len(slack.messages)
    0

    `messages` are those that were taken, oldest first, each with channel, ts, text, blocks and metadata;
    `calls` are the methods that were called, `now` is its clock. Messages beyond Slack's limits are refused,
    as Slack does.
    """

    def __init__(
        self, *, channel: str = "ml-calibration", token: str = TOKEN, now: Callable[[], float] = time.time
    ) -> None:
        self.channel, self.token, self._now = channel, token, now
        self.messages: list[Json] = []
        self.calls: list[str] = []
        self._faults: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        """What `base_url` in calib.toml is set to."""
        return f"{self.address}/api/"

    @property
    def ids(self) -> list[str]:
        """The alert ids that the messages carry, oldest first."""
        return [message["metadata"]["event_payload"]["id"] for message in self.messages]

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method go wrong, one fault each."""
        self._faults.setdefault(method, []).extend(faults)

    def answer(self, method: str, token: str, values: Json) -> tuple[Fault | None, Json]:
        """The fault that is due, if one is, and what Slack has to say."""
        with self._lock:
            self.calls.append(method)
            waiting = self._faults.get(method)
            fault = waiting.pop(0) if waiting else None
            if fault is None or fault.accepted:
                return fault, self._do(method, token, values)
            return fault, {"ok": False, "error": fault.error}

    def _do(self, method: str, token: str, values: Json) -> Json:
        if token != self.token:
            return {"ok": False, "error": "invalid_auth"}
        if method == "auth.test":
            return {"ok": True, "user": "calibwatch", "team": "here"}
        if method == "conversations.list":
            return {"ok": True, "channels": [{"id": CHANNEL_ID, "name": self.channel}]}
        if method == "conversations.history":
            return self._history(values)
        if method == "chat.postMessage":
            return self._post(values)
        return {"ok": False, "error": "unknown_method"}

    def _post(self, values: Json) -> Json:
        if values.get("channel") not in (f"#{self.channel}", self.channel, CHANNEL_ID):
            return {"ok": False, "error": "channel_not_found"}
        if not _fits(values.get("blocks") or []):
            return {"ok": False, "error": "invalid_blocks"}
        if not values.get("text") and not values.get("blocks"):
            return {"ok": False, "error": "no_text"}
        ts = f"{int(self._now())}.{len(self.messages):06}"
        message = {key: values.get(key) for key in ("text", "blocks", "metadata")}
        self.messages.append({"channel": CHANNEL_ID, "ts": ts, **message})
        return {"ok": True, "channel": CHANNEL_ID, "ts": ts}

    def _history(self, values: Json) -> Json:
        if values.get("channel") != CHANNEL_ID:
            return {"ok": False, "error": "channel_not_found"}
        start, limit = int(values.get("cursor") or 0), int(values.get("limit") or 100)
        after = [m for m in reversed(self.messages) if float(m["ts"]) >= float(values.get("oldest") or 0)]
        shown = ("ts", "text", "metadata") if values.get("include_all_metadata") else ("ts", "text")
        page = [{key: message[key] for key in shown} for message in after[start : start + limit]]
        more = str(start + limit) if start + limit < len(after) else ""
        return {"ok": True, "messages": page, "response_metadata": {"next_cursor": more}}


def _fits(blocks: list[Json]) -> bool:
    texts = [(block["type"], block["text"]["text"]) for block in blocks]
    longest = {"header": HEADER, "section": SECTION}
    inside = all(1 <= len(text) <= longest[kind] for kind, text in texts)
    return inside and len(blocks) <= BLOCKS and sum(len(text) for _, text in texts) <= TOTAL


def _handler(slack: FakeSlack) -> type[Handler]:
    class Calls(Handler):
        def post(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            is_json = (self.headers.get("Content-Type") or "").startswith("application/json")
            values = json.loads(body) if is_json else dict(parse_qsl(body))
            fault, answer = slack.answer(self.path.removeprefix("/api/"), self.token(), values)
            self.close_connection = True
            if fault is None or not fault.dropped:
                self.send(200 if fault is None else fault.status, answer, fault)

    return Calls
