"""Alerts in the terminal of a person, if no other place for them is known."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from calib.json_object import Json
from calib.outbox.place import Parcel


class TerminalPlace:
    """Writes alerts to a text stream that a person looks at; the outbox keeps them as a log."""

    name, pace = "terminal", 0.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, parcel: Parcel) -> Json:
        """Write the alert down; its text carries no control characters."""
        self._stream.write(f"\n{parcel.message.text}\n")
        self._stream.flush()
        return {"channel": "terminal"}

    def find(self, parcel: Parcel, since: datetime) -> Json | None:
        """Nothing: a terminal remembers nothing."""
        del parcel, since
        return None

    def check(self) -> str:
        """It is there."""
        return "the terminal is there"
