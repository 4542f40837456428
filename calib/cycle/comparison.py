"""One sample of labels held against an earlier one, with all that is known of both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as Named
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.calibrators import crossfit, fit, held_out_ece
from calib.cycle.design import Design
from calib.cycle.evidence import Rows, applied, counts, level_shift, means
from calib.format import Curve, Mapping
from calib.measure import Change, Counts, Judged, Strata, change_test, with_judge

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """Earlier windows' rows; `served`: what the present mapping makes of each, out of fold where it was
    fitted on them, and None where it has seen none of them. `designs`: those windows' own, by period.
    """

    rows: Rows
    served: Floats | None
    designs: Named[str, Design]

    @classmethod
    def of(cls, rows: Rows, mapping: Mapping | None, designs: Named[str, Design]) -> Before:
        """The mapping's own fit must not flatter the baseline: its rows are scored by fits without them."""
        fitted_on = [] if mapping is None else mapping.evidence.get("periods", [])
        inside = np.isin(rows.period.astype(str), fitted_on)
        if mapping is None or not inside.any():
            return cls(rows=rows, served=None, designs=designs)
        served = applied(mapping, rows)
        served[inside] = crossfit(rows.labels.take(inside), method=mapping.method)
        return cls(rows=rows, served=served, designs=designs)

    def take(self, which: npt.NDArray[np.bool_]) -> Before:
        """Some of the rows."""
        served = None if self.served is None else self.served[which]
        return Before(rows=self.rows.take(which), served=served, designs=self.designs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePopulation:
    """What both sides are measured on: strata with their masses and mean served confidence, shape (B,).

    `expected`: the accuracy at a raw confidence as it was known before.
    """

    strata: Strata
    mass: Floats
    served: Floats
    expected: Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The change, and what the judge added to this window's labels (None: there is no judge)."""

    change: Change
    judged: Judged | None


def expected_accuracy(mapping: Mapping | None, segment: str | None, before: Rows) -> Curve:
    """The accuracy expected at a raw confidence: the served mapping, else what the baseline itself says."""
    if mapping is not None:
        return mapping.curve(segment)
    return fit(before.raw, before.correct, method="isotonic", weights=before.weight)


def compare(
    now: Rows,
    before: Before,
    by: ReferencePopulation,
    *,
    design: Design | None,
    alpha: float,
    max_rise: float,
    seed: int,
) -> Comparison:
    """The change test of `now` against `before`; `design` is this window's, for the judge (None: without)."""
    current, earlier = counts(now, by.strata), counts(before.rows, by.strata)
    if by.strata.kind == "quantiles":
        moved = means(by.expected.apply(now.raw), now, by.strata) - means(
            by.expected.apply(before.rows.raw), before.rows, by.strata
        )
        both = (current.labels > 0) & (earlier.labels > 0)
        earlier = level_shift(earlier, np.where(both, moved, 0.0))
    if not ((current.labels >= 0.5) & (earlier.labels >= 0.5)).any():
        return Comparison(change=Change.first(), judged=None)  # no confidence in common: a new beginning
    judged = None
    if design is not None and design.judge is not None:
        judged = _judged(now, current, by.strata, {str(period): design for period in now.period})
        judged_before = _judged(before.rows, earlier, by.strata, before.designs)
        current = current if judged is None else judged.counts
        earlier = earlier if judged_before is None else judged_before.counts
    change = change_test(
        current,
        earlier,
        score=by.served,
        mass=by.mass,
        alpha=alpha,
        max_rise=max_rise,
        seed=seed,
        baseline_ece=None if before.served is None else held_out_ece(before.served, before.rows.labels),
    )
    return Comparison(change=change, judged=judged)


def _judged(sample: Rows, plain: Counts, strata: Strata, designs: Named[str, Design]) -> Judged | None:
    """The counts with the judge's help; None where an earlier window had no judge.

    A stratum's population mean is that of the windows, each by the weight of its labels there. A labelled
    row that the judge has not scored counts as that mean: it neither helps nor hurts.
    """
    used = [designs.get(period) for period in sorted(set(sample.period.astype(str)))]
    if any(design is None or design.judge is None for design in used):
        return None
    group, size = strata.assign(sample.raw), len(strata)
    total, summed, rows = np.zeros(size), np.zeros(size), np.zeros(size)
    for period in set(sample.period.astype(str)):
        inside = sample.period == period
        weight = np.bincount(group[inside], sample.weight[inside], size)
        judged, mean = designs[period].judge_in(strata)
        total, summed, rows = total + weight, summed + weight * mean, rows + judged
    population = np.divide(summed, total, out=np.zeros(size), where=total > 0)
    score = np.where(np.isnan(sample.judge), population[group], sample.judge)
    return with_judge(
        plain,
        judge_sum=means(score, sample, strata) * plain.labels,
        judge_correct_sum=means(score * sample.correct, sample, strata) * plain.labels,
        population_mean=population,
        population=rows,
    )


def seed_of(*words: str) -> int:
    """The same window draws the same bootstrap."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")
