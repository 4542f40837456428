"""What a labelled sample holds by stratum: effective counts, means, and what its clusters cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.measure.clusters import Correlation, cluster_counts, cluster_effects
from calib.measure.ece import Counts, group_means, kish_counts
from calib.measure.sample import Sample
from calib.measure.strata import GRID, Strata

Floats = npt.NDArray[np.float64]


def counts_by_stratum(sample: Sample, strata: Strata, *, earlier: Sample | None = None) -> Counts:
    """Effective counts by stratum, shape (B,): Kish's, and fewer where rows come in clusters.

    `earlier`: where all answers of the sample are alike, how those of one cluster agree is known from these.
    """
    group, size, clusters = strata.assign(sample.scores), len(strata), sample.cluster_numbers
    if clusters is None:
        return kish_counts(group, sample.correct, sample.weights, size)
    known = None if earlier is None or _varies(sample) else correlation_by_stratum(earlier, strata)
    return cluster_counts(group, sample.correct, sample.weights, clusters, size, otherwise=known)


def correlation_by_stratum(sample: Sample, strata: Strata) -> Correlation | None:
    """How the answers of one cluster agree inside a stratum and between strata; None where nobody knows."""
    clusters = sample.cluster_numbers
    if clusters is None:
        return None
    group = strata.assign(sample.scores)
    return cluster_effects(group, sample.correct, sample.weights, clusters, len(strata)).correlation


def sample_design_effect(sample: Sample, *, earlier: Sample | None = None) -> float:
    """How many clustered rows count as one independent row, on the whole; 1 where no row is in a cluster.

    `earlier`: as in `counts_by_stratum`.
    """
    clusters = sample.cluster_numbers
    if clusters is None or not len(sample):
        return 1.0
    whole = Strata(upper=(GRID,), kind="quantiles")
    known = None if earlier is None or _varies(sample) else correlation_by_stratum(earlier, whole)
    group = np.zeros(len(sample), dtype=np.intp)
    effects = cluster_effects(group, sample.correct, sample.weights, clusters, 1, otherwise=known)
    return float(effects.effect[0])


def _varies(sample: Sample) -> bool:
    counted = sample.correct[sample.weights > 0]
    return bool(len(counted)) and bool(counted.min() < counted.max())


def means_by_stratum(values: Floats, sample: Sample, strata: Strata) -> Floats:
    """The weighted mean of `values`, one for each row, by stratum, shape (B,)."""
    return group_means(strata.assign(sample.scores), values, sample.weights, len(strata))
