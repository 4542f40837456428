"""The object that `calib alerts episodes` and `calib alerts close` print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from calib.json_object import Json
from calib.results.codec import to_json

Said = Literal[
    "early_warning",
    "degraded",
    "confirmed",
    "still_open",
    "goes_on",
    "not_confirmed",
    "recovered",
    "newer_degradation",
    "scope_change",
    "withdrawal",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeWindow:
    """What a window of this period said of the episode."""

    period: str
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeResult:
    """One episode, from the alert that opened it to what ended it.

    `degraded_in`: the period whose verdict said degraded, None while an early warning waits for one.
    `ended_by` is None while it is open. `by`, `reason`: of the person who withdrew the mapping or ended it by
    hand.
    """

    id: str
    stream: str
    opened_by: Literal["early_warning", "degraded"]
    opened_in: str
    opened_at: str
    degraded_in: str | None
    ended_by: (
        Literal["not_confirmed", "recovered", "newer_degradation", "scope_change", "withdrawal", "person"]
        | None
    )
    ended_in: str | None
    ended_at: str | None
    by: str | None
    reason: str | None
    windows: tuple[EpisodeWindow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeList:
    """A stream's episodes, oldest first."""

    stream: str
    episodes: tuple[EpisodeResult, ...]

    def to_json(self) -> Json:
        """The object of `calib alerts episodes` and `calib alerts close`."""
        return to_json(self)
