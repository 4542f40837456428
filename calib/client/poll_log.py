"""What the polls of a client leave in the log: what changed since the poll before, and else nothing."""

from __future__ import annotations

import logging

from calib.client.results import Status

LOG = logging.getLogger(__name__)
SHOWN = 300  # characters of what went wrong


class PollLog:
    """Remembers how the latest poll ended, and logs how the next one differs.

    A warning says what got worse: a state that is not FRESH any more, a poll that failed, an answer of the
    store that was refused. What gets better is information. Further polls that fail in the same way are for
    debugging, so that an outage of a day leaves a few lines.
    """

    def __init__(self, stream: str, channel: str) -> None:
        self._stream, self._channel = stream, channel
        self._state, self._trouble = "INITIALIZING", ""
        self._served: tuple[str | None, int | None] = (None, None)

    def record(self, status: Status, *, trouble: str, failures: int) -> bool:
        """Log one poll; whether the state is another one than after the poll before.

        `trouble`: how it failed, "" where it did not; `failures`: in a row without answer.
        """
        changed = status.state != self._state
        served = (status.mapping, status.generation)
        if served != self._served:
            self._log(logging.INFO, "served", status, f"serves {(status.mapping or 'no mapping')[:12]}")
        if changed:
            level = logging.INFO if status.state == "FRESH" else logging.WARNING
            self._log(level, "state", status, f"{status.state}, was {self._state}: {status.reason or 'fine'}")
        if trouble:
            level = logging.DEBUG if trouble == self._trouble else logging.WARNING
            self._log(level, "poll_failed" if failures else "refused", status, trouble, attempt=failures)
        elif self._trouble:
            self._log(logging.INFO, "recovered", status, "polls succeed again")
        self._state, self._served, self._trouble = status.state, served, trouble
        return changed

    def died(self, kind: str) -> None:
        """Log that a poll ended with an error that nobody foresaw."""
        keys = {"event": "poll_died", "stream": self._stream, "channel": self._channel, "error": kind}
        LOG.error("%s/%s: a poll ended with %s", self._stream, self._channel, kind, extra=keys)

    def _log(self, level: int, event: str, status: Status, text: str, **more: object) -> None:
        keys: dict[str, object] = {
            "event": event,
            "stream": self._stream,
            "channel": self._channel,
            "state": status.state,
            "mapping": status.mapping,
            "generation": status.generation,
        }
        LOG.log(level, "%s/%s: %s", self._stream, self._channel, text[:SHOWN], extra=keys | more)
