"""A Slack on this machine: an HTTP server that takes messages, keeps a history and fails as a test asks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from calib.json_object import Json
from calib.testing.loopback import Fault, Handler, Loopback

TOKEN = "xoxb-fake"  # noqa: S105 (it opens a server that lives as long as a test)
CHANNEL_ID = "C0000CALIB"
BLOCKS, SECTION, HEADER, TOTAL = 50, 3_000, 150, 13_200  # Slack's limits
UPLOAD = "upload"  # the second step of an upload, for `fail`
HOOK = "incoming-webhook"  # a post to an incoming webhook, for `fail`
SCOPES = "chat:write,channels:read,channels:history,files:write,usergroups:read,users:read"


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
    """Speaks the methods of Slack that calibwatch uses, uploads and an incoming webhook, on 127.0.0.1.

    >>> with FakeSlack(channel="ml-calibration") as slack:
    ...     slack.fail("chat.postMessage", limited(3), lost())  # the first two calls
    ...     len(slack.messages)
    0

    `messages` are those that were taken, oldest first, each with channel, ts, text, blocks, metadata,
    thread_ts and reply_broadcast; `pictures` those that are shown, each with its bytes, alt_txt, title,
    channel and thread_ts; `hooked` what came through the incoming webhook. `calls` are the methods that were
    called, `now` is its clock. `member`, `archived`, `scopes`, `groups` and `people` (handles with ids) can
    be changed. Messages beyond Slack's limits are refused, as Slack does.
    """

    def __init__(
        self, *, channel: str = "ml-calibration", token: str = TOKEN, now: Callable[[], float] = time.time
    ) -> None:
        self.channel, self.token, self._now = channel, token, now
        self.member, self.archived, self.scopes = True, False, SCOPES
        self.groups: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.messages: list[Json] = []
        self.pictures: list[Json] = []
        self.hooked: list[Json] = []
        self.calls: list[str] = []
        self._files: dict[str, Json] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        """What `base_url` in calib.toml is set to."""
        return f"{self.address}/api/"

    @property
    def webhook(self) -> str:
        """What SLACK_WEBHOOK_URL is set to."""
        return f"{self.address}/services/T0/B0/x"

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
        if method == UPLOAD:
            self._files[values["file_id"]]["png"] = values["body"]
            return {}
        if method == HOOK:
            return self._hook(values)
        if token != self.token:
            return {"ok": False, "error": "invalid_auth"}
        lists: dict[str, Json] = {
            "auth.test": {"user": "calibwatch", "team": "here"},
            "conversations.list": {"channels": [self._facts()]},
            "usergroups.list": {"usergroups": [{"id": id_, "handle": h} for h, id_ in self.groups.items()]},
            "users.list": {"members": [{"id": id_, "name": name} for name, id_ in self.people.items()]},
        }
        if method in lists:
            return {"ok": True, **lists[method]}
        does: Mapping[str, Callable[[Json], Json]] = {
            "conversations.info": self._info,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "chat.postMessage": self._post,
            "chat.delete": self._delete,
            "files.getUploadURLExternal": self._upload_url,
            "files.completeUploadExternal": self._complete,
        }
        return does[method](values) if method in does else {"ok": False, "error": "unknown_method"}

    def _facts(self) -> Json:
        return {
            "id": CHANNEL_ID,
            "name": self.channel,
            "is_member": self.member,
            "is_archived": self.archived,
        }

    def _info(self, values: Json) -> Json:
        if values.get("channel") != CHANNEL_ID:
            return {"ok": False, "error": "channel_not_found"}
        return {"ok": True, "channel": self._facts()}

    def _post(self, values: Json) -> Json:
        if values.get("channel") not in (f"#{self.channel}", self.channel, CHANNEL_ID):
            return {"ok": False, "error": "channel_not_found"}
        if self.archived or not self.member:
            return {"ok": False, "error": "is_archived" if self.archived else "not_in_channel"}
        if not _fits(values.get("blocks") or []):
            return {"ok": False, "error": "invalid_blocks"}
        if not values.get("text") and not values.get("blocks"):
            return {"ok": False, "error": "no_text"}
        root = values.get("thread_ts")
        if root is not None and root not in {message["ts"] for message in self.messages}:
            return {"ok": False, "error": "thread_not_found"}
        ts = f"{int(self._now())}.{len(self.messages):06}"
        kept = ("text", "blocks", "metadata", "thread_ts", "reply_broadcast")
        self.messages.append({"channel": CHANNEL_ID, "ts": ts, **{key: values.get(key) for key in kept}})
        return {"ok": True, "channel": CHANNEL_ID, "ts": ts}

    def _delete(self, values: Json) -> Json:
        self.messages = [message for message in self.messages if message["ts"] != values.get("ts")]
        return {"ok": True}

    def _history(self, values: Json) -> Json:
        if values.get("channel") != CHANNEL_ID:
            return {"ok": False, "error": "channel_not_found"}
        seen = [m for m in self.messages if m.get("thread_ts") is None or m.get("reply_broadcast")]
        return _page(list(reversed(seen)), values)

    def _replies(self, values: Json) -> Json:
        root = values.get("ts")
        if root not in {message["ts"] for message in self.messages}:
            return {"ok": False, "error": "thread_not_found"}
        return _page([m for m in self.messages if root in (m["ts"], m.get("thread_ts"))], values)

    def _upload_url(self, values: Json) -> Json:
        file_id = f"F{len(self._files):08}"
        self._files[file_id] = {"alt_txt": values.get("alt_txt"), "name": values.get("filename")}
        return {"ok": True, "file_id": file_id, "upload_url": f"{self.address}/upload/v1/{file_id}"}

    def _complete(self, values: Json) -> Json:
        for file in json.loads(values["files"]):
            kept = self._files.get(file["id"], {})
            if "png" not in kept:
                return {"ok": False, "error": "file_not_found"}
            place = {"channel": values.get("channel_id"), "thread_ts": values.get("thread_ts")}
            self.pictures.append({**kept, "title": file.get("title"), **place})
        return {"ok": True, "files": []}

    def _hook(self, values: Json) -> Json:
        if not _fits(values.get("blocks") or []):
            return {"ok": False, "error": "invalid_blocks"}
        self.hooked.append(values)
        return {"ok": True}


def _page(messages: list[Json], values: Json) -> Json:
    start, limit = int(values.get("cursor") or 0), int(values.get("limit") or 100)
    after = [m for m in messages if float(m["ts"]) >= float(values.get("oldest") or 0)]
    keys = ("ts", "text", "thread_ts", *(("metadata",) if values.get("include_all_metadata") else ()))
    page = [{key: message.get(key) for key in keys} for message in after[start : start + limit]]
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
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.close_connection = True
            if self.path.startswith("/upload/"):
                values: Json = {"file_id": self.path.rpartition("/")[2], "body": body}
                fault, _ = slack.answer(UPLOAD, "", values)
                self._say(fault, "OK")
            elif self.path.startswith("/services/"):
                fault, answer = slack.answer(HOOK, "", json.loads(body))
                word = "ok" if answer.get("ok") else str(answer.get("error"))
                status = 200 if word == "ok" else 400
                self._say(fault or Fault(status=status, body=word), word)
            else:
                is_json = (self.headers.get("Content-Type") or "").startswith("application/json")
                values = json.loads(body) if is_json else dict(parse_qsl(body.decode()))
                method = self.path.removeprefix("/api/").partition("?")[0]
                values |= dict(parse_qsl(self.path.partition("?")[2]))
                fault, answer = slack.answer(method, self.token(), values)
                if fault is None:
                    fault = Fault(headers={"X-OAuth-Scopes": slack.scopes})
                if not fault.dropped:
                    self.send(fault.status, answer, fault)

        def _say(self, fault: Fault | None, word: str) -> None:
            """An answer in plain text."""
            if fault is None or not fault.dropped:
                fault = fault or Fault()
                self.send(
                    fault.status, {}, Fault(body=fault.body or fault.error or word, headers=fault.headers)
                )

    return Calls
