"""Slack's methods through its own SDK: one attempt each, and whatever goes wrong as one of our errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from calib.errors import DeliveryError, DeliveryUnknown, Permanent, Retryable
from calib.json_object import Json
from calib.redaction import reason

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

TIMEOUT = 10  # seconds
FOR_NOW = {"ratelimited", "rate_limited", "message_limit_exceeded"}
DOUBTFUL = {"internal_error", "fatal_error", "request_timeout", "service_unavailable"}  # perhaps it was done
ABOUT_BLOCKS = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "too_many_blocks"}
ABOUT_THREAD = {"thread_not_found", "cannot_reply_to_message", "message_not_found"}
MAY_NOT = {"missing_scope", "not_allowed_token_type", "no_permission"}
PAGES = 20  # of channels, or of a channel's history, that are searched


class SlackApi:
    """Calls of Slack's methods with one token. `granted`: its scopes, once `auth.test` has said them."""

    def __init__(self, token: str, *, base_url: str) -> None:
        self._token, self._base_url = token, base_url
        self._opened: WebClient | None = None
        self.granted: list[str] = []

    def call(self, method: str, **values: Any) -> Json:
        """What Slack answers; raises `Retryable`, `Permanent` or `DeliveryUnknown`.

        `method` is its name in the SDK, such as `chat_postMessage`. The SDK does not try again.
        """
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
        if method == "auth_test":
            headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
            scopes = str(headers.get("x-oauth-scopes", "")).split(",")
            self.granted = [scope.strip() for scope in scopes if scope.strip()]
        if not isinstance(data, dict):
            raise DeliveryUnknown(f"Slack answered {method} with something that is not a JSON object")
        return data

    def pages(self, method: str, **values: Any) -> Iterator[Json]:
        """The pages of what a method lists, at most `PAGES`."""
        cursor = ""
        for _ in range(PAGES):
            page = self.call(method, cursor=cursor, **values)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _client(self) -> WebClient:
        if self._opened is None:
            from slack_sdk import WebClient

            self._opened = WebClient(
                token=self._token, base_url=self._base_url, timeout=TIMEOUT, retry_handlers=[]
            )
        return self._opened


class BlocksRefused(Permanent):
    """Slack takes no blocks like these; nothing was posted."""


class ThreadGone(Permanent):
    """The message to reply to is not there any more; nothing was posted."""


class MayNotLook(Permanent):
    """The token has no leave for what was asked."""


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
        return BlocksRefused(message)
    if code in ABOUT_THREAD:
        return ThreadGone(message)
    if code in MAY_NOT:
        data = data if isinstance(data, dict) else {}
        needed = str(data.get("needed") or "")
        scope = f" ({needed})" if re.fullmatch(r"[a-z:.,_]+", needed) else ""
        return MayNotLook(
            f"{message}; give the token the scope that it needs{scope} and install the app anew"
        )
    return Permanent(
        f"{message}; correct [slack] in calib.toml or SLACK_BOT_TOKEN, then it can be sent again"
    )


def _seconds(text: Any) -> float | None:
    """Retry-After in seconds; its other form, a date, is not one that Slack uses."""
    return float(text) if str(text).isascii() and str(text).isdigit() else None
