"""Several tests on one budget."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput

Floats = npt.NDArray[np.float64]


def holm(p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Floats:
    """P-values adjusted for having been one of several, shape (m,) (Holm 1979, weighted).

    Rejecting those that are at most α makes a false rejection anywhere no more likely than α, however the
    tests depend on each other. `weights` > 0, shape (m,), say how the budget is divided; equal by default.
    Raises `InvalidInput` for shapes that differ, p outside [0, 1] and weights that are not positive.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    share = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or share.shape != values.shape:
        raise InvalidInput(f"p and weights must be of one shape (m,), not {values.shape} and {share.shape}")
    if not ((values >= 0) & (values <= 1)).all() or not (np.isfinite(share) & (share > 0)).all():
        raise InvalidInput("p-values lie in [0, 1], weights are positive")
    order = np.argsort(values / share, kind="stable")
    remaining = np.cumsum(share[order][::-1])[::-1]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * remaining / share[order]))
    return adjusted


def partially_pooled(value: npt.ArrayLike, error: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Estimates drawn towards their common mean as far as their noise explains how they differ.

    `value` and its standard `error` > 0, shape (m,). Empirical Bayes after Morris (1983), whose standard
    errors allow for the mean and the variance between being estimates themselves; that variance is Paule &
    Mandel's (1982). Returns values and standard errors. Fewer than four estimates stay as they are: they do
    not say how estimates differ.

    >>> partially_pooled([0.1, 0.1, 0.1, 0.1, 0.4], [0.1] * 5)[0].round(2).tolist()
    [0.12, 0.12, 0.12, 0.12, 0.33]
    """
    y, s = np.asarray(value, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if y.ndim != 1 or y.shape != s.shape or not (np.isfinite(y) & np.isfinite(s) & (s > 0)).all():
        raise InvalidInput("estimates and errors must be finite, errors positive, of one shape (m,)")
    m = len(y)
    if m < 4:
        return y, s
    between = _between(y, s)
    weight = 1 / (s**2 + between)
    mean = float(weight @ y / weight.sum())
    drawn = (m - 3) / (m - 1) * s**2 * weight
    variance = s**2 * (1 - (1 - weight / weight.sum()) * drawn) + 2 / (m - 3) * (drawn * (y - mean)) ** 2
    return (1 - drawn) * y + drawn * mean, np.sqrt(variance)


def _between(y: Floats, s: Floats) -> float:
    """The variance between at which the weighted squares add up to their degrees of freedom."""

    def excess(variance: float) -> float:
        weight = 1 / (s**2 + variance)
        mean = weight @ y / weight.sum()
        return float(weight @ (y - mean) ** 2) - (len(y) - 1)

    if excess(0.0) <= 0:
        return 0.0
    from scipy.optimize import brentq

    return float(brentq(excess, 0.0, float(((y - y.mean()) ** 2).sum()), xtol=1e-15, rtol=1e-14))
