"""Has it got worse? The stream against its pooled baseline and its anchor, each segment against its own.

The yearly budget of false alarms gives a window its α (`Watch.alpha`): three fifths are for the pooled
baseline, shared by the stream and its segments (Holm), one fifth for the anchor, one for the early watch.
"""

from __future__ import annotations

from collections.abc import Mapping as Named
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.cycle.comparison import Before, Comparison, Yardstick, compare, expected_accuracy, seed_of
from calib.cycle.design import Design
from calib.cycle.evidence import Rows
from calib.cycle.ports import ANCHOR_SHARE, WINDOW_SHARE, Watch
from calib.cycle.segments import LEAST_LABELS, Segment
from calib.format import Mapping
from calib.measure import Change, holm

Floats = npt.NDArray[np.float64]

STREAM_WEIGHT = 0.5  # of the budget, for the stream as a whole; its segments share the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the window's labels say: of the stream, against the anchor where there is one, and by segment.

    A segment without enough labels, now or before, has no change.
    """

    stream: Comparison
    anchor: Change | None
    segments: dict[str, Change]

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

    def to_json(self) -> dict[str, Any]:
        """The `change` object of the command line's contract."""
        judged = self.stream.judged
        return self.deciding.to_json() | {
            "against": "anchor" if self.deciding is self.anchor else "baseline",
            "anchor": None if self.anchor is None else self.anchor.to_json(),
            "judge": None
            if judged is None
            else {"used": judged.used, "correlation": judged.correlation, "reason": judged.reason},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """What a window is compared with: rows of earlier windows, and from when on each segment's count."""

    pooled: Rows
    anchor: Rows | None
    segment_periods: Named[str, frozenset[str]]
    designs: Named[str, Design]


def judge(
    watch: Watch,
    design: Design,
    *,
    now: Rows,
    mapping: Mapping | None,
    baselines: Baselines | None,
    period: str,
) -> Verdict:
    """Compare this window's labels with the baseline's and the anchor's, and each segment's with its own.

    `mapping` is what production used.
    """
    if baselines is None:
        return Verdict(stream=Comparison(change=Change.first(), judged=None), anchor=None, segments={})
    pooled = Before.of(baselines.pooled, mapping, baselines.designs)
    parts = {
        segment.name: part
        for segment in design.segments
        if (part := _part(segment, now, pooled, baselines.segment_periods.get(segment.name))) is not None
    }
    weights = np.ones(1 + len(parts))
    if parts:
        weights[0], weights[1:] = STREAM_WEIGHT, (1 - STREAM_WEIGHT) / len(parts)
    alpha = watch.alpha * WINDOW_SHARE

    def against(before: Before, level: float, salt: str) -> Comparison:
        by = Yardstick(
            strata=design.strata,
            mass=design.mass,
            served=design.served_mean,
            expected=expected_accuracy(mapping, None, before.rows),
        )
        seed = seed_of(watch.stream, period, salt)
        return compare(now, before, by, design=design, alpha=level, max_rise=watch.max_rise, seed=seed)

    stream = against(pooled, alpha * float(weights[0]), "window")
    anchor = None
    if baselines.anchor is not None:
        before = Before.of(baselines.anchor, mapping, baselines.designs)
        anchor = against(before, watch.alpha * ANCHOR_SHARE, "anchor").change
    changes = [stream.change]
    for segment in design.segments:
        if segment.name not in parts:
            continue
        here, before = parts[segment.name]
        by = Yardstick(
            strata=segment.strata,
            mass=segment.mass,
            served=segment.served_mean,
            expected=expected_accuracy(mapping, segment.name, before.rows),
        )
        seed = seed_of(watch.stream, period, "segment", segment.name)
        level = alpha * float(weights[-1])
        changes.append(
            compare(here, before, by, design=None, alpha=level, max_rise=watch.max_rise, seed=seed).change
        )
    adjusted = holm([change.p if change.p is not None else 1.0 for change in changes], weights)
    found = [change.at(bool(p <= alpha), watch.max_rise) for change, p in zip(changes, adjusted, strict=True)]
    names = [segment.name for segment in design.segments if segment.name in parts]
    return Verdict(
        stream=replace(stream, change=found[0]),
        anchor=anchor,
        segments=dict(zip(names, found[1:], strict=True)),
    )


def _part(
    segment: Segment, now: Rows, pooled: Before, periods: frozenset[str] | None
) -> tuple[Rows, Before] | None:
    """A segment's labels now and before; None where there are too few of either.

    `periods`: those since its last confirmed change, None for the stream's whole baseline.
    """
    here = now.of_segment(segment.name)
    inside = pooled.rows.segment == segment.name
    if periods is not None:
        inside &= np.isin(pooled.rows.period.astype(str), list(periods))
    if len(here) < LEAST_LABELS or int(inside.sum()) < LEAST_LABELS:
        return None
    return here, pooled.take(inside)
