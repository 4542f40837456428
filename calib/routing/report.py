"""What a window's labels say to whoever routes by confidence. Pure: labelled rows in, typed results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from calib.measure import GRID, cell
from calib.measure.sample import Sample
from calib.results.routes import AchievedResult, ChainStep, RoutesPart, RoutesResult, ThresholdResult
from calib.results.window import NoCut, ProvenCut
from calib.routing.certificates import Certificate, certified, start_cut
from calib.routing.chains import delivered
from calib.routing.threshold import achieved


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingEvidence:
    """The data on which routing decisions rest: one window's labels, by raw and by served confidence.

    Both hold the same rows in the same order. `effect` ≥ 1: the sample's design effect, by which rows that
    come in clusters count for less, in all and in each segment. `cells`: the population by grid cell,
    ascending: (cell, rows).
    """

    raw: Sample
    served: Sample
    effect: float
    cells: Sequence[tuple[int, int]]

    @property
    def start(self) -> float:
        """The raw confidence that certificates are tested from, chosen by the population alone."""
        return start_cut([at / GRID for at, _ in self.cells], [n for _, n in self.cells])

    def share(self, cut: float) -> float:
        """The share of all predictions, not of the labelled ones alone, at or above a raw confidence."""
        lowest = int(cell(cut))
        return sum(n for at, n in self.cells if at >= lowest) / max(1, sum(n for _, n in self.cells))

    def of_segment(self, name: str) -> RoutingEvidence:
        """The labels of one segment."""
        inside = self.raw.segments == name
        return replace(self, raw=self.raw.take(inside), served=self.served.take(inside))


def certificates(evidence: RoutingEvidence, targets: Sequence[float]) -> tuple[ProvenCut | NoCut, ...]:
    """For each target the cut that these labels prove, or why there is none."""
    return tuple(
        ProvenCut(**item.to_json())
        if isinstance(item, Certificate)
        else NoCut(
            target=item.target,
            confidence=item.confidence,
            labels_needed=item.labels_needed,
            **item.why.fields(),
        )
        for item in certified(
            evidence.raw, targets=tuple(targets), start=evidence.start, effect=evidence.effect
        )
    )


def routes_report(
    evidence: RoutingEvidence,
    *,
    stream: str,
    period: str,
    targets: Sequence[float],
    threshold: float | None,
) -> RoutesResult:
    """For each target its certificate, and what `threshold` really achieves; for all and by segment.

    A certificate's share is that of all predictions; in a segment, of its labelled rows. `chain`: what chains
    of steps deliver that are each acted on at the threshold.
    """
    whole = _part(evidence, targets, threshold)
    names = evidence.raw.segment_names
    return RoutesResult(
        stream=stream,
        targets=tuple(targets),
        period=period,
        labels=whole.labels,
        certificates=tuple(
            replace(item, share=evidence.share(item.cut)) if isinstance(item, ProvenCut) else item
            for item in whole.certificates
        ),
        threshold=whole.threshold,
        segments={name: _part(evidence.of_segment(name), targets, threshold) for name in names},
        chain=() if whole.threshold is None else _chain(whole.threshold.served),
    )


def _part(evidence: RoutingEvidence, targets: Sequence[float], threshold: float | None) -> RoutesPart:
    """Certificates and the threshold's achievement on some labels."""
    result = None
    if threshold is not None:
        raw, served = (
            AchievedResult(**achieved(labels, threshold, effect=evidence.effect).to_json())
            for labels in (evidence.raw, evidence.served)
        )
        result = ThresholdResult(raw=raw, served=served)
    return RoutesPart(labels=evidence.raw.n, certificates=certificates(evidence, targets), threshold=result)


def _chain(passing: AchievedResult) -> tuple[ChainStep, ...]:
    """Chains of steps at the threshold, failing independently, with the ends of the accuracy's interval."""
    stated, accuracy, low, high = passing.stated, passing.accuracy, passing.low, passing.high
    if stated is None or accuracy is None or low is None or high is None:
        return ()
    rows = zip(*(delivered(stated, rate) for rate in (accuracy, low, high)), strict=True)
    return tuple(
        ChainStep(
            steps=row.steps,
            claimed=row.claimed,
            delivered=row.delivered,
            low=worst.delivered,
            high=best.delivered,
        )
        for row, worst, best in rows
    )
