"""A judge: a cheap 0/1 score of every prediction that makes each label count for more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.measure.ece import Counts
from calib.reasons import Reason

Floats = npt.NDArray[np.float64]

CERTAINTY = 2.0  # standard errors that the correlation must be away from nothing
LEAST_GAIN = 0.01  # in effective labels; less is not worth depending on a judge
PRIOR = 10.0  # labels
MOST = 0.9  # of a stratum's variance that a judge may explain: no sample shows it to be perfect


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Counts with the judge's help, or as they were where `used` is false; `why` says why.

    `correlation`: of judge and answer inside the strata, in [-1, 1], 0 where it cannot be known.
    """

    counts: Counts
    correlation: float
    used: bool
    why: Reason

    @property
    def reason(self) -> str:
        """`why` in words."""
        return self.why.sentence


def with_judge(
    counts: Counts,
    *,
    judge_sum: npt.ArrayLike,
    judge_correct_sum: npt.ArrayLike,
    population_mean: npt.ArrayLike,
    population: npt.ArrayLike,
) -> Judged:
    """Effective counts after correcting each stratum for the luck of its draw, as the judge sees it.

    All arrays by stratum, shape (B,). `judge_sum`: labelled rows that the judge calls correct;
    `judge_correct_sum`: those of them that are; both on the scale of `counts`, so with weights the `correct`
    of `kish_counts(group, judge, …)` and of `kish_counts(group, judge * correct, …)`. `population_mean`: the
    judge's mean over all rows of the stratum, in [0, 1]; `population`: how many rows that is.

    A control variate: accuracy + λ (population mean − mean over the labelled), with
    λ = s · p(1 − p) / a(1 − a), where s, the judge's mean over right answers less that over wrong ones, is
    pooled over the strata. The correction does not bias an accuracy however bad the judge. What it leaves of
    the variance, (1 − ρ²) + ρ² n/N with ρ² = s² p(1 − p) / a(1 − a), divides the number of labels
    (prediction-powered inference with a tuned λ: Angelopoulos, Duchi & Zrnic 2023; by stratum: Fisch et al.
    2024). One λ for all strata would double the variance where nearly every answer is right.

    Not used where the correlation is within two standard errors of none, where labels would count for less
    than 1% more, or where a stratum has more labels than judged rows. Raises `InvalidInput` for shapes that
    differ, NaN, and sums that no 0/1 judge can have.

    >>> found = with_judge(
    ...     Counts([80.0], [100.0]),
    ...     judge_sum=[70.0], judge_correct_sum=[68.0], population_mean=[0.66], population=[10_000],
    ... )
    >>> found.used, found.counts.labels.round().tolist(), found.counts.correct.round().tolist()
    (True, [166.0], [129.0])
    """
    k, n = counts.correct, counts.labels
    judged, both_right, mean, rows = (
        _by_stratum(name, values, n.shape)
        for name, values in (
            ("judge_sum", judge_sum),
            ("judge_correct_sum", judge_correct_sum),
            ("population_mean", population_mean),
            ("population", population),
        )
    )
    slack = 1e-6 * (1 + n)
    if not (
        (judged <= n + slack)
        & (both_right <= np.minimum(judged, k) + slack)
        & (both_right >= judged + k - n - slack)
    ).all():
        raise InvalidInput("the sums of a judge of 0 and 1 must fit the counts of the same labelled rows")
    if not (mean <= 1).all():
        raise InvalidInput("the judge's population means must lie in [0, 1]")
    with_labels = n > 0
    if (rows < n - slack).any():
        worst = int(np.argmax(n - rows))
        facts = {"stratum": worst, "labels": float(n[worst]), "judged": float(rows[worst])}
        why = Reason("judge_missing_rows", facts)
        return Judged(counts=counts, correlation=0.0, used=False, why=why)

    labels = np.where(with_labels, n, 1.0)
    covariance = float((both_right - judged * k / labels)[with_labels].sum())
    of_answer = float((k * (1 - k / labels))[with_labels].sum())
    of_judge = float((judged * (1 - judged / labels))[with_labels].sum())
    if of_answer <= 0 or of_judge <= 0:
        why = Reason("judge_constant", {})
        return Judged(counts=counts, correlation=0.0, used=False, why=why)
    correlation = float(np.clip(covariance / np.sqrt(of_answer * of_judge), -1, 1))
    free = float(n.sum()) - int(with_labels.sum())
    if free <= 1 or abs(correlation) * np.sqrt(free) < CERTAINTY:
        why = Reason("judge_may_be_chance", {"correlation": correlation, "labels": float(n.sum())})
        return Judged(counts=counts, correlation=correlation, used=False, why=why)

    power = covariance / of_answer
    # What accuracy the judge's own mean suggests, so that λ leans little on the labels that it corrects.
    overall = float(k.sum() / n.sum())
    suggested = np.clip(overall + (mean - float(n @ mean / n.sum())) / power, 0.02, 0.98)
    rate = (k + PRIOR * suggested) / (labels + PRIOR)
    answer, judge = rate * (1 - rate), mean * (1 - mean)
    # A judge that calls nearly every row of the population the same explains nothing there.
    explained = np.divide(power**2 * answer, judge, out=np.zeros_like(n), where=with_labels & (judge > 1e-9))
    shrink = np.minimum(1.0, np.sqrt(MOST / np.maximum(explained, 1e-12)))
    slope = np.divide(
        power * shrink * answer, judge, out=np.zeros_like(n), where=with_labels & (judge > 1e-9)
    )
    explained = explained * shrink**2
    variance_share = (1 - explained) + explained * n / np.maximum(rows, 1.0)
    accuracy = np.clip(k / labels + slope * (mean - judged / labels), 0, 1)
    effective = np.where(with_labels, n / variance_share, 0.0)
    gain = float(effective.sum() / n.sum()) - 1
    if gain < LEAST_GAIN:
        why = Reason("judge_gains_too_little", {"correlation": correlation, "gain": gain})
        return Judged(counts=counts, correlation=correlation, used=False, why=why)
    why = Reason("judge_used", {"correlation": correlation, "gain": gain})
    law = counts.covariance
    if law is not None:  # what strata share shrinks as their own noise does
        factor = np.sqrt(np.where(with_labels, variance_share, 1.0))
        law = law * np.outer(factor, factor)
    judged_counts = Counts(accuracy * effective, effective, law)
    return Judged(counts=judged_counts, correlation=correlation, used=True, why=why)


def _by_stratum(name: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise InvalidInput(f"{name} must be of shape {shape} as the counts are, not {array.shape}")
    if not (np.isfinite(array) & (array >= 0)).all():
        raise InvalidInput(f"{name} must be finite and not negative")
    return array
