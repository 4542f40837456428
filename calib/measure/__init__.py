"""The statistics: how far stated confidence is from observed accuracy, and whether that got worse."""

from __future__ import annotations

from calib.measure.bins import Bin, Bins, Reliability, reliability
from calib.measure.change import Change, change_test
from calib.measure.clusters import cluster_counts
from calib.measure.ece import Counts, Ece, Rise, ece_estimate, group_means, kish_counts, mover
from calib.measure.intervals import wilson
from calib.measure.judge import Judged, with_judge
from calib.measure.measurement import Measurement, measure
from calib.measure.mix import MixShift, mix_shift
from calib.measure.multiplicity import holm, partially_pooled
from calib.measure.scores import Decomposition, Estimate
from calib.measure.sequential import EProcess
from calib.measure.significance import change_p_value
from calib.measure.strata import GRID, GROUPS, MAX_LEVELS, Strata, cell, strata, strata_of_cells

__all__ = [
    "GRID",
    "GROUPS",
    "MAX_LEVELS",
    "Bin",
    "Bins",
    "Change",
    "Counts",
    "Decomposition",
    "EProcess",
    "Ece",
    "Estimate",
    "Judged",
    "Measurement",
    "MixShift",
    "Reliability",
    "Rise",
    "Strata",
    "cell",
    "change_p_value",
    "change_test",
    "cluster_counts",
    "ece_estimate",
    "group_means",
    "holm",
    "kish_counts",
    "measure",
    "mix_shift",
    "mover",
    "partially_pooled",
    "reliability",
    "strata",
    "strata_of_cells",
    "wilson",
    "with_judge",
]
