"""Labels as they come: drawn by today's design or a stale one, with a judge's help, in clusters.

Each function draws `repeats` windows at once and returns effective counts by today's strata, k and n of
shape (repeats, B) each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from benchmarks.worlds import World, allocation, grouped, strata_of
from calib.measure import Counts, cluster_counts, with_judge
from calib.sampling import allocate

Floats = npt.NDArray[np.float64]
Drawn = tuple[Floats, Floats]

HIT, MISS, POPULATION = 0.9, 0.4, 20_000  # of the judge: right answers, and wrong ones, that it calls correct
CLUSTER, CORRELATION = 4, 0.3


def plain(here: World, n: int, repeats: int, rng: np.random.Generator, *, months: int = 1) -> Drawn:
    """Neyman's allocation from the expected accuracies, which are the true ones of a calibrated world."""
    strata = grouped(here)
    labels = np.broadcast_to(allocation(strata, n) * months, (repeats, len(strata.mass)))
    return rng.binomial(labels, strata.accuracy).astype(float), labels.astype(float)


def stale(here: World, n: int, repeats: int, rng: np.random.Generator, *, months: int = 1) -> Drawn:
    """Half of each month by an old Neyman design, half by a proportional one; weighted, then Kish's counts.

    The old design had other strata, from a score mix that has since moved, and expected other accuracies.
    """
    now, groups = strata_of(here)
    before = here.mass * np.exp(2.5 * (here.score - here.mass @ here.score))
    rank = (np.cumsum(before) - before / 2) / before.sum()
    old = np.minimum((rank * 7).astype(int), 6)
    old = np.unique(old, return_inverse=True)[1]
    expected = expit(logit(np.clip(here.score, 0.02, 0.98)) + 0.8)
    total, squares, right = (np.zeros((repeats, groups)) for _ in range(3))
    for _ in range(months):
        for design, labels in ((old, n // 2), (now, n - n // 2)):
            mass = np.bincount(design, here.mass)
            guess = np.bincount(design, here.mass * expected) / mass
            each = allocate(mass, guess if design is old else None, labels)
            for h, drawn in enumerate(each):
                inside = design == h
                cell = np.bincount(now[inside], here.mass[inside], groups)
                accuracy = np.bincount(now[inside], (here.mass * here.accuracy)[inside], groups)
                accuracy = np.divide(accuracy, cell, out=np.zeros(groups), where=cell > 0)
                rows = rng.multinomial(drawn, cell / cell.sum(), repeats)
                weight = mass[h] / drawn * labels  # as `calib.cycle` pools: each month counts by its labels
                total += weight * rows
                squares += weight**2 * rows
                right += weight * rng.binomial(rows, accuracy)
    effective = total**2 / np.maximum(squares, 1e-300)
    return right / np.maximum(total, 1e-300) * effective, effective


def judged(here: World, n: int, repeats: int, rng: np.random.Generator, *, months: int = 1) -> Drawn:
    """As `plain`, with an imperfect judge of every prediction."""
    strata = grouped(here)
    labels = allocation(strata, n) * months
    rows = np.maximum((POPULATION * months * strata.mass).astype(int), labels)
    k, effective = np.empty((repeats, len(labels))), np.empty((repeats, len(labels)))
    for i in range(repeats):
        right = rng.binomial(labels, strata.accuracy)
        both = rng.binomial(right, HIT)
        said = both + rng.binomial(labels - right, MISS)
        calls = rng.binomial(rows, strata.accuracy * HIT + (1 - strata.accuracy) * MISS)
        found = with_judge(
            Counts(right.astype(float), labels.astype(float)),
            judge_sum=said,
            judge_correct_sum=both,
            population_mean=calls / rows,
            population=rows,
        ).counts
        k[i], effective[i] = found.correct, found.labels
    return k, effective


def clustered(here: World, n: int, repeats: int, rng: np.random.Generator, *, months: int = 1) -> Drawn:
    """Random clusters of `CLUSTER` rows, all in one stratum, whose answers correlate by `CORRELATION`."""
    strata = grouped(here)
    groups = len(strata.mass)
    k, effective = np.empty((repeats, groups)), np.empty((repeats, groups))
    owner = np.repeat(np.arange(n * months // CLUSTER), CLUSTER)
    for i in range(repeats):
        group = rng.choice(groups, owner[-1] + 1, p=strata.mass)[owner]
        shared = rng.random(len(owner)) < CORRELATION**0.5
        draw = np.where(shared, rng.random(owner[-1] + 1)[owner], rng.random(len(owner)))
        correct = (draw < strata.accuracy[group]).astype(float)
        found = cluster_counts(group, correct, np.ones(len(owner)), owner, groups)
        k[i], effective[i] = found.correct, found.labels
    return k, effective


DESIGNS = {"plain": plain, "stale weights": stale, "judge": judged, "clusters": clustered}
