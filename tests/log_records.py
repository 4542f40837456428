"""What a test finds in the log: records by their event and their keys."""

from __future__ import annotations

import logging
from typing import Any

import pytest

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Records:
    """The records of one room of calibwatch, as the test that runs has caused them."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        caplog.set_level(logging.DEBUG, "calib")

    def of(self, room: str, event: str, **keys: Any) -> list[logging.LogRecord]:
        """The records of an event of `calib.<room>` that carry these keys with these values."""
        return [
            record
            for record in self._caplog.records
            if record.name.startswith(f"calib.{room}")
            and getattr(record, "event", None) == event
            and all(getattr(record, key, None) == value for key, value in keys.items())
        ]

    def has(
        self, room: str, event: str, *, level: str | None = None, times: int | None = None, **keys: Any
    ) -> logging.LogRecord:
        """The last record of an event; fails the test where there is none, or none of this level.

        `times`: how many there must be.
        """
        found = [r for r in self.of(room, event, **keys) if level is None or r.levelno == LEVELS[level]]
        there = sorted({(r.name, getattr(r, "event", ""), r.levelname) for r in self._caplog.records})
        assert found, f"no record {event!r} of calib.{room} with {keys}; there are {there}"
        assert times is None or len(found) == times, f"{event!r} was logged {len(found)} times, not {times}"
        return found[-1]

    def warnings(self) -> list[str]:
        """Everything at WARNING and above."""
        return [r.getMessage() for r in self._caplog.records if r.levelno >= logging.WARNING]

    def clear(self) -> None:
        """Forget what was logged until now."""
        self._caplog.clear()
