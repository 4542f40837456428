"""What a labelled sample holds by stratum: effective counts, means, and what its clusters cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.measure.clusters import cluster_counts
from calib.measure.ece import Counts, group_means, kish_counts
from calib.measure.sample import Sample
from calib.measure.strata import Strata

Floats = npt.NDArray[np.float64]


def counts_by_stratum(sample: Sample, strata: Strata) -> Counts:
    """Effective counts by stratum, shape (B,): Kish's, and fewer where rows come in clusters."""
    group, size, clusters = strata.assign(sample.scores), len(strata), sample.cluster_numbers
    if clusters is None:
        return kish_counts(group, sample.correct, sample.weights, size)
    return cluster_counts(group, sample.correct, sample.weights, clusters, size)


def sample_design_effect(sample: Sample) -> float:
    """How many clustered rows count as one independent row, on the whole; 1 where no row is in a cluster."""
    clusters = sample.cluster_numbers
    if clusters is None:
        return 1.0
    group = np.zeros(len(sample), dtype=np.intp)
    independent = kish_counts(group, sample.correct, sample.weights, 1).labels[0]
    clustered = cluster_counts(group, sample.correct, sample.weights, clusters, 1).labels[0]
    return float(independent / clustered)


def means_by_stratum(values: Floats, sample: Sample, strata: Strata) -> Floats:
    """The weighted mean of `values`, one for each row, by stratum, shape (B,)."""
    return group_means(strata.assign(sample.scores), values, sample.weights, len(strata))
