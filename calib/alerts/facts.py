"""What an alert of a window may say: its numbers and names, never a reviewer's context."""

from __future__ import annotations

from dataclasses import dataclass, field

from calib.alerts.episodes import Outcome, Turn
from calib.policy import SEGMENTS_NAMED
from calib.results import EceInterval, WindowResult
from calib.results.clusters import ClustersResult
from calib.results.window import CertificateKept, LabelCounts, UnusableOutcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFacts:
    """An ECE with its interval, the accuracy, and what was stated on average."""

    ece: float | None
    low: float | None
    high: float | None
    accuracy: float | None
    mean_confidence: float | None


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

    @classmethod
    def of(
        cls, result: WindowResult, turn: Turn, *, by_itself: bool = False, report: str | None = None
    ) -> WindowFacts:
        """The facts of a window's result, and of what it does to the stream's episodes.

        `report`: the address of its report.
        """
        raw, served = (
            MeasuredFacts(
                ece=part.ece,
                low=part.low,
                high=part.high,
                accuracy=part.accuracy,
                mean_confidence=part.mean_confidence,
            )
            for part in (result.raw, result.served)
        )
        change, refit, mix = result.change, result.refit, result.score_mix
        return cls(
            labels=result.labels,
            population=result.population,
            rejected=result.rejected,
            raw=raw,
            served=served,
            change=ChangeFacts(
                state=change.state,
                p=change.p,
                rise=change.rise,
                low=change.low,
                high=change.high,
                minimum_detectable_rise=change.minimum_detectable_rise,
                direction=change.direction,
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
        )


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
