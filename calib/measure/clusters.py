"""Rows that come in clusters, a user or a conversation each, say less than as many independent ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from calib.errors import InvalidInput
from calib.measure.ece import Counts, kish_counts
from calib.measure.intervals import z_of

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

CENTRING = 4  # rounds: the correction is small and settles at once
LEAST_CLUSTERS = 2.0  # effective ones: with fewer nothing can be said of how clusters differ
LEVEL = 0.95  # of the intervals that few clusters widen


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """How far the answers of one cluster are alike, each in [0, 1]: inside a group and between groups."""

    within: float
    across: float


# Where nothing is known of the correlation, the rows of one cluster count as one.
TOGETHER = Correlation(within=1.0, across=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEffects:
    """What clusters cost, by group.

    `effect`: the design effect, shape (B,), at least 1. `covariance`: as in `Counts`, shape (B, B); None
    where no two rows share a cluster. `correlation`: as these rows show it; None where they do not, for their
    answers are all alike or there are too few clusters.
    """

    effect: Floats
    covariance: Floats | None
    correlation: Correlation | None


def cluster_counts(
    group: npt.NDArray[np.intp],
    correct: Floats,
    weights: Floats,
    cluster: npt.ArrayLike,
    size: int,
    *,
    otherwise: Correlation | None = None,
) -> Counts:
    """Counts of weighted rows, shape (n,), by group, shape (size,), where rows of one cluster move together.

    `cluster`: what the rows have in common, numbers or strings, shape (n,). Labels are Kish's effective
    number over a design effect of at least 1: the cluster-robust variance of the weighted accuracy (Liang &
    Zeger 1986) over that of independent rows. It comes from two correlations of the answers of one cluster,
    pooled over everything for they are noisy: inside a group, and between groups; the second lies with both
    groups in equal parts, so that the variance of the whole population's accuracy comes out right too. The
    counts' `covariance` keeps the two apart.

    Few clusters know their correlation badly: variances are then multiplied by (t/z)², Student's quantile
    with as many degrees of freedom as there are effective clusters less one over the normal one (Korn &
    Graubard 1998). Where all answers are alike nothing is known of the correlation: `otherwise` is taken,
    that of earlier rows, and without it the rows of a cluster count as one.

    Raises `InvalidInput` for shapes that differ and for a cluster that is missing (NaN or None).
    """
    plain = kish_counts(group, correct, weights, size)
    effects = cluster_effects(group, correct, weights, cluster, size, otherwise=otherwise)
    return Counts(plain.correct / effects.effect, plain.labels / effects.effect, effects.covariance)


def cluster_effects(
    group: Whole,
    correct: Floats,
    weights: Floats,
    cluster: npt.ArrayLike,
    size: int,
    *,
    otherwise: Correlation | None = None,
) -> ClusterEffects:
    """What `cluster_counts` divides by, the joint law behind it, and the correlation that it found."""
    codes = _codes(cluster, len(group))
    counted = weights > 0
    group, correct, weights, codes = group[counted], correct[counted], weights[counted], codes[counted]
    plain = ClusterEffects(effect=np.ones(size), covariance=None, correlation=None)
    if not len(group):
        return plain
    weights = weights / weights.max()
    counts = kish_counts(group, correct, weights, size)
    labels = np.maximum(counts.labels, 1.0)
    # Shrunk towards all groups: a group whose answers all agree has a spread too.
    rate = (counts.correct + 2 * counts.correct.sum() / counts.labels.sum()) / (labels + 2)
    variance = np.maximum(rate * (1 - rate), 1e-6)
    pairs = _Pairs.of(group, weights, codes, size)
    if pairs is None:
        return plain
    residual = correct - (counts.correct / labels)[group]
    varies = bool(correct.min() < correct.max())
    clusters = float(weights.sum() ** 2 / (np.bincount(codes, weights) ** 2).sum())
    known = pairs.correlation(residual, weights, variance) if varies and clusters >= LEAST_CLUSTERS else None
    correlation, few = (known, _few(clusters)) if known is not None else (otherwise or TOGETHER, 1.0)
    covariance = pairs.covariance(correlation) * few
    return ClusterEffects(
        effect=pairs.effect(correlation, variance) * few, covariance=covariance, correlation=known
    )


def _few(clusters: float) -> float:
    """What variances that so many clusters show are multiplied by, so that normal quantiles hold."""
    student = float(stdtrit(max(1.0, clusters - 1), 0.5 + LEVEL / 2))
    return (student / z_of(LEVEL)) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """The pairs of rows that share a cluster.

    `owner` and `home`: the cluster and the group of each cell of rows, shape (C,), `cell`: that of each row,
    shape (n,). `weight` and `square`: Σ w and Σ w² by group, shape (B,). `inside`: Σ w w' over the ordered
    pairs of different rows of a cluster inside each group, shape (B,). `shared`: the same between any two
    groups, shape (B, B), 0 on the diagonal.
    """

    owner: Whole
    home: Whole
    cell: Whole
    weight: Floats
    square: Floats
    inside: Floats
    shared: Floats

    @classmethod
    def of(cls, group: Whole, weights: Floats, codes: Whole, size: int) -> _Pairs | None:
        """None where no two rows share a cluster."""
        cells, cell = np.unique(codes * size + group, return_inverse=True)
        owner, home = cells // size, cells % size
        if len(np.unique(owner)) == len(group):
            return None
        from scipy.sparse import csr_array

        heavy = np.bincount(cell, weights)
        square = np.bincount(group, weights**2, size)
        table = csr_array((heavy, (owner, home)), shape=(int(owner[-1]) + 1, size))
        shared = np.asarray((table.T @ table).todense(), dtype=np.float64)
        inside = np.maximum(np.diag(shared) - square, 0.0)
        np.fill_diagonal(shared, 0.0)
        return cls(
            owner=owner,
            home=home,
            cell=cell,
            weight=np.bincount(group, weights, size).astype(np.float64),
            square=square.astype(np.float64),
            inside=inside,
            shared=shared,
        )

    def correlation(self, residual: Floats, weights: Floats, variance: Floats) -> Correlation:
        """From the residuals of the rows and the variance of an answer by group."""
        pulled = weights * residual
        moved = np.bincount(self.cell, pulled)
        inside_moved = float((moved**2).sum() - (pulled**2).sum())
        between_moved = float((np.bincount(self.owner, moved) ** 2).sum() - (moved**2).sum())
        spread = np.sqrt(variance)
        both = np.outer(spread, spread)
        inside, between = float(self.inside @ variance), float((self.shared * both).sum())
        estimate = Correlation(within=0.0, across=0.0)
        for _ in range(CENTRING):
            # Residuals from the group's own mean lean against each other by its variance.
            law = self.covariance(estimate)
            lean = float((self.inside * variance) @ np.where(self.inside > 0, np.diag(law), 0.0))
            lean_between = float((self.shared * both * np.where(self.shared > 0, law, 0.0)).sum())
            estimate = Correlation(
                within=_share(inside_moved + lean, inside),
                across=_share(between_moved + lean_between, between),
            )
        return estimate

    def covariance(self, correlation: Correlation) -> Floats:
        """As in `Counts`; infinite on the diagonal where a group is empty."""
        filled = self.weight > 0
        weight = np.where(filled, self.weight, 1.0)
        law: Floats = correlation.across * self.shared / np.outer(weight, weight)
        own = (self.square + correlation.within * self.inside) / weight**2
        np.fill_diagonal(law, np.where(filled, own, np.inf))
        return law

    def effect(self, correlation: Correlation, variance: Floats) -> Floats:
        """By group: what lies between two groups is divided equally."""
        spread = np.sqrt(variance)
        between = self.shared @ spread / spread
        extra = correlation.within * self.inside + correlation.across * between
        ratio: Floats = np.divide(extra, self.square, out=np.zeros_like(extra), where=self.square > 0)
        return 1 + ratio


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
