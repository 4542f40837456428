"""One sample of labels compared with an earlier one, with all that is known of both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as Named
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.calibrators import crossfit, fit, held_out_ece
from calib.calibrators.segments import applied
from calib.cycle.design import Design
from calib.format import Curve, Mapping
from calib.measure import Change, Counts, Judged, Strata, change_test, strata, with_judge
from calib.measure.sample import Sample
from calib.measure.stratum_counts import counts_by_stratum, means_by_stratum

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierSample:
    """The labelled rows of earlier windows.

    `served`: what the present mapping makes of each row, out of fold where it was fitted on them; None where
    it has seen none of them. `designs`: those windows' own, by period.
    """

    sample: Sample
    served: Floats | None
    designs: Named[str, Design]

    @classmethod
    def of(cls, sample: Sample, mapping: Mapping | None, designs: Named[str, Design]) -> EarlierSample:
        """The mapping's own fit must not flatter the baseline: its rows are scored by fits without them."""
        fitted_on = [] if mapping is None else mapping.evidence.get("periods", [])
        inside = np.isin(sample.periods.astype(str), fitted_on)
        if mapping is None or not inside.any():
            return cls(sample=sample, served=None, designs=designs)
        served = applied(mapping.default, mapping.segments, sample)
        served[inside] = crossfit(sample.take(inside), method=mapping.method)
        return cls(sample=sample, served=served, designs=designs)

    def take(self, which: npt.NDArray[np.bool_]) -> EarlierSample:
        """The rows where `which`, shape (n,), is true, their weights adding up to their number again."""
        served = None if self.served is None else self.served[which]
        return EarlierSample(sample=self.sample.take(which).normalised(), served=served, designs=self.designs)


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
class JudgedChange:
    """The change, and what the judge added to this window's labels (None without a judge)."""

    change: Change
    judged: Judged | None


def expected_accuracy(mapping: Mapping | None, segment: str | None, earlier: Sample) -> Curve:
    """The accuracy expected at a raw confidence: the served mapping, else what the baseline itself says."""
    if mapping is not None:
        return mapping.curve(segment)
    return fit(earlier.scores, earlier.correct, method="isotonic", weights=earlier.weights)


def compare(
    now: Sample,
    before: EarlierSample,
    by: ReferencePopulation,
    *,
    design: Design | None,
    alpha: float,
    max_rise: float,
    seed: int,
) -> JudgedChange:
    """The change test of `now` against `before`; `design` is this window's, for the judge (None: without)."""
    current = counts_by_stratum(now, by.strata, earlier=before.sample)
    earlier = counts_by_stratum(before.sample, by.strata, earlier=now)
    if by.strata.kind == "quantiles":
        expected_now, expected_before = (
            means_by_stratum(by.expected.apply(sample.scores), sample, by.strata)
            for sample in (now, before.sample)
        )
        moved = expected_now - expected_before
        in_both = (current.labels > 0) & (earlier.labels > 0)
        earlier = level_shift(earlier, np.where(in_both, moved, 0.0))
    if not ((current.labels >= 0.5) & (earlier.labels >= 0.5)).any():
        return JudgedChange(change=Change.first(), judged=None)  # no confidence in common: a new beginning
    judged = None
    if design is not None and design.judge is not None:
        judged = _judged(now, current, by.strata, {str(period): design for period in now.periods})
        judged_before = _judged(before.sample, earlier, by.strata, before.designs)
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
        baseline_ece=None if before.served is None else held_out_ece(before.served, before.sample),
    )
    return JudgedChange(change=change, judged=judged)


def compare_samples(now: Sample, before: Sample, *, alpha: float, max_rise: float) -> Change:
    """The change test of one labelled sample against an earlier one, at the masses and scores of the first.

    For two files, where neither a mapping nor a population is known. Raises `InvalidInput` as `change_test`.
    """
    groups = strata(now.scores, now.weights)
    mass = np.bincount(groups.assign(now.scores), now.weights, len(groups))
    population = ReferencePopulation(
        strata=groups,
        mass=mass / mass.sum(),
        served=np.clip(means_by_stratum(now.scores, now, groups), 0, 1),
        expected=expected_accuracy(None, None, before),
    )
    earlier = EarlierSample(sample=before, served=None, designs={})
    return compare(now, earlier, population, design=None, alpha=alpha, max_rise=max_rise, seed=0).change


def _judged(sample: Sample, plain: Counts, strata: Strata, designs: Named[str, Design]) -> Judged | None:
    """The counts with the judge's help; None where an earlier window had no judge.

    A stratum's population mean is that of the windows, each by the weight of its labels there. A labelled
    row that the judge has not scored counts as that mean: it neither helps nor hurts.
    """
    used = [designs.get(period) for period in sorted(set(sample.periods.astype(str)))]
    if any(design is None or design.judge is None for design in used):
        return None
    group, size = strata.assign(sample.scores), len(strata)
    total, summed, rows = np.zeros(size), np.zeros(size), np.zeros(size)
    for period in set(sample.periods.astype(str)):
        inside = sample.periods == period
        weight = np.bincount(group[inside], sample.weights[inside], size)
        judged, mean = designs[period].judge_in(strata)
        total, summed, rows = total + weight, summed + weight * mean, rows + judged
    population = np.divide(summed, total, out=np.zeros(size), where=total > 0)
    score = np.where(np.isnan(sample.judge), population[group], sample.judge)
    return with_judge(
        plain,
        judge_sum=means_by_stratum(score, sample, strata) * plain.labels,
        judge_correct_sum=means_by_stratum(score * sample.correct, sample, strata) * plain.labels,
        population_mean=population,
        population=rows,
    )


def level_shift(before: Counts, gap: Floats) -> Counts:
    """Move the baseline's accuracies by `gap`, the change of the mean expected accuracy inside each stratum.

    Within a quantile stratum the scores drift with the traffic; without this a mere change of the mix
    would read as a change of calibration.
    """
    moved = np.clip(before.correct + before.labels * gap, 0, before.labels)
    return Counts(correct=moved, labels=before.labels, covariance=before.covariance)


def seed_of(*words: str) -> int:
    """The same window draws the same bootstrap."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")
