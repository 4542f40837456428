"""The mixture of drifts that the change test and the e-process bet on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit

Floats = npt.NDArray[np.float64]

SIZES = (0.02, 0.04, 0.07, 0.12)  # rises of the ECE that are worth knowing about
DOWN, UP = 0.75, 0.25  # accuracy falls more often than it rises
OMNIBUS = 0.20  # of the prior, for independent normal drifts in every stratum


@dataclass(frozen=True, slots=True, kw_only=True)
class Bets:
    """Drifts of the accuracy by stratum, shape (J, B), and their log prior weights, shape (J,)."""

    drift: Floats
    log_weight: Floats


def bets(accuracy: Floats, mass: Floats) -> Bets:
    """Drifts fixed in advance from the expected accuracy, both of shape (B,), strata in ascending order.

    A shift of all log odds (prior .30), of the more confident half (.12), a flattening (.18), and each
    single stratum (.20 in all); each scaled to a mean absolute change in `SIZES`, three parts down to
    one part up. The remaining .20 is the omnibus drift's. A shape that these strata cannot take leaves its
    weight to the others.
    """
    a = np.clip(accuracy, 1e-3, 1 - 1e-3)
    slope = a * (1 - a)
    odds = logit(a)
    upper = np.cumsum(mass) - mass / 2 >= 0.5
    shapes = [(slope, 0.30), (slope * upper, 0.12), (slope * (odds - mass @ odds), 0.18)]
    shapes += [(unit, 0.20 / len(a)) for unit in np.eye(len(a))]
    drifts, weights = [], []
    for shape, weight in shapes:
        scale = float(mass @ np.abs(shape))
        if scale <= 1e-12:  # one stratum has no tilt; a stratum without mass no drift
            continue
        for size in SIZES:
            for sign, share in ((-1.0, DOWN), (1.0, UP)):
                drifts.append(np.clip(sign * size * shape / scale, -0.95 * a, 0.95 * (1 - a)))
                weights.append(weight * share / len(SIZES))
    prior = np.array(weights) * (1 - OMNIBUS) / sum(weights)
    return Bets(drift=np.array(drifts), log_weight=np.log(prior))


def log_mixture(change: Floats, variance: Floats, bet: Bets) -> Floats:
    """Log of the mixture likelihood ratio of observed changes, shape (R, B), against no change.

    `variance` is that of the changes, shape (R, B); infinite where a stratum says nothing.
    """
    precision = 1 / variance
    terms = [(change * precision) @ bet.drift.T - 0.5 * precision @ (bet.drift**2).T + bet.log_weight]
    for size in SIZES:
        spread = size**2 * np.pi / 2  # of a normal drift whose mean absolute value is `size`
        each = -0.5 * np.log1p(spread * precision)
        each += 0.5 * (change * precision) ** 2 * spread / (1 + spread * precision)
        terms.append((each.sum(axis=1) + np.log(OMNIBUS / len(SIZES)))[:, None])
    table = np.concatenate(terms, axis=1)
    top: Floats = table.max(axis=1)
    found: Floats = top + np.log(np.exp(table - top[:, None]).sum(axis=1))
    return found
