"""Slack, through its own SDK; the outbox owns the retries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from calib.alerts.message import escaped
from calib.errors import DeliveryError, DeliveryUnknown, Permanent, Retryable
from calib.json_object import Json
from calib.redaction import reason

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

    from calib.alerts.message import Message

EVENT = "calibwatch_alert"
TIMEOUT = 10  # seconds
FOR_NOW = {"ratelimited", "rate_limited", "message_limit_exceeded"}
DOUBTFUL = {"internal_error", "fatal_error", "request_timeout", "service_unavailable"}  # perhaps it was done
ABOUT_BLOCKS = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "too_many_blocks"}
PAGES = 20  # of channels, or of a channel's history, that are searched
CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{7,}")


class SlackSender:
    """Posts to one channel, given by `#name` or by id; the alert's id travels in the message's metadata.

    The token needs the scopes chat:write, and channels:read with channels:history to recognise what an
    earlier attempt has delivered; a private channel is given by its id.
    """

    paced = True

    def __init__(self, token: str, *, channel: str, base_url: str) -> None:
        self._token, self._channel, self._base_url = token, channel, base_url
        self._opened: WebClient | None = None

    def send(self, text: Message, alert_id: str) -> Json:
        """Post a message and say where it is; as plain text where Slack does not take its blocks."""
        values: Json = {
            "channel": self._channel,
            "text": escaped(text.text),
            "metadata": {"event_type": EVENT, "event_payload": {"id": alert_id}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            answer = self._call("chat_postMessage", blocks=text.blocks, **values)
        except _BlocksRefused:
            answer = self._call("chat_postMessage", **values)
        return {"channel": answer.get("channel"), "ts": answer.get("ts")}

    def find(self, alert_id: str, since: datetime) -> Json | None:
        """The channel's message that carries the alert's id, if one was posted after `since`."""
        channel = self._channel_id()
        for page in self._pages(
            "conversations_history",
            channel=channel,
            oldest=f"{since.timestamp():.6f}",
            include_all_metadata=True,
            limit=200,
        ):
            for entry in page.get("messages", []):
                metadata = entry.get("metadata") or {}
                carried = metadata.get("event_payload") or {}
                if metadata.get("event_type") == EVENT and carried.get("id") == alert_id:
                    return {"channel": channel, "ts": entry.get("ts")}
        return None

    def check(self) -> str:
        """Who the token belongs to; raises a `DeliveryError` if it is not valid."""
        return str(self._call("auth_test").get("user"))

    def _call(self, method: str, **values: Any) -> Json:
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            answer = getattr(self._client(), method)(**values)
        except SlackApiError as error:
            raise _translated(method, error) from None
        except (SlackClientError, HTTPException, OSError, ValueError, AttributeError) as error:
            # the last two: a body that is not text, or JSON but not an object, as a proxy may send
            raise DeliveryUnknown(
                f"Slack did not answer {method}: {type(error).__name__}: {reason(error)}"
            ) from None
        data = answer.data
        if not isinstance(data, dict):
            raise DeliveryUnknown(f"Slack answered {method} with something that is not a JSON object")
        return data

    def _pages(self, method: str, **values: Any) -> Iterator[Json]:
        cursor = ""
        for _ in range(PAGES):
            page = self._call(method, cursor=cursor, **values)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _channel_id(self) -> str:
        """Posting takes a channel's name, reading its history only the id."""
        if CHANNEL_ID.fullmatch(self._channel):
            return self._channel
        name = self._channel.removeprefix("#")
        for page in self._pages("conversations_list", exclude_archived=True, limit=1000):
            for channel in page.get("channels", []):
                if channel.get("name") == name:
                    return str(channel["id"])
        raise Permanent(f"Slack has no channel #{name} that this token may see; a private one goes by its id")

    def _client(self) -> WebClient:
        if self._opened is None:
            from slack_sdk import WebClient

            self._opened = WebClient(
                token=self._token, base_url=self._base_url, timeout=TIMEOUT, retry_handlers=[]
            )
        return self._opened


class _BlocksRefused(Permanent):
    """Slack takes no blocks like these; nothing was posted."""


def _translated(method: str, error: SlackApiError) -> DeliveryError:
    """Slack's answer as one of ours; without the SDK's own message, which quotes what was sent."""
    status = int(getattr(error.response, "status_code", 0))
    data = getattr(error.response, "data", None)
    code = str(data.get("error")) if isinstance(data, dict) else ""
    if not re.fullmatch(r"[a-z_]+", code):  # no word of Slack's: a proxy's page
        code = f"HTTP {status}"
        if status < 400:
            return DeliveryUnknown(f"Slack answered {method} with something that is not a response of Slack")
    message = f"Slack refused {method}: {code}"
    if status == 429 or code in FOR_NOW:
        headers = {name.lower(): value for name, value in (error.response.headers or {}).items()}
        return Retryable(message, retry_after=_seconds(headers.get("retry-after")))
    if status >= 500 or code in DOUBTFUL:
        return DeliveryUnknown(message)
    if code in ABOUT_BLOCKS:
        return _BlocksRefused(message)
    return Permanent(
        f"{message}; correct [slack] in calib.toml or SLACK_BOT_TOKEN, then it can be sent again"
    )


def _seconds(text: Any) -> float | None:
    """Retry-After in seconds; its other form, a date, is not one that Slack uses."""
    return float(text) if str(text).isascii() and str(text).isdigit() else None
