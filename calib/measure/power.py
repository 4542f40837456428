"""What a window could have seen, and how many labels would prove that nothing happened: by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from calib.measure.ece import debiased, lower_bound, reaches, standard_error
from calib.measure.intervals import REAL

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

POWER = 0.8
REPLICATES = 300  # the power to ± 0.02, the answers to a few percent
HALVINGS = 10
SHIFTS = (0.02, 6.0)  # of all log odds: from nothing to a total loss
GROWTH = (1 / 64, 1024.0)  # of the labels


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSetup:
    """A window and a baseline that could be drawn again: all by stratum, shape (B,).

    `labels` and `before`: those of the two samples; `mass`: adding up to 1; `statistic`: of the change test,
    from (k1, n1, k0, n0); `threshold`: what it must reach to be significant.
    """

    labels: Floats
    before: Floats
    mass: Floats
    statistic: Callable[[Floats, Floats, Floats, Floats], Floats]
    threshold: float
    max_rise: float
    seed: int


def detectable_rise(setup: TestSetup, accuracy: Floats) -> float | None:
    """The smallest true rise that such a window calls degraded in 80% of cases; None where it sees none.

    Of one kind of drift, a shift of all log odds, from scores that fit the accuracies.
    """

    def worse(shift: float) -> Floats:
        accuracies: Floats = expit(logit(np.clip(accuracy, 1e-3, 1 - 1e-3)) - shift)
        return accuracies

    past = _past(setup, accuracy, accuracy)

    def sees(shift: float) -> bool:
        drawn = _drawn(setup, past, setup.labels, worse(shift), accuracy)
        risen = _risen(setup, drawn)
        return _enough(risen) and _enough(risen & _significant(setup, past, drawn))

    shift = _least(sees, *SHIFTS)
    return None if shift is None else float((accuracy - worse(shift)) @ setup.mass)


def detection(setup: TestSetup, worse: Floats, accuracy: Floats) -> float:
    """The share of such windows that are called degraded once the accuracies are `worse`, shape (B,).

    Before they were `accuracy`, which the scores fit.
    """
    past = _past(setup, accuracy, accuracy)
    drawn = _drawn(setup, past, setup.labels, worse, accuracy)
    return float((_significant(setup, past, drawn) & _risen(setup, drawn)).mean())


def labels_to_prove_stable(setup: TestSetup, accuracy: Floats, score: Floats) -> int | None:
    """The labels with which such a window, if nothing changed, is called stable in 80% of cases.

    None where the baseline is too small for any number of labels. Gaps between score and accuracy count as
    real beyond `REAL` standard errors, as in the ECE's lower end. An order of magnitude, not a promise.
    """
    noise = standard_error(accuracy * setup.before, setup.before, score)
    truth = np.where(np.abs(accuracy - score) > REAL * noise, accuracy, score)
    past = _past(setup, truth, score)

    def proves(growth: float) -> bool:
        drawn = _drawn(setup, past, setup.labels * growth, truth, score)
        ruled_out = ~drawn.passes
        return _enough(ruled_out) and _enough(ruled_out & ~_significant(setup, past, drawn))

    growth = _least(proves, *GROWTH)
    return None if growth is None else math.ceil(float(setup.labels.sum()) * growth)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """Baselines again: labels (B,), correct ones (R, B), their ECEs and the lower ends of those (R,)."""

    labels: Floats
    correct: Floats
    ece: Floats
    low: Floats


def _past(setup: TestSetup, accuracy: Floats, score: Floats) -> _Past:
    rng = np.random.default_rng(setup.seed)
    n0 = np.maximum(np.round(setup.before), 1)
    k0 = rng.binomial(n0.astype(np.int64), accuracy, (REPLICATES, len(n0))).astype(np.float64)
    ece = debiased(k0, n0, score, setup.mass)
    low = np.minimum(lower_bound(k0, n0, score, setup.mass), ece)
    return _Past(labels=n0, correct=k0, ece=ece, low=low)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """Windows again: labels (B,), correct ones (R, B), their rises (R,), whose upper ends pass `max_rise`."""

    labels: Floats
    correct: Floats
    rise: Floats
    passes: Bools


def _drawn(setup: TestSetup, past: _Past, labels: Floats, accuracy: Floats, score: Floats) -> _Drawn:
    # The same numbers at every step: steps compare like with like.
    rng = np.random.default_rng([setup.seed, 1])
    n1 = np.maximum(np.round(labels), 1)
    k1 = rng.binomial(n1.astype(np.int64), accuracy, past.correct.shape).astype(np.float64)
    ece = debiased(k1, n1, score, setup.mass)
    point = ece - past.ece
    room, spread, noise = np.maximum(setup.max_rise - point, 0), past.ece - past.low, past.low <= 0
    # As in `mover`, the other way round: the rise's upper end passes where the ECE's passes this.
    limit = np.where(noise, setup.max_rise, ece + np.sqrt(np.maximum(room**2 - spread**2, 0)))
    passes = reaches(k1, n1, score, setup.mass, limit) | (~noise & (room <= spread))
    return _Drawn(labels=n1, correct=k1, rise=point, passes=passes)


def _risen(setup: TestSetup, drawn: _Drawn) -> Bools:
    """Of each replicate, whether it is called degraded if it is significant."""
    risen: Bools = (drawn.rise >= setup.max_rise / 2) & drawn.passes
    return risen


def _significant(setup: TestSetup, past: _Past, drawn: _Drawn) -> Bools:
    """Of each replicate: by far the longest part, asked only where the answer hangs on it."""
    return setup.statistic(drawn.correct, drawn.labels, past.correct, past.labels) >= setup.threshold


def _enough(replicates: Bools) -> bool:
    return float(replicates.mean()) >= POWER


def _least(has_power: Callable[[float], bool], low: float, high: float) -> float | None:
    """The least argument that has the power, by halving the interval of logarithms."""
    if not has_power(high):
        return None
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if has_power(middle) else (middle, high)
    return high
