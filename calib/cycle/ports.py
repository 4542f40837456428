"""What the cycle is told about a stream, and the ports through which it touches the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from calib.period import Kind, Period, per_year

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.store import Store
    from calib.traffic import Traffic

WINDOW_SHARE, ANCHOR_SHARE, EARLY_SHARE = 0.6, 0.2, 0.2  # of a window's α


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One stream as its settings describe it; frozen into each window when that opens."""

    stream: str
    scope: dict[str, str]
    labels: int
    kind: Kind
    timezone: str
    settle: timedelta
    close_after: timedelta
    max_rise: float
    targets: tuple[float, ...]
    false_alarms_per_year: float
    threshold: float | None
    outcomes: bool
    seed: str
    keep_context: timedelta
    double_review: float

    @property
    def alpha(self) -> float:
        """What one window may spend of the yearly false-alarm budget."""
        return min(0.5, self.false_alarms_per_year / per_year(self.kind))

    def to_json(self) -> dict[str, Any]:
        """The same in JSON's types, as a window keeps it."""
        values = asdict(self)
        return values | {
            "settle": self.settle.total_seconds(),
            "close_after": self.close_after.total_seconds(),
            "keep_context": self.keep_context.total_seconds(),
            "targets": list(self.targets),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Watch:
        """What `to_json` wrote, in this version or another: keys that are not known here are ignored."""
        known = {field.name for field in fields(cls)}
        return cls(
            **{"double_review": 0.0}
            | {name: value for name, value in values.items() if name in known}
            | {
                "settle": timedelta(seconds=values["settle"]),
                "close_after": timedelta(seconds=values["close_after"]),
                "keep_context": timedelta(seconds=values["keep_context"]),
                "targets": tuple(values["targets"]),
            }
        )

    def expiry(self, at: datetime) -> datetime:
        """When a mapping published `at` is too old to trust: the next one is late by a whole period."""
        longest = {"month": 31, "week": 7, "day": 1}[self.kind]
        return at + timedelta(days=2 * longest) + self.settle + self.close_after

    def due(self, period: Period) -> datetime:
        """The moment from which the period's window may be opened."""
        return period.interval(self.timezone)[1] + self.settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside: our database, the object store, the traffic's engine and the clock."""

    engine: Engine
    store: Store
    traffic: Traffic
    now: Callable[[], datetime]
