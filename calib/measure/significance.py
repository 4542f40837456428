"""The p-value of a change: a mixture likelihood ratio against its own parametric bootstrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.measure.alternatives import Alternatives, alternatives, log_mixture
from calib.measure.ece import Counts

Floats = npt.NDArray[np.float64]

LEAST_DRAWS = 999


def expected_accuracy(k0: Floats, n0: Floats) -> Floats:
    """By the baseline alone, drawn towards one half by two labels; never a score that a model states."""
    return (k0 + 1) / (n0 + 2)


def statistic(k1: Floats, n1: Floats, k0: Floats, n0: Floats, drifts: Alternatives) -> Floats:
    """The log mixture ratio of each replicate; k of shape (R, B), n of shape (B,).

    The variance is pooled over both samples: taken from each alone it breaks where the baseline is large.
    """
    pooled = np.clip(pooled_accuracy(k1, n1, k0, n0), 1e-3, 1 - 1e-3)
    return log_mixture(k1 / n1 - k0 / n0, pooled * (1 - pooled) * (1 / n1 + 1 / n0), drifts)


def pooled_accuracy(k1: Floats, n1: Floats, k0: Floats, n0: Floats) -> Floats:
    """Of both samples together, drawn towards the baseline's by two labels."""
    return (k1 + k0 + 2 * expected_accuracy(k0, n0)) / (n1 + n0 + 2)


def null_draws(
    k1: Floats, n1: Floats, k0: Floats, n0: Floats, drifts: Alternatives, draws: int, rng: np.random.Generator
) -> Floats:
    """The statistic where nothing changed, shape (draws,): both samples binomial, one accuracy a stratum."""
    accuracy = np.clip(pooled_accuracy(k1, n1, k0, n0), 0, 1)
    m1, m0 = np.maximum(np.round(n1), 1), np.maximum(np.round(n0), 1)
    shape = (draws, len(n1))
    drawn1 = rng.binomial(m1.astype(np.int64), accuracy, shape).astype(np.float64)
    drawn0 = rng.binomial(m0.astype(np.int64), accuracy, shape).astype(np.float64)
    return statistic(drawn1, m1, drawn0, m0, drifts)


def p_value(observed: float, null: Floats) -> float:
    """The share of draws that reach what was seen, itself one of them (Davison & Hinkley 1997, 4.2)."""
    return (1 + int((null >= observed - 1e-12).sum())) / (len(null) + 1)


def joint_p_value(
    now: Counts, before: Counts, drifts: Alternatives, draws: int, rng: np.random.Generator
) -> float:
    """The same where strata err together: of counts with labels in every stratum, one with a `covariance`.

    The statistic takes each stratum by itself, as without clusters; its law is drawn with the strata's
    covariance, so that a shift which clusters bring about by themselves is no news. A statistic that weighs
    by the inverse of the covariance believes the small differences between strata that an estimate of it
    promises, and alarms falsely in 6 to 8% where events are rare. Normal draws take the place of binomial
    ones.
    """
    pooled = pooled_accuracy(now.correct, now.labels, before.correct, before.labels)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-3 * (1 - 1e-3)))
    law = spread[:, None] * (_covariance(now) + _covariance(before)) * spread
    values, directions = np.linalg.eigh(law)
    root = directions * np.sqrt(np.maximum(values, 0.0))
    change = now.correct / now.labels - before.correct / before.labels
    changes = np.concatenate([change[None], rng.standard_normal((draws, len(change))) @ root.T])
    ratios = log_mixture(changes, np.broadcast_to(np.diag(law), changes.shape), drifts)
    return p_value(float(ratios[0]), ratios[1:])


def _covariance(counts: Counts) -> Floats:
    return np.diag(1 / counts.labels) if counts.covariance is None else counts.covariance


def change_p_value(
    k1: Floats,
    n1: Floats,
    k0: Floats,
    n0: Floats,
    mass: Floats,
    *,
    draws: int = LEAST_DRAWS,
    rng: np.random.Generator,
) -> float:
    """Of "no stratum's accuracy changed", from correct and all labels now (1) and before (0), shape (B,).

    The change test's own p-value without its verdict: what a simulation runs ten thousand times. All strata
    need labels on both sides and `mass` > 0 adding up to 1.
    """
    drifts = alternatives(expected_accuracy(k0, n0), mass)
    observed = float(statistic(k1[None], n1, k0[None], n0, drifts)[0])
    return p_value(observed, null_draws(k1, n1, k0, n0, drifts, draws, rng))
