"""The result of one window: the object that `calib run --json` prints and that the database keeps.

Every key is always there, however little is known of the window. Schema 1 is what calibwatch 0.1.0 wrote; it
had no `schema`, no codes beside its reasons and no `baseline`, and is read all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from calib.json_object import Json
from calib.results.clusters import ClustersResult
from calib.results.codec import KEYS, from_json, to_json
from calib.results.measured import EceInterval, Measured
from calib.results.pictures import PictureData
from calib.results.response import LabelErrorResult, ResponseResult

SCHEMA = 2

WindowState = Literal["sampled", "in_review", "evaluated", "closed", "insufficient"]
ChangeState = Literal["first", "stable", "no_change_seen", "degraded", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why: a sentence for people, its code (`calib/reasons.py`) for programs, and the facts that it names.

    The code is None in what version 0.1.0 stored.
    """

    reason: str
    reason_code: str | None = None
    reason_facts: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSample:
    """The drawn rows: their number, the number of strata, and the digest over all of them."""

    n: int
    strata: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """How many drawn rows are labelled (`n`), of these correct; looked at without an answer; and the rest."""

    n: int
    correct: int
    unsure: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableOutcomes:
    """Drawn rows whose label is missing though labels arrive by themselves, by why it is.

    `not_an_answer`: the outcome says neither right nor wrong. `not_found`: the traffic no longer holds them.
    """

    not_an_answer: int = 0
    not_found: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineUsed:
    """The earlier windows that this one is compared with, oldest first, and how many labels they have."""

    periods: tuple[str, ...] = ()
    labels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingShare:
    """The share of the population that one mapping served; None: the raw confidence was served."""

    mapping: str | None
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedMeasured(Measured):
    """What production used, measured.

    `source`: `logged` by the client, `reconstructed` from the channel's history, or `raw` where no mapping
    served. `curves`: of each of `mappings` the digest of its curves alone, for the same curves may be
    published anew with other certificates; None for the raw confidence.
    """

    source: Literal["logged", "reconstructed", "raw"]
    mappings: tuple[MappingShare, ...] = ()
    curves: tuple[str | None, ...] = ()

    @property
    def served_by(self) -> tuple[str | None, ...]:
        """What served: curves, or the mappings' own digests in what version 0.1.0 stored."""
        return self.curves or tuple(part.mapping for part in self.mappings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """A change test's outcome (docs/explanation/statistics.md); `state` is None where no test was made.

    `rise` of the served ECE over the baseline, and `accuracy_change`, each with a 95% interval.
    `baseline_labels` and `labels_to_prove_stable` are effective numbers of labels; `draws`: the
    simulated draws that `p` rests on. `too_small`: `changed`, but shown to be too small to matter: it neither
    begins a new baseline nor raises an alert.
    """

    state: ChangeState | None = None
    p: float | None = None
    rise: float | None = None
    low: float | None = None
    high: float | None = None
    proven_worse: bool = False
    minimum_detectable_rise: float | None = None
    baseline_labels: float = 0.0
    accuracy_change: float | None = None
    accuracy_change_low: float | None = None
    accuracy_change_high: float | None = None
    labels_to_prove_stable: int | None = None
    direction: str | None = None
    draws: int | None = None
    too_small: bool = False

    @property
    def confirmed(self) -> bool:
        """Whether the accuracies moved beyond doubt and by enough to matter, for better or worse."""
        return self.state in ("degraded", "changed") and not self.too_small


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeResult(Explained):
    """Whether the judge made labels count for more; `correlation` of judge and answer inside the strata."""

    used: bool
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChange(ChangeResult):
    """The stream's change test: against the baseline, or the anchor where only that confirms a change."""

    against: Literal["baseline", "anchor"] | None = None
    anchor: ChangeResult | None = None
    judge: JudgeResult | None = None
    label_error: LabelErrorResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledGap:
    """A segment's mean served confidence minus accuracy, drawn towards other segments', with its interval."""

    gap: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """One segment; `change` is None where it has too few labels, now or before, to be tested by itself."""

    population: int
    labels: int
    raw: Measured
    served: Measured
    change: ChangeResult | None
    gap_pooled: PooledGap | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MixResult:
    """How far the mix of stated confidences moved from the baseline's: the share of predictions that did.

    `now`, `before`: the shares by stratum.
    """

    moved: float
    usual: float | None
    chance: float
    notable: bool
    ece_from_mix: float | None
    now: tuple[float, ...]
    before: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyResult:
    """The early watch: the largest e-value after so many labels, and the e-value at which it alarms.

    `off`: why it watches nothing, a sentence, and `off_code` its code; None where it watches.
    """

    labels: int
    e_value: float
    needed: float
    alarm: bool
    off: str | None = None
    off_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitResult(Explained):
    """What became of the refit; `upheld`: the served mapping stays and is renewed.

    `certificates_dropped`: an upheld mapping is published anew, its curves as they were, without so many
    certificates that this window's labels break; then `mapping` is its new digest, and `published` is false.
    `channel`: where `mapping` is published; `candidate` while a person has withdrawn the stream's own.
    `generation`: that channel's counter after publishing. The numbers before are those of what is served, the
    numbers after those of the new mapping on labels that it has not seen.
    """

    published: bool = False
    method: str | None = None
    pooling: str | None = None
    segments: tuple[str, ...] = ()
    mapping: str | None = None
    channel: str | None = None
    ece_before: EceInterval | None = None
    ece_after: EceInterval | None = None
    brier_before: float | None = None
    brier_after: float | None = None
    upheld: bool = False
    certificates_dropped: int = 0
    generation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenCut:
    """At and above `cut` the accuracy is at least `target`, with probability `confidence`."""

    target: float
    confidence: float
    cut: float
    share: float
    n: int
    accuracy_low: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCut(Explained):
    """No cut is certified for `target`; `labels_needed`: how many more could help, None where none would."""

    target: float
    confidence: float
    labels_needed: int | None
    cut: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateKept:
    """An earlier certificate, and what this window's labels say of it.

    `from`: the period that proved it. `accuracy`: at and above `cut`, with an exact 95% interval; None where
    no label lies there. `share`: of all predictions, at or above the cut. `kept`: "no" where an exact test
    within the budget of false alarms rejects it, "yes" where `low` reaches the target.
    """

    __pydantic_config__ = KEYS

    target: float
    cut: float
    from_: str
    accuracy: float | None
    low: float | None
    high: float | None
    share: float
    kept: Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """An alert of the window, whether it was delivered, and the id of the episode that it belongs to."""

    kind: str
    id: str
    delivered: bool
    episode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """One stream in one period: what was sampled, labelled, measured, decided, published and reported.

    `rounded`: rows whose confidence lies beyond 0 or 1 by at most 1e-6, taken as that end.
    `revision`: 1, and one more each time that a person had the period watched anew. `standing`: whether this
    one counts for its period. `waits_for`: the earlier periods that are evaluated before this one.
    `above_limit`: the first window of a scope, which has no baseline, serves an ECE beyond `max_ece`, and
    proven beyond `max_rise`. `review`: the kind of review that the labels come from. `label_conflicts`: drawn
    rows to which there is another answer beside the one that counts. `episode`: the id of the episode that
    the window began, took on or ended; None where it is in none.
    """

    stream: str
    period: str
    state: WindowState
    channel: str
    population: int
    rejected: dict[str, int]
    sample: DrawnSample
    labels: LabelCounts
    raw: Measured
    served: ServedMeasured
    change: StreamChange
    refit: RefitResult
    schema: int = 1  # where it is missing, version 0.1.0 wrote it
    revision: int = 1
    standing: bool = True
    waits_for: tuple[str, ...] = ()
    above_limit: bool = False
    rounded: int = 0
    outcomes: UnusableOutcomes = UnusableOutcomes()
    baseline: BaselineUsed = BaselineUsed()
    clusters: ClustersResult = field(default_factory=ClustersResult)
    segments: dict[str, SegmentResult] = field(default_factory=dict)
    score_mix: MixResult | None = None
    response: ResponseResult | None = None
    early_watch: EarlyResult | None = None
    certificates: tuple[ProvenCut | NoCut, ...] = ()
    certificates_kept: tuple[CertificateKept, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    review: str = "builtin"
    label_conflicts: int = 0
    pictures: PictureData | None = None  # of a window that this version evaluated and that has labels
    episode: str | None = None

    @property
    def degraded_segments(self) -> tuple[str, ...]:
        """The segments that are called degraded, in the order of their size."""
        return tuple(
            name
            for name, part in self.segments.items()
            if part.change is not None and part.change.state == "degraded"
        )

    @property
    def changed_segments(self) -> tuple[str, ...]:
        """The segments whose change is confirmed, for better or worse."""
        return tuple(
            name for name, part in self.segments.items() if part.change is not None and part.change.confirmed
        )

    def to_json(self) -> Json:
        """The object of `calib run --json`; its JSON Schema is `docs/reference/json/window.schema.json`."""
        return to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> WindowResult:
        """Read what `to_json` wrote, in this version or in 0.1.0; `InvalidInput` for anything else."""
        return from_json(
            cls, values, what=f"the stored result of {values.get('stream')} {values.get('period')}"
        )
