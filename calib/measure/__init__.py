"""The statistics: how far stated confidence is from observed accuracy, and whether that got worse."""

from __future__ import annotations

from calib.measure.bins import Bin, Bins, Reliability, reliability
from calib.measure.change import Change, change_test
from calib.measure.clusters import cluster_counts
from calib.measure.ece import Counts, Ece, Rise, ece_estimate, group_means, kish_counts, mover
from calib.measure.judge import Judged, with_judge
from calib.measure.measurement import Measurement, measure
from calib.measure.scores import Decomposition, Estimate
from calib.measure.sequential import EProcess
from calib.measure.significance import change_p_value
from calib.measure.strata import GRID, Strata, cell, strata, strata_of_cells

__all__ = [
    "GRID",
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
    "Reliability",
    "Rise",
    "Strata",
    "cell",
    "change_p_value",
    "change_test",
    "cluster_counts",
    "ece_estimate",
    "group_means",
    "kish_counts",
    "measure",
    "mover",
    "reliability",
    "strata",
    "strata_of_cells",
    "with_judge",
]
