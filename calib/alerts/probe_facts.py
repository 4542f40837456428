"""What an alert of a probe may say: its numbers and the names of models, never a question or a reply."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFacts:
    """Why a run shows nothing, and how many replies are of no use, by kind."""

    why: str
    lost: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyFacts:
    """The accuracy on the questions of both runs, with its 95% interval."""

    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedFacts:
    """The same questions before and now; see `calib.results.probe.PairedResult`."""

    questions: int
    brier_rise: float
    brier_rise_low: float
    brier_rise_high: float
    p: float
    lost: int
    gained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifiedFacts:
    """The change test by confidence."""

    state: str | None
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorseModelFacts:
    """A model that is worse than when its answers were accepted, in the period `accepted_in`."""

    model: str
    paired: PairedFacts
    now: AccuracyFacts
    before: AccuracyFacts
    accepted_in: str
    change: StratifiedFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherModelFacts:
    """Models that did not serve the accepted run, with how many of the `total` replies each wrote."""

    model: str
    total: int
    served_new: dict[str, int]
    accepted_served: tuple[str, ...]


ProbeFacts = UnreadableFacts | WorseModelFacts | OtherModelFacts
