"""What a window knows of its stream: the settings that its steps follow, frozen when it opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from calib import policy
from calib.cycle.budget import Budget
from calib.json_object import Json
from calib.period import Kind, Period

PRODUCTION = "production"  # the channel that serves
CANDIDATE = "candidate"  # where refits wait for a person while the window's own channel is withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPolicy:
    """One stream as its settings describe it; frozen into each window when that opens.

    `review` is the kind of review, and `outcomes` whether labels arrive by themselves in it. `studio`: the
    `url` and `project` of Label Studio, where people label there.
    """

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
    review: str = ""
    max_ece: float = 0.10
    max_rejected: float = policy.MAX_REJECTED
    scale: float = 1.0
    studio: dict[str, str] | None = None

    @property
    def review_kind(self) -> str:
        """The kind of review; of windows that 0.1.0 opened, what `outcomes` says of it."""
        return review_kind({"review": self.review, "outcomes": self.outcomes})

    @property
    def budget(self) -> Budget:
        """What each test of one window may spend of the yearly false-alarm budget."""
        return Budget.of_stream(false_alarms_per_year=self.false_alarms_per_year, period=self.kind)

    def to_json(self) -> Json:
        """The policy as a JSON object, as a window keeps it."""
        return asdict(self) | {
            "settle": self.settle.total_seconds(),
            "close_after": self.close_after.total_seconds(),
            "keep_context": self.keep_context.total_seconds(),
            "targets": list(self.targets),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StreamPolicy:
        """The policy that `to_json` wrote, in this version or another: unknown keys are ignored."""
        known = {field.name for field in fields(cls)}
        return cls(
            # what version 0.1.0 opened had no limit of rejected rows
            **{"double_review": 0.0, "max_rejected": 1.0}
            | {name: value for name, value in values.items() if name in known}
            | {
                "settle": timedelta(seconds=values["settle"]),
                "close_after": timedelta(seconds=values["close_after"]),
                "keep_context": timedelta(seconds=values["keep_context"]),
                "targets": tuple(values["targets"]),
            }
        )

    def expiry(self, published: datetime) -> datetime:
        """When a mapping of this stream is too old to trust: `calib.policy.expiry`."""
        return policy.expiry(published, self.kind, settle=self.settle, close_after=self.close_after)

    def due(self, period: Period) -> datetime:
        """The moment from which the period's window may be opened."""
        return period.interval(self.timezone)[1] + self.settle


def review_kind(settings: Mapping[str, Any]) -> str:
    """The kind of review in a window's settings; of windows that 0.1.0 opened, what `outcomes` says of it."""
    return settings.get("review") or ("outcomes" if settings.get("outcomes") else "builtin")
