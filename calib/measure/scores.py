"""Proper scores and discrimination, weighted, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.measure.intervals import z_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Brier score = `mcb` − `dsc` + `unc`: miscalibration, discrimination, uncertainty."""

    mcb: float
    dsc: float
    unc: float


def mean_estimate(
    values: Floats, weight: Floats, strata: npt.NDArray[np.intp], level: float = 0.95
) -> Estimate:
    """The weighted mean of `values` with a normal interval from the variance inside each stratum.

    All of shape (n,). A stratum with a single row lends its neighbours' spread, the variance over all.
    """
    share = weight / weight.sum()
    mean = float(share @ values)
    size = int(strata.max()) + 1
    rows = np.bincount(strata, minlength=size)
    total = np.bincount(strata, share, size)
    inside = np.divide(
        np.bincount(strata, share * values, size), total, out=np.full(size, mean), where=total > 0
    )
    residual = values - np.where(rows[strata] > 1, inside[strata], mean)
    lost = np.where(rows > 1, rows / np.maximum(rows - 1, 1), 1.0)
    sd = float(np.sqrt((share**2 * residual**2 * lost[strata]).sum()))
    half = z_of(level) * sd
    return Estimate(mean, mean - half, mean + half)


def log_losses(scores: Floats, correct: Floats) -> Floats:
    """−ln of the probability given to what happened; scores kept inside [1e-15, 1 − 1e-15]."""
    given = np.where(correct > 0.5, scores, 1 - scores)
    losses: Floats = -np.log(np.clip(given, 1e-15, 1.0))
    return losses


def auroc(scores: Floats, correct: Floats, weight: Floats, level: float = 0.95) -> Estimate | None:
    """The chance that a right answer was stated with more confidence than a wrong one, ties counting half.

    With DeLong's interval (DeLong, DeLong & Clarke-Pearson 1988), weighted: each row's placement among
    the rows of the other class. None with one class.
    """
    right = (correct > 0.5) & (weight > 0)
    wrong = (correct <= 0.5) & (weight > 0)
    if not right.any() or not wrong.any():
        return None
    x, wx = scores[right], weight[right] / weight[right].sum()
    y, wy = scores[wrong], weight[wrong] / weight[wrong].sum()
    placement_x = _placement(x, y, wy)
    placement_y = 1 - _placement(y, x, wx)
    value = float(wx @ placement_x)
    variance = _variance(placement_x, wx, value) + _variance(placement_y, wy, value)
    half = z_of(level) * float(np.sqrt(variance))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


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
