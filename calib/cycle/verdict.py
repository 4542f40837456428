"""Has it got worse? The stream against its baseline and its anchor, each segment against its own. Pure.

Each test spends its part of the window's budget of false alarms (`calib/cycle/budget.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calib.cycle.budget import weights
from calib.cycle.comparison import (
    EarlierSample,
    JudgedChange,
    ReferencePopulation,
    compare,
    expected_accuracy,
    seed_of,
)
from calib.cycle.data import WindowData
from calib.cycle.label_error import NO_LABEL_ERROR, LabelError
from calib.cycle.segments import Segment
from calib.measure import Change, holm
from calib.measure.sample import Sample
from calib.policy import SEGMENT_LEAST_LABELS
from calib.results.window import ChangeResult, JudgeResult, StreamChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDecision:
    """What the window's labels say: of the stream, against the anchor where there is one, and by segment.

    A segment without enough labels, now or before, has no change.
    """

    stream: JudgedChange
    anchor: Change | None
    segments: dict[str, Change]
    labels: LabelError = NO_LABEL_ERROR

    @property
    def deciding(self) -> Change:
        """The comparison that confirms a change, if one does; else the one with the pooled baseline."""
        if self.anchor is not None and self.anchor.confirmed and not self.stream.change.confirmed:
            return self.anchor
        return self.stream.change

    @property
    def confirmed(self) -> bool:
        """Whether a change of the stream is confirmed, for better or worse."""
        return self.deciding.confirmed

    def result(self) -> StreamChange:
        """The `change` object of the window's result."""
        judged = self.stream.judged
        return StreamChange(
            **self.deciding.to_json(),
            against="anchor" if self.deciding is self.anchor else "baseline",
            anchor=None if self.anchor is None else ChangeResult(**self.anchor.to_json()),
            judge=None
            if judged is None
            else JudgeResult(used=judged.used, correlation=judged.correlation, **judged.why.fields()),
            label_error=self.labels.result(self.deciding),
        )


def decide_change(data: WindowData) -> ChangeDecision:
    """Compare this window's labels with the baseline's and the anchor's, and each segment's with its own."""
    baselines, mapping, design, policy = data.baselines, data.main_mapping, data.design, data.policy
    if baselines is None:
        return ChangeDecision(
            stream=JudgedChange(change=Change.first(), judged=None), anchor=None, segments={}
        )
    budget, period = policy.budget, data.window.period
    labels = LabelError.of(data.answered_twice, data.answered_twice_before, design)
    max_rise = policy.max_rise * labels.shown
    pooled = EarlierSample.of(baselines.pooled, mapping, baselines.designs)
    tested = [
        (segment, *part)
        for segment in design.segments
        if (part := _part(segment, data.sample, pooled, baselines.segment_periods.get(segment.name)))
        is not None
    ]
    weight = weights(len(tested))

    def stream_against(before: EarlierSample, alpha: float, salt: str) -> JudgedChange:
        population = ReferencePopulation(
            strata=design.strata,
            mass=design.mass,
            served=design.served_mean,
            expected=expected_accuracy(mapping, None, before.sample),
        )
        return compare(
            data.sample,
            before,
            population,
            design=design,
            alpha=alpha,
            max_rise=max_rise,
            seed=seed_of(policy.stream, period, salt),
        )

    def segment_against(segment: Segment, sample: Sample, before: EarlierSample) -> Change:
        population = ReferencePopulation(
            strata=segment.strata,
            mass=segment.mass,
            served=segment.served_mean,
            expected=expected_accuracy(mapping, segment.name, before.sample),
        )
        return compare(
            sample,
            before,
            population,
            design=None,
            alpha=budget.window * float(weight[-1]),
            max_rise=max_rise,
            seed=seed_of(policy.stream, period, "segment", segment.name),
        ).change

    stream = stream_against(pooled, budget.window * float(weight[0]), "window")
    anchor = None
    if baselines.anchor is not None:
        before = EarlierSample.of(baselines.anchor, mapping, baselines.designs)
        anchor = stream_against(before, budget.anchor, "anchor").change
    changes = [stream.change, *(segment_against(*part) for part in tested)]
    adjusted = holm([change.p if change.p is not None else 1.0 for change in changes], weight)
    decided = [
        labels.seen_through(change.at(bool(p <= budget.window), max_rise))
        for change, p in zip(changes, adjusted, strict=True)
    ]
    return ChangeDecision(
        stream=replace(stream, change=decided[0]),
        anchor=None if anchor is None else labels.seen_through(anchor),
        labels=labels,
        segments={part[0].name: change for part, change in zip(tested, decided[1:], strict=True)},
    )


def _part(
    segment: Segment, sample: Sample, pooled: EarlierSample, periods: frozenset[str] | None
) -> tuple[Sample, EarlierSample] | None:
    """A segment's labels now and before; None where there are too few of either.

    `periods`: those since its last confirmed change, None for the stream's whole baseline.
    """
    now = sample.of_segment(segment.name).normalised()
    inside = pooled.sample.segments == segment.name
    if periods is not None:
        inside &= np.isin(pooled.sample.periods.astype(str), list(periods))
    if len(now) < SEGMENT_LEAST_LABELS or int(inside.sum()) < SEGMENT_LEAST_LABELS:
        return None
    return now, pooled.take(inside)
