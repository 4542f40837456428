"""Alerts in the terminal, if no token for Slack is set."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from calib.json_object import Json

if TYPE_CHECKING:
    from calib.alerts.message import Message


class TerminalSender:
    """Writes alerts to a text stream; the outbox keeps them as a log."""

    paced = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, text: Message, alert_id: str) -> Json:
        """Write the alert down; its text carries no control characters."""
        del alert_id
        self._stream.write(f"\n{text.text}\n")
        self._stream.flush()
        return {"channel": "terminal"}

    def find(self, alert_id: str, since: datetime) -> Json | None:
        """Nothing: a terminal remembers nothing."""
        del alert_id, since
        return None
