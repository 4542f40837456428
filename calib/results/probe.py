"""The object that `calib probe --json` prints of one run of a probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from calib.json_object import Json
from calib.results.codec import from_json, to_json
from calib.results.measured import Measured
from calib.results.window import AlertState, ChangeResult
from calib.results.work import FailureResult

ProbeState = Literal["first", "stable", "no_change_seen", "degraded", "changed", "cannot_see"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReplies:
    """How many replies were asked for and arrived; `failed` and `unread`: how many are of no use, by kind."""

    asked: int
    arrived: int
    failed: dict[str, int]
    unread: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRun:
    """The run that this one is compared with, who accepted it, and the models that served it."""

    run: int
    period: str
    by: str | None
    served: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedResult:
    """The same questions before and now.

    `lost` and `gained`: how many turned wrong and right. `brier_rise`: the mean rise of the Brier score, with
    its 95% interval; `p`: of the paired test that it did not rise.
    """

    state: Literal["stable", "no_change_seen", "degraded", "changed"]
    questions: int
    lost: int
    gained: int
    brier_rise: float
    brier_rise_low: float
    brier_rise_high: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One run of a probe: what was asked, what arrived, and whether the model is worse than when accepted.

    `why`: why nothing can be said, where `state` is `cannot_see`, with its code and the facts that it names.
    `served`: replies by the model that the endpoint named; `served_new`: the models that did not serve the
    accepted run. `setup_changed`: the settings that differ from the accepted run's. `now`, `before`, `paired`
    and `change` are None where there is nothing to measure or to compare with.
    """

    probe: str
    period: str
    state: ProbeState
    why: str | None = None
    why_code: str | None = None
    why_facts: dict[str, str | int | float] = field(default_factory=dict)
    model: str
    served: dict[str, int]
    served_new: tuple[str, ...]
    setup_changed: tuple[str, ...]
    questions: int
    replies: ProbeReplies
    readable: int
    accepted: AcceptedRun | None
    now: Measured | None
    before: Measured | None
    paired: PairedResult | None
    change: ChangeResult | None
    accepted_at: str | None = None
    accepted_by: str | None = None
    alerts: tuple[AlertState, ...] = field(default=())

    def to_json(self) -> Json:
        """The object of `calib probe NAME`."""
        return to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ProbeResult:
        """A run as our database holds it; `InvalidInput` for anything else."""
        return from_json(
            cls, values, what=f"the stored run of probe {values.get('probe')} {values.get('period')}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbesResult:
    """The runs of all probes, and the probes that failed."""

    probes: tuple[ProbeResult, ...]
    failures: tuple[FailureResult, ...]

    def to_json(self) -> Json:
        """The object of `calib probe` without a name."""
        return to_json(self)
