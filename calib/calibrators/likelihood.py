"""Logistic models of correctness, fitted by maximum likelihood within bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from calib.format.curves import EDGE
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]

SLOPE = (1e-4, 50.0)  # never level, so that the ranking is kept; never a step, where classes are apart
OFFSET = (-14.0, 14.0)  # log odds of the edge at which every mapping is clipped


def log_odds(scores: Floats) -> tuple[Floats, Floats]:
    """ln c(p) and ln(1 − c(p)) as mappings take them, c keeping p in [1e-6, 1 − 1e-6]; shape (n,) each."""
    inside = np.clip(scores, EDGE, 1 - EDGE)
    return np.log(inside), np.log(1 - inside)


def distinct_scores(labels: Sample) -> tuple[Floats, Floats, Floats, Floats]:
    """By distinct score, ascending: the score, its accuracy, its weight, and the sum of squared weights."""
    score, tie = np.unique(labels.scores, return_inverse=True)
    weights = labels.weights / labels.weights.max()  # tiny ones would vanish when squared
    weight = np.bincount(tie, weights).astype(np.float64)
    squares = np.bincount(tie, weights**2).astype(np.float64)
    weighted = squares > 0
    right = np.bincount(tie, weights * labels.correct)
    return score[weighted], right[weighted] / weight[weighted], weight[weighted], squares[weighted]


def effective(labels: Sample) -> tuple[Floats, Floats, Floats]:
    """By distinct score: the score, and Kish's effective counts of right and of wrong answers there."""
    score, accuracy, weight, squares = distinct_scores(labels)
    weight = weight * (weight.sum() / squares.sum())
    accuracy = np.clip(accuracy, 0, 1)
    return score, weight * accuracy, weight * (1 - accuracy)


def fit_logistic(
    features: Floats,
    right: Floats,
    wrong: Floats,
    *,
    start: Sequence[float],
    bounds: Sequence[tuple[float, float]],
) -> Floats:
    """The coefficients of expit(features · θ) that make the answers most likely, shape (k,).

    `features`: shape (m, k); `right` and `wrong`: (possibly fractional) answers of each row, shape (m,). The
    likelihood is concave, so the optimum within `bounds` is the only one.
    """
    from scipy.optimize import minimize

    total = float(right.sum() + wrong.sum())
    both = right + wrong

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = features @ theta
        value = both @ np.logaddexp(0, z) - right @ z
        return float(value) / total, features.T @ (both * expit(z) - right) / total

    optimum = minimize(
        loss,
        np.array(start),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"gtol": 1e-9, "ftol": 1e-15},
    )
    theta: Floats = optimum.x
    return theta
