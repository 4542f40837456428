"""The mixture of drifts that the change test and the e-process weigh against no change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit

Floats = npt.NDArray[np.float64]

SIZES = (0.03, 0.05, 0.08, 0.12)  # rises of the ECE that are worth knowing about
SIZE_WEIGHTS = (0.30, 0.30, 0.25, 0.15)
DOWN = 0.75  # of a drift's weight: accuracy falls more often than it rises
OMNIBUS = 0.10  # of the prior, for independent normal drifts in every stratum
LONGEST_RUN = 3  # neighbouring strata that may drift alone
BLOCK = 100  # replicates at a time: their table of bets stays in the processor's cache
WAVES = ((2.0, 0.0), (2.0, 0.5), (3.0, 0.0), (3.0, 0.5))  # half turns over the population, and their start


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """Drifts of the accuracy by stratum, shape (J, B), and their log prior weights, shape (J,)."""

    drift: Floats
    log_weight: Floats


def alternatives(accuracy: Floats, mass: Floats) -> Alternatives:
    """Drifts fixed in advance from the expected accuracy, both of shape (B,), strata in ascending order.

    A shift of all log odds (prior 0.41), of their more confident half (0.13) and of the other (0.09), a
    flattening (0.17), waves that let some regions fall and others rise (0.06), and each run of up to three
    neighbouring strata alone (0.14 in all); each scaled to a mean absolute change in `SIZES`, three parts
    down to one part up where it has a direction. The omnibus drift takes `OMNIBUS` off them all. A shape
    that these strata cannot take leaves its weight to the others.
    """
    a = np.clip(accuracy, 1e-3, 1 - 1e-3)
    slope = a * (1 - a)
    odds = logit(a)
    place = np.cumsum(mass) - mass / 2
    upper = place >= 0.5
    shapes = [(slope, 0.41, DOWN), (slope * upper, 0.13, DOWN), (slope * ~upper, 0.09, DOWN)]
    shapes += [(slope * (odds - mass @ odds), 0.17, DOWN)]
    shapes += [
        (slope * np.cos(np.pi * (turns * place + start)), 0.06 / len(WAVES), 0.5) for turns, start in WAVES
    ]
    size = len(a)
    runs = [
        np.concatenate([np.zeros(first), slope[first : first + length], np.zeros(size - first - length)])
        for length in range(1, min(LONGEST_RUN, size) + 1)
        for first in range(size - length + 1)
    ]
    shapes += [(run, 0.14 / len(runs), DOWN) for run in runs]

    table = np.array([shape for shape, _, _ in shapes])
    scale = np.abs(table) @ mass
    possible = scale > 1e-12  # one stratum has no tilt; a stratum without mass no drift
    table = table[possible] / scale[possible, None]
    weight, down = (np.array([shape[i] for shape in shapes])[possible] for i in (1, 2))
    sign = np.array([-1.0, 1.0])
    drift = sign[:, None] * np.array(SIZES)[:, None, None] * table[:, None, None, :]
    share = np.stack([down, 1 - down], axis=1)[:, None, :] * np.array(SIZE_WEIGHTS)[:, None]
    prior = (weight[:, None, None] * share).reshape(-1) * (1 - OMNIBUS) / weight.sum()
    drift = np.clip(drift.reshape(-1, size), -0.95 * a, 0.95 * (1 - a))
    return Alternatives(drift=drift, log_weight=np.log(prior))


def log_mixture(change: Floats, variance: Floats, drifts: Alternatives) -> Floats:
    """Log of the mixture likelihood ratio of observed changes, shape (R, B), against no change.

    `variance` is that of the changes, shape (R, B); infinite where a stratum says nothing.
    """
    blocks = range(0, max(len(change), 1), BLOCK)
    linear, square = drifts.drift.T, (drifts.drift**2).T
    return np.concatenate(
        [
            _log_mixture(change[i : i + BLOCK], variance[i : i + BLOCK], linear, square, drifts.log_weight)
            for i in blocks
        ]
    )


def _log_mixture(
    change: Floats, variance: Floats, linear: Floats, square: Floats, log_weight: Floats
) -> Floats:
    precision = 1 / variance
    pull = change * precision
    terms = [pull @ linear - 0.5 * precision @ square + log_weight]
    for size, weight in zip(SIZES, SIZE_WEIGHTS, strict=True):
        spread = size**2 * np.pi / 2  # of a normal drift whose mean absolute value is `size`
        shrink = 1 + spread * precision
        log_weights = 0.5 * (pull**2 * spread / shrink - np.log(shrink))
        terms.append(log_weights.sum(axis=1)[:, None] + np.log(OMNIBUS * weight))
    table = np.concatenate(terms, axis=1)
    top: Floats = table.max(axis=1)
    table -= top[:, None]
    np.exp(table, out=table)
    log_ratio: Floats = top + np.log(table.sum(axis=1))
    return log_ratio
