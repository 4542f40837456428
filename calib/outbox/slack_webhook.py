"""An incoming webhook of Slack as a place for alerts: simpler, without threads, pictures and mentions.

Its address is the secret. It cannot be asked what it has taken, so that an alert may come twice.
"""

from __future__ import annotations

from datetime import datetime
from http.client import HTTPException

from calib.alerts.message import escaped
from calib.errors import DeliveryUnknown, Permanent, Retryable
from calib.json_object import Json
from calib.outbox.place import Parcel
from calib.web_addresses import refusal

TIMEOUT = 10  # seconds
BLOCKS = ("invalid_blocks", "invalid_payload")


class SlackWebhookPlace:
    """Posts to the channel that the webhook was made for."""

    name, pace = "slack-webhook", 1.0

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, parcel: Parcel) -> Json:
        """Post the message; as plain text where Slack does not take its blocks."""
        message = parcel.message
        status, said = self._post({"text": escaped(message.text), "blocks": list(message.blocks)})
        if status == 400 and said in BLOCKS:
            status, said = self._post({"text": escaped(message.text)})
        if status == 200:
            return {"channel": "incoming webhook"}
        if status == 429:
            raise Retryable("Slack refused the incoming webhook for now: HTTP 429")
        if status >= 500:
            raise DeliveryUnknown(f"Slack answered the incoming webhook with HTTP {status}")
        word = said if said.replace("_", "").isalpha() and len(said) < 60 else ""
        raise Permanent(
            f"Slack refused the incoming webhook: HTTP {status}{f' {word}' if word else ''}. Make a "
            "new one in "
            "Slack and put its address into SLACK_WEBHOOK_URL"
        )

    def find(self, parcel: Parcel, since: datetime) -> Json | None:
        """Nothing: an incoming webhook cannot be asked."""
        del parcel, since
        return None

    def check(self) -> str:
        """Whether the address may be one; only posting shows whether Slack takes it."""
        if why := refusal(self._url):
            raise Permanent(f"SLACK_WEBHOOK_URL {why}")
        return (
            "SLACK_WEBHOOK_URL is set: messages without threads and pictures. Whether Slack takes them shows "
            "`calib alerts test` alone"
        )

    def _post(self, body: Json) -> tuple[int, str]:
        from slack_sdk.errors import SlackClientError
        from slack_sdk.webhook import WebhookClient

        if why := refusal(self._url):
            raise Permanent(f"SLACK_WEBHOOK_URL {why}")
        try:
            client = WebhookClient(self._url, timeout=TIMEOUT, retry_handlers=[])
            answer = client.send_dict(body)
        except (SlackClientError, HTTPException, OSError, ValueError) as error:
            raise DeliveryUnknown(
                f"Slack did not answer the incoming webhook: {type(error).__name__}"
            ) from None
        return answer.status_code, str(answer.body).strip()
