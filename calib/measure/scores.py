"""Proper scores and discrimination, weighted, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.measure.intervals import wilson, z_of
from calib.measure.score_table import ScoreTable

Floats = npt.NDArray[np.float64]

LEAST_VARIANCE = 1e-6  # of one answer


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, 95% unless another level was asked for."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Brier score = `mcb` − `dsc` + `unc`: miscalibration, discrimination, uncertainty."""

    mcb: float
    dsc: float
    unc: float


def share_estimate(table: ScoreTable, rate: Floats, level: float = 0.95) -> Estimate:
    """The accuracy, weights adding up to 1, with Wilson's interval on the effective number of labels.

    `rate`: the expected accuracy by stratum, shape (B,). The effective number is that of a simple random
    sample with the same variance: strata that distinguish right from wrong make it larger than n, unequal
    weights smaller.
    """
    value = np.clip([table.right.sum()], 0, 1)
    size = len(rate)
    centre = float(table.by_group(table.weight, size) @ rate)
    variance = float(table.by_group(table.square, size) @ _binary_variance(rate))
    low, high = wilson(value, np.array([max(centre * (1 - centre), LEAST_VARIANCE) / variance]), level)
    return Estimate(float(value[0]), float(low[0]), float(high[0]))


def mean_estimate(
    right: Floats, wrong: Floats, table: ScoreTable, rate: Floats, level: float = 0.95
) -> Estimate:
    """The mean of a loss that is `right` where the answer is right and `wrong` where it is not, (K,) each.

    Weights add up to 1; `rate`: the expected accuracy by stratum, shape (B,). The interval is normal, from
    the variance that answers of that accuracy give each row's loss, and from the spread of the expected
    losses inside each stratum; it is not empty where all labels agree, and it never reaches below 0.
    """
    size = len(rate)
    gain = right - wrong
    value = float(table.weight @ wrong + table.right @ gain)
    expected = wrong + rate[table.group] * gain
    total, summed = table.by_group(table.weight, size), table.by_group(table.weight * expected, size)
    centre = np.divide(summed, total, out=np.zeros(size), where=total > 0)
    off = expected - centre[table.group]
    # Σ share² (gain² · variance of an answer + off²), stratum by stratum
    variance = float(table.by_group(table.square * gain * gain, size) @ _binary_variance(rate))
    variance += float(table.square @ (off * off))
    half = z_of(level) * float(np.sqrt(variance))
    return Estimate(value, max(0.0, value - half), value + half)


def _binary_variance(rate: Floats) -> Floats:
    """Of one answer that is right at this rate; never quite 0, for no finite sample proves certainty."""
    return np.maximum(rate * (1 - rate), LEAST_VARIANCE)


def log_losses(probability: Floats) -> Floats:
    """−ln of the probability given to what happened, which counts as 1e-15 where it is less."""
    losses: Floats = -np.log(np.clip(probability, 1e-15, 1.0))
    return losses


def auroc(table: ScoreTable, level: float = 0.95) -> Estimate | None:
    """The chance that a right answer was stated with more confidence than a wrong one, ties counting half.

    Its interval is the wider of two: DeLong's, weighted (DeLong, DeLong & Clarke-Pearson 1988: each row's
    placement among the rows of the other class), which shrinks to nothing where the classes happen to be
    apart, and Newcombe's on effective counts (2006, method 5), which holds for few rows too. None with one
    class. One entry per score.
    """
    right, wrong = table.right, table.wrong
    of_right, of_wrong = float(right.sum()), float(wrong.sum())
    if of_right <= 0 or of_wrong <= 0:
        return None
    right, wrong = right / of_right, wrong / of_wrong
    # The weight of the other class below a score, and half of that at it.
    over_wrong = np.clip(np.cumsum(wrong) - wrong / 2, 0, 1)
    under_right = np.clip(1 - (np.cumsum(right) - right / 2), 0, 1)
    value = min(1.0, max(0.0, float(right @ over_wrong)))
    squares = table.right_square / of_right**2, table.wrong_square / of_wrong**2
    variance = _variance(over_wrong, squares[0], value) + _variance(under_right, squares[1], value)
    half = z_of(level) * float(np.sqrt(variance))
    low, high = _newcombe(value, 1 / float(squares[0].sum()), 1 / float(squares[1].sum()), z_of(level))
    return Estimate(value, max(0.0, min(value - half, low)), min(1.0, max(value + half, high)))


NEAR = 1e-14  # of 0 and 1


def _newcombe(value: float, right: float, wrong: float, z: float) -> tuple[float, float]:
    """Newcombe's method 5 (2006): both θ with |AUROC − θ| = z · sd(θ), the sd after Hanley & McNeil."""
    from scipy.optimize import brentq

    pairs = (right + wrong) / 2 - 1

    def beyond(theta: float) -> float:
        spread = 1 + pairs * (1 - theta) / (2 - theta) + pairs * theta / (1 + theta)
        return abs(value - theta) - z * float(np.sqrt(theta * (1 - theta) * spread / (right * wrong)))

    # Below 0 beside the value, at least 0 at both ends, where the sd is 0. A value of 0 or 1 solves the
    # equation itself and is not the root that is looked for, so the search starts a hair inside.
    start = min(max(value, NEAR), 1 - NEAR)
    low, high = (float(brentq(beyond, start, end, xtol=1e-15, rtol=1e-14)) for end in (0.0, 1.0))
    return low, high


def _variance(placement: Floats, squares: Floats, mean: float) -> float:
    """Of a weighted mean, `squares` = Σ w²; with equal weights the usual sum of squares over n(n − 1)."""
    effective = 1 / float(squares.sum())
    correction = effective / (effective - 1) if effective > 1 else 1.0
    off = placement - mean
    return float(squares @ (off * off)) * correction


def decompose(table: ScoreTable) -> Decomposition:
    """The Brier score taken apart by isotonic recalibration (CORP: Dimitriadis, Gneiting & Jordan 2021).

    Weights add up to 1; one entry per score.
    """
    from scipy.optimize import isotonic_regression

    score, mass, right, wrong = table.score, table.weight, table.right, table.wrong
    if not mass.all():  # scores that only rows of weight 0 state
        occupied = mass > 0
        score, mass, right, wrong = (x[occupied] for x in (score, mass, right, wrong))
    fitted = isotonic_regression(right / mass, weights=mass).x
    base = float(right.sum())
    unc = base * (1 - base)

    def brier(values: Floats) -> float:
        return float(right @ (1 - values) ** 2 + wrong @ values**2)

    recalibrated = brier(fitted)
    return Decomposition(mcb=brier(score) - recalibrated, dsc=unc - recalibrated, unc=unc)
