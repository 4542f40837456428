"""Rows that come in clusters, a user or a conversation each, say less than as many independent ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.measure.ece import Counts, kish_counts

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

CENTRING = 3  # rounds: the correction is small and settles at once


def cluster_counts(
    group: npt.NDArray[np.intp], correct: Floats, weights: Floats, cluster: npt.ArrayLike, size: int
) -> Counts:
    """Counts of weighted rows, shape (n,), by group, shape (size,), where rows of one cluster move together.

    `cluster`: what the rows have in common, numbers or strings, shape (n,). Labels are Kish's effective
    number over a design effect of at least 1: the cluster-robust variance of the weighted accuracy (Liang &
    Zeger 1986) over that of independent rows. It comes from two correlations of the answers of one cluster,
    pooled over everything for they are noisy: inside a group, and between groups; the second lies with both
    groups in equal parts, so that the variance of the whole population's accuracy comes out right too.

    With fewer than about 20 clusters no such estimate is worth much. Raises `InvalidInput` for shapes that
    differ and for a cluster that is missing (NaN or None).
    """
    plain = kish_counts(group, correct, weights, size)
    effect = design_effect(group, correct, weights, cluster, size)
    return Counts(plain.correct / effect, plain.labels / effect)


def design_effect(
    group: Whole, correct: Floats, weights: Floats, cluster: npt.ArrayLike, size: int
) -> Floats:
    """What `cluster_counts` divides by: by group, shape (size,), at least 1."""
    codes = _codes(cluster, len(group))
    counted = weights > 0
    group, correct, weights, codes = group[counted], correct[counted], weights[counted], codes[counted]
    if not len(group):
        return np.ones(size)
    plain = kish_counts(group, correct, weights, size)
    labels = np.maximum(plain.labels, 1.0)
    # Shrunk towards all groups: a group whose answers all agree has a spread too.
    rate = (plain.correct + 2 * plain.correct.sum() / plain.labels.sum()) / (labels + 2)
    spread = np.sqrt(np.maximum(rate * (1 - rate), 1e-6))
    pull = weights / weights.max() * spread[group]
    residual = (correct - (plain.correct / labels)[group]) / spread[group]

    cells, cell = np.unique(codes * size + group, return_inverse=True)
    owner, home = cells // size, cells % size
    pulls = np.bincount(cell, pull)
    squares = np.bincount(group, pull**2, size)
    inside = pulls**2 - np.bincount(cell, pull**2)
    total = np.bincount(owner, pulls)
    between = pulls * (total[owner] - pulls)

    moved = np.bincount(cell, pull * residual)
    inside_moved = moved**2 - np.bincount(cell, (pull * residual) ** 2)
    between_moved = np.bincount(owner, moved) ** 2 - np.bincount(owner, moved**2)

    within = across = 0.0
    effect = np.ones(size)
    for _ in range(CENTRING):
        # Residuals from the group's own mean lean against each other by its variance.
        lean = float((inside * (effect / labels)[home]).sum())
        within = _share(float(inside_moved.sum()) + lean, float(inside.sum()))
        across = _share(float(between_moved.sum()), float(between.sum()))
        shared = within * np.bincount(home, inside, size) + across * np.bincount(home, between, size)
        effect = 1 + np.divide(shared, squares, out=np.zeros(size), where=squares > 0)
    return effect


def _share(moved: float, most: float) -> float:
    """A correlation from 0 to 1; 0 where no two rows share a cluster."""
    return min(1.0, max(0.0, moved / most)) if most > 1e-12 else 0.0


def _codes(cluster: npt.ArrayLike, n: int) -> Whole:
    values = np.asarray(cluster)
    if values.shape != (n,):
        raise InvalidInput(f"there must be one cluster for each of {n} rows, not {values.shape}")
    missing = [] if values.dtype.kind in "iuUb" else [c for c in values.tolist() if c is None or c != c]
    if missing:
        raise InvalidInput(f"{len(missing)} rows have no cluster: give each a cluster of its own")
    codes: Whole = np.unique(values, return_inverse=True)[1].astype(np.intp)
    return codes
