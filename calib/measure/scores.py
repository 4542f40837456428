"""Proper scores and discrimination, weighted, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.measure.intervals import wilson, z_of

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


def share_estimate(
    correct: Floats,
    share: Floats,
    strata: npt.NDArray[np.intp],
    rate: Floats,
    level: float = 0.95,
    effect: float = 1.0,
) -> Estimate:
    """The accuracy Σ share · correct with Wilson's interval on the effective number of labels.

    Rows of shape (n,), `share` adding up to 1; `rate`: the expected accuracy by stratum, shape (B,). The
    effective number is that of a simple random sample with the same variance: strata that tell right from
    wrong make it larger than n, unequal shares smaller; `effect` ≥ 1, by which clusters widen the variance,
    smaller too.
    """
    value = np.clip([share @ correct], 0, 1)
    centre = float(share @ rate[strata])
    variance = effect * float(share**2 @ _binary_variance(rate)[strata])
    low, high = wilson(value, np.array([max(centre * (1 - centre), LEAST_VARIANCE) / variance]), level)
    return Estimate(float(value[0]), float(low[0]), float(high[0]))


def mean_estimate(
    right: Floats,
    wrong: Floats,
    correct: Floats,
    share: Floats,
    strata: npt.NDArray[np.intp],
    rate: Floats,
    level: float = 0.95,
    effect: float = 1.0,
) -> Estimate:
    """The mean of a loss that is `right` where the answer is right and `wrong` where it is not.

    Rows of shape (n,), `share` adding up to 1; `rate`: the expected accuracy by stratum, shape (B,). The
    interval is normal, from the variance that answers of that accuracy give each row's loss, and from the
    spread of the expected losses inside each stratum; it is not empty where all labels agree, and it never
    reaches below 0.
    """
    value = float(share @ np.where(correct > 0.5, right, wrong))
    size = len(rate)
    expected = wrong + rate[strata] * (right - wrong)
    total = np.bincount(strata, share, size)
    summed = np.bincount(strata, share * expected, size)
    centre = np.divide(summed, total, out=np.zeros(size), where=total > 0)
    variance = (right - wrong) ** 2 * _binary_variance(rate)[strata] + (expected - centre[strata]) ** 2
    half = z_of(level) * float(np.sqrt(effect * (share**2 @ variance)))
    return Estimate(value, max(0.0, value - half), value + half)


def _binary_variance(rate: Floats) -> Floats:
    """Of one answer that is right at this rate; never quite 0, for no finite sample proves certainty."""
    return np.maximum(rate * (1 - rate), LEAST_VARIANCE)


def log_losses(given: Floats) -> Floats:
    """−ln of the probability given to what happened, which counts as 1e-15 where it is less."""
    losses: Floats = -np.log(np.clip(given, 1e-15, 1.0))
    return losses


def auroc(
    scores: Floats, correct: Floats, weight: Floats, level: float = 0.95, effect: float = 1.0
) -> Estimate | None:
    """The chance that a right answer was stated with more confidence than a wrong one, ties counting half.

    Its interval is the wider of two: DeLong's, weighted (DeLong, DeLong & Clarke-Pearson 1988: each row's
    placement among the rows of the other class), which shrinks to nothing where the classes happen to be
    apart, and Newcombe's on effective counts (2006, method 5), which holds for few rows too. None with one
    class.
    """
    right = (correct > 0.5) & (weight > 0)
    wrong = (correct <= 0.5) & (weight > 0)
    if not right.any() or not wrong.any():
        return None
    x, wx = scores[right], weight[right] / weight[right].sum()
    y, wy = scores[wrong], weight[wrong] / weight[wrong].sum()
    placement_x = _placement(x, y, wy)
    placement_y = 1 - _placement(y, x, wx)
    value = min(1.0, max(0.0, float(wx @ placement_x)))
    variance = _variance(placement_x, wx, value) + _variance(placement_y, wy, value)
    half = z_of(level) * float(np.sqrt(effect * variance))
    low, high = _newcombe(value, 1 / float(effect * (wx @ wx)), 1 / float(effect * (wy @ wy)), z_of(level))
    return Estimate(value, max(0.0, min(value - half, low)), min(1.0, max(value + half, high)))


def _newcombe(value: float, right: float, wrong: float, z: float) -> tuple[float, float]:
    """Newcombe's method 5 (2006): both θ with |AUROC − θ| = z · sd(θ), the sd after Hanley & McNeil."""
    pairs = (right + wrong) / 2 - 1

    def reach(theta: float) -> float:
        spread = 1 + pairs * (1 - theta) / (2 - theta) + pairs * theta / (1 + theta)
        return z * float(np.sqrt(theta * (1 - theta) * spread / (right * wrong)))

    def solve(far: float) -> float:
        near = value
        for _ in range(50):
            middle = (near + far) / 2
            near, far = (near, middle) if abs(value - middle) > reach(middle) else (middle, far)
        return (near + far) / 2

    return solve(0.0), solve(1.0)


def _placement(of: Floats, among: Floats, weight: Floats) -> Floats:
    """For each value the weight of those below it plus half of those equal to it."""
    order = np.argsort(among, kind="stable")
    ladder = np.concatenate([[0.0], np.cumsum(weight[order])])
    left = np.searchsorted(among[order], of, side="left")
    right = np.searchsorted(among[order], of, side="right")
    placed: Floats = np.clip((ladder[left] + ladder[right]) / 2, 0, 1)
    return placed


def _variance(placement: Floats, weight: Floats, mean: float) -> float:
    """Of a weighted mean; with equal weights the usual sum of squares over n(n − 1)."""
    effective = 1 / float(weight @ weight)
    correction = effective / (effective - 1) if effective > 1 else 1.0
    return float((weight**2 * (placement - mean) ** 2).sum()) * correction


def decompose(scores: Floats, correct: Floats, weight: Floats) -> Decomposition:
    """The Brier score taken apart by isotonic recalibration (CORP: Dimitriadis, Gneiting & Jordan 2021)."""
    from scipy.optimize import isotonic_regression

    share = weight / weight.sum()
    _, tie = np.unique(scores, return_inverse=True)
    mass = np.bincount(tie, share)
    there = mass > 0
    rate = np.divide(np.bincount(tie, share * correct), mass, out=np.zeros_like(mass), where=there)
    fitted = np.zeros_like(mass)
    fitted[there] = isotonic_regression(rate[there], weights=mass[there]).x
    base = float(share @ correct)
    brier = float(share @ (scores - correct) ** 2)
    recalibrated = float(share @ (fitted[tie] - correct) ** 2)
    unc = base * (1 - base)
    return Decomposition(mcb=brier - recalibrated, dsc=unc - recalibrated, unc=unc)
