"""Slack, through its own SDK; the outbox owns the retries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from calib.alerts import Message
from calib.errors import DeliveryError, DeliveryUnknown, Permanent, Retryable

if TYPE_CHECKING:
    from slack_sdk import WebClient

EVENT = "calibwatch_alert"
TIMEOUT = 15  # seconds
FOR_NOW = {"ratelimited", "rate_limited", "service_unavailable"}
DOUBTFUL = {"internal_error", "fatal_error", "request_timeout"}  # it may have been done all the same
PAGES = 20  # of channels, or of a channel's history, that are searched


class SlackSender:
    """Posts to one channel; the alert's id travels in the message's metadata."""

    paced = True

    def __init__(self, token: str, *, channel: str, base_url: str) -> None:
        self._token, self._channel, self._base_url = token, channel, base_url
        self._opened: WebClient | None = None

    def send(self, text: Message, alert_id: str) -> dict[str, Any]:
        metadata = {"event_type": EVENT, "event_payload": {"id": alert_id}}
        answer = self._call(
            "chat_postMessage",
            channel=self._channel,
            text=text.text,
            blocks=text.blocks,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )
        return {"channel": answer.get("channel"), "ts": answer.get("ts")}

    def find(self, alert_id: str, since: datetime) -> dict[str, Any] | None:
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
                if metadata.get("event_type") == EVENT and metadata["event_payload"].get("id") == alert_id:
                    return {"channel": channel, "ts": entry.get("ts")}
        return None

    def check(self) -> str:
        """Who the token belongs to; raises a `DeliveryError` where it is no good."""
        return str(self._call("auth_test").get("user"))

    def _call(self, method: str, **values: Any) -> dict[str, Any]:
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            answer = getattr(self._client(), method)(**values)
        except SlackApiError as error:
            raise _translated(method, error) from None
        except (SlackClientError, OSError) as error:
            raise DeliveryUnknown(f"Slack did not answer {method}: {type(error).__name__}: {error}") from None
        data = answer.data
        if not isinstance(data, dict):
            raise DeliveryUnknown(f"Slack answered {method} with something that is no JSON object")
        return data

    def _pages(self, method: str, **values: Any) -> Iterator[dict[str, Any]]:
        cursor = ""
        for _ in range(PAGES):
            page = self._call(method, cursor=cursor, **values)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _channel_id(self) -> str:
        """Posting takes a channel's name, reading its history only the id."""
        if self._channel.startswith("#"):
            for page in self._pages("conversations_list", exclude_archived=True, limit=1000):
                for channel in page.get("channels", []):
                    if channel.get("name") == self._channel[1:]:
                        return str(channel["id"])
            raise Permanent(f"Slack has no channel {self._channel} that this token may see")
        return self._channel

    def _client(self) -> WebClient:
        if self._opened is None:
            from slack_sdk import WebClient

            self._opened = WebClient(
                token=self._token, base_url=self._base_url, timeout=TIMEOUT, retry_handlers=[]
            )
        return self._opened


def _translated(method: str, error: Any) -> DeliveryError:
    """Slack's answer as one of ours; without the token, which the SDK's own message may quote."""
    response = error.response
    status = getattr(response, "status_code", 0)
    data = response.data if isinstance(getattr(response, "data", None), dict) else {}
    code = str(data.get("error", f"HTTP {status}"))
    said = f"Slack refused {method}: {code}"
    if status == 429 or code in FOR_NOW:
        headers = {name.lower(): value for name, value in (response.headers or {}).items()}
        wished = headers.get("retry-after")
        return Retryable(said, retry_after=float(wished) if wished else None)
    if status >= 500 or code in DOUBTFUL:
        return DeliveryUnknown(said)
    return Permanent(f"{said}; mend the token or the channel in calib.toml, then it can be sent again")
