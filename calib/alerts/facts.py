"""What an alert of a window may say: its numbers and names, never a reviewer's context."""

from __future__ import annotations

from dataclasses import dataclass, field

from calib.alerts.episodes import Outcome, Turn
from calib.policy import SEGMENTS_NAMED, SEGMENTS_SHOWN
from calib.results import EceInterval, Measured, WindowResult
from calib.results.clusters import ClustersResult
from calib.results.response import LabelErrorResult
from calib.results.window import BaselineUsed, CertificateKept, LabelCounts, ProvenCut, UnusableOutcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFacts:
    """An ECE, an accuracy and an AUROC with their intervals, and what was stated on average."""

    ece: float | None
    low: float | None
    high: float | None
    accuracy: float | None
    mean_confidence: float | None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    auroc: float | None = None
    auroc_low: float | None = None
    auroc_high: float | None = None
    labels: int = 0

    @classmethod
    def of(cls, part: Measured) -> MeasuredFacts:
        """The facts of a measurement."""
        return cls(
            ece=part.ece,
            low=part.low,
            high=part.high,
            accuracy=part.accuracy,
            mean_confidence=part.mean_confidence,
            accuracy_low=part.accuracy_low,
            accuracy_high=part.accuracy_high,
            auroc=part.auroc,
            auroc_low=part.auroc_low,
            auroc_high=part.auroc_high,
            labels=part.n,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdFacts:
    """What passes the settings' threshold on the served confidence, and how much of that is right."""

    threshold: float
    share: float
    accuracy: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeFacts:
    """The last window that this one is compared with."""

    period: str
    raw: MeasuredFacts
    served: MeasuredFacts
    threshold: ThresholdFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFacts:
    """The stream's change test."""

    state: str | None
    p: float | None
    rise: float | None
    low: float | None
    high: float | None
    minimum_detectable_rise: float | None
    direction: str | None
    draws: int | None = None
    label_error: LabelErrorResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitFacts:
    """What became of the refit."""

    published: bool
    reason: str
    reason_code: str | None = None
    mapping: str | None
    ece_before: EceInterval | None
    ece_after: EceInterval | None
    channel: str | None = None
    certificates_dropped: int = 0
    generation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MixFacts:
    """How far the mix of stated confidences moved."""

    moved: float
    usual: float | None
    ece_from_mix: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """A degraded segment's change test."""

    name: str
    rise: float | None
    low: float | None
    high: float | None
    p: float | None
    direction: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """A segment in the table of segments: its size, and what was measured of what is served there."""

    name: str
    population: int
    labels: int
    accuracy: float | None
    ece: float | None
    rise: float | None
    degraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """That labels come in clusters: by what, how many independent ones they are worth, and that in words."""

    source: str
    effective_labels: float | None
    why: str | None
    why_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFacts:
    """What a message may say of a window's result; `by_itself`: its labels come without anybody asked.

    `warning`: what became of the early warning of `warned_in`. `recovered`: whether a degradation ended.
    `before`: the window before, None where there is none to compare with. `baseline`: the first and the last
    period of the baseline, and its labels. `calibrated`: whether a mapping served, for the most part.
    `targets_proven`: for which accuracies a cut is proven now. `withdrawn`: a person has withdrawn
    the channel.
    """

    labels: LabelCounts
    population: int
    rejected: dict[str, int]
    raw: MeasuredFacts
    served: MeasuredFacts
    change: ChangeFacts
    refit: RefitFacts
    channel: str
    score_mix: MixFacts | None = None
    clusters: ClusterFacts | None = None
    segments: tuple[SegmentFacts, ...] = ()
    by_itself: bool = False
    report: str | None = None
    outcomes: UnusableOutcomes = field(default_factory=UnusableOutcomes)
    warning: Outcome | None = None
    warned_in: str | None = None
    recovered: bool = True
    certificates_kept: tuple[CertificateKept, ...] = ()
    before: BeforeFacts | None = None
    baseline: BaselineUsed = field(default_factory=BaselineUsed)
    threshold: ThresholdFacts | None = None
    segment_rows: tuple[SegmentRow, ...] = ()
    calibrated: bool = True
    targets_proven: tuple[float, ...] = ()
    withdrawn: bool = False

    @classmethod
    def of(
        cls,
        result: WindowResult,
        turn: Turn,
        *,
        by_itself: bool = False,
        report: str | None = None,
        before: WindowResult | None = None,
        withdrawn: bool = False,
    ) -> WindowFacts:
        """The facts of a window's result, and of what it does to the stream's episodes.

        `report`: the address of its report. `before`: the result of the last window of its baseline.
        `withdrawn`: whether a person has withdrawn the channel.
        """
        change, refit, mix = result.change, result.refit, result.score_mix
        return cls(
            labels=result.labels,
            population=result.population,
            rejected=result.rejected,
            raw=MeasuredFacts.of(result.raw),
            served=MeasuredFacts.of(result.served),
            change=ChangeFacts(
                state=change.state,
                p=change.p,
                rise=change.rise,
                low=change.low,
                high=change.high,
                minimum_detectable_rise=change.minimum_detectable_rise,
                direction=change.direction,
                draws=change.draws,
                label_error=change.label_error,
            ),
            refit=RefitFacts(
                published=refit.published,
                reason=refit.reason,
                reason_code=refit.reason_code,
                mapping=refit.mapping,
                ece_before=refit.ece_before,
                ece_after=refit.ece_after,
                channel=refit.channel,
                certificates_dropped=refit.certificates_dropped,
                generation=refit.generation,
            ),
            channel=result.channel,
            score_mix=None
            if mix is None
            else MixFacts(moved=mix.moved, usual=mix.usual, ece_from_mix=mix.ece_from_mix),
            clusters=_clusters(result.clusters),
            by_itself=by_itself,
            segments=_degraded(result)[:SEGMENTS_NAMED],
            report=report,
            outcomes=result.outcomes,
            warning=turn.warning,
            warned_in=turn.warned_in,
            recovered=turn.recovered,
            certificates_kept=result.certificates_kept,
            before=None
            if before is None
            else BeforeFacts(
                period=before.period,
                raw=MeasuredFacts.of(before.raw),
                served=MeasuredFacts.of(before.served),
                threshold=_threshold(before),
            ),
            baseline=result.baseline,
            threshold=_threshold(result),
            segment_rows=_segment_rows(result),
            calibrated=result.served.source != "raw",
            withdrawn=withdrawn,
            targets_proven=tuple(
                certificate.target
                for certificate in result.certificates
                if isinstance(certificate, ProvenCut)
            ),
        )


def _threshold(result: WindowResult) -> ThresholdFacts | None:
    effect = None if result.pictures is None else result.pictures.threshold
    if effect is None:
        return None
    served = effect.served
    return ThresholdFacts(
        threshold=effect.threshold,
        share=served.share,
        accuracy=served.accuracy,
        low=served.low,
        high=served.high,
    )


def _segment_rows(result: WindowResult) -> tuple[SegmentRow, ...]:
    """Those that degraded first, then the largest."""
    rows = [
        SegmentRow(
            name=name,
            population=part.population,
            labels=part.labels,
            accuracy=part.served.accuracy,
            ece=part.served.ece,
            rise=None if part.change is None else part.change.rise,
            degraded=name in result.degraded_segments,
        )
        for name, part in result.segments.items()
    ]
    rows.sort(key=lambda row: (not row.degraded, -row.population, row.name))
    return tuple(rows[:SEGMENTS_SHOWN])


def _clusters(clusters: ClustersResult) -> ClusterFacts | None:
    if clusters.source == "none":
        return None
    return ClusterFacts(
        source=clusters.source,
        effective_labels=clusters.effective_labels,
        why=clusters.why,
        why_code=clusters.why_code,
    )


def _degraded(result: WindowResult) -> tuple[SegmentFacts, ...]:
    return tuple(
        SegmentFacts(
            name=name,
            rise=change.rise,
            low=change.low,
            high=change.high,
            p=change.p,
            direction=change.direction,
        )
        for name in result.degraded_segments
        if (change := result.segments[name].change) is not None
    )
