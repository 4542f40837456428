"""A clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 3, 6, tzinfo=UTC)


class ManualClock:
    """A wall clock and a monotonic clock, which stand still until somebody moves them.

    Hand over its methods wherever calibwatch takes a clock: `now` and `monotonic` to a client, `now` and
    `sleep` to the relay. Sleeping moves both clocks at once and takes no time.

    >>> clock = ManualClock()
    >>> clock.sleep(90.0)
    >>> clock.now().isoformat(), clock.monotonic()
    ('2026-11-03T06:01:30+00:00', 90.0)
    """

    def __init__(self, at: datetime = START) -> None:
        self.wall, self.seconds = at, 0.0

    def now(self) -> datetime:
        """The wall clock: aware, UTC unless it was started otherwise."""
        return self.wall

    def monotonic(self) -> float:
        """Seconds since the clock was made; setting the wall clock does not change them."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass: both clocks go forward."""
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds

    def pass_by(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> None:
        """Let time pass, in the units that a test thinks in."""
        self.sleep(days * 86_400 + hours * 3_600 + seconds)

    def step(self, by: timedelta) -> None:
        """Set the wall clock alone, forward or back, as a person or a time server does."""
        self.wall += by
