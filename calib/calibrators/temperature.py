"""Temperature scaling: one parameter on logits, for classifiers that have them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from calib.calibrators.likelihood import effective, log_odds
from calib.errors import InvalidInput
from calib.format import Temperature
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]

HOTTEST = 100.0  # T and 1/T stay below it


def fit_temperature(
    logits: npt.ArrayLike, labels: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> Temperature:
    """The temperature with the least negative log-likelihood on labels held out from training (Guo 2017).

    `logits`: shape (n, K) for K classes with `labels` the right class of each row, 0 to K − 1; or shape (n,)
    for the log odds of one answer, `labels` 1 where it is right and 0 where it is wrong. `weights`: shape
    (n,). T lies in [1/100, 100]: labels that the logits never contradict name no finite one. Raises
    `InvalidInput` for shapes that differ, values that are not finite, and labels that are not classes.

    >>> fit_temperature([[2.0, 0.0]] * 10, [0] * 7 + [1] * 3).t > 2
    True
    """
    z = np.asarray(logits, dtype=np.float64)
    if z.ndim not in (1, 2) or not z.size or not np.isfinite(z).all():
        raise InvalidInput(f"logits must be finite, of shape (n,) or (n, K), not {z.shape}")
    table = np.stack([np.zeros_like(z), z], axis=1) if z.ndim == 1 else z
    outcomes = np.asarray(labels)
    right = outcomes.astype(np.intp) if outcomes.shape == (len(table),) else np.array([-1])
    if right.min() < 0 or right.max() >= table.shape[1] or (right != outcomes).any():
        raise InvalidInput(f"labels must be classes from 0 to {table.shape[1] - 1}, one for each row")
    share = np.ones(len(table)) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != right.shape or not (np.isfinite(share) & (share >= 0)).all() or share.sum() <= 0:
        raise InvalidInput("weights must be finite, not negative, not all zero, one for each row")
    return _hottest_likely(table, np.eye(table.shape[1])[right] * (share / share.sum())[:, None])


def temperature(labels: Sample) -> Temperature:
    """The same for a confidence that is the softmax of a binary logit; `InvalidInput` without a label."""
    if labels.n == 0:
        raise InvalidInput("temperature scaling needs at least one label")
    score, right, wrong = effective(labels)
    log_p, log_q = log_odds(score)
    answers = np.stack([wrong, right], axis=1)
    return _hottest_likely(np.stack([log_q, log_p], axis=1), answers / answers.sum())


def probabilities(logits: npt.ArrayLike, curve: Temperature) -> Floats:
    """softmax(logits / T) along the last axis: the calibrated probability of every class."""
    shares: Floats = softmax(np.asarray(logits, dtype=np.float64) / curve.t, axis=-1)
    return shares


def _hottest_likely(logits: Floats, answers: Floats) -> Temperature:
    """By the logarithm of 1/T, in which the loss has one minimum; `answers`: shares by row and class."""
    from scipy.optimize import minimize_scalar

    def loss(log_cold: float) -> float:
        return -float((answers * log_softmax(math.exp(log_cold) * logits, axis=1)).sum())

    reach = math.log(HOTTEST)
    optimum = minimize_scalar(loss, bounds=(-reach, reach), method="bounded", options={"xatol": 1e-9})
    return Temperature(t=math.exp(-float(optimum.x)))
