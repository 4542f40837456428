"""A plan from a file of labelled predictions: `calib plan FILE`, with neither settings nor database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calib.measure import GRID, cell, group_means, kish_counts, strata
from calib.sampling import plan
from calib.tabular.labelled import Reading, read_labelled
from calib.tabular.roles import Asked

LABELS = 500  # a window
ALPHA = 0.05  # of the change test between two windows, as `calib measure --baseline` has it
TARGETS = (0.90, 0.95)
PRIOR = 2.0  # labels that the stated confidence counts as


def planned_on_file(
    path: Path, *, labels: int | None, rises: Sequence[float], asked: Asked, reading: Reading
) -> dict[str, Any]:
    """The `calib plan --json` object for the mix of confidences and the accuracies of a labelled file.

    Its rows are taken for the population; accuracies are those of its labels by stratum, drawn towards the
    stated confidence by two labels. `labels` a window are 500 by default, α is 0.05. Raises `InvalidInput` as
    `read_labelled` does.
    """
    table = read_labelled(path, asked, reading)
    weights = np.ones(len(table.scores)) if table.weights is None else table.weights
    groups = strata(table.scores, weights)
    which = groups.assign(table.scores)
    size = len(groups)
    mass = np.bincount(which, weights, size)
    counts = kish_counts(which, table.correct, weights, size)
    stated = group_means(which, table.scores, weights, size)
    accuracy = np.clip((counts.correct + PRIOR * stated) / (counts.labels + PRIOR), 0, 1)
    cells = cell(table.scores)
    lowest = np.full(size, GRID)
    np.minimum.at(lowest, which, cells)
    lowest = np.minimum(lowest, groups.upper)
    file_plan = plan(
        mass,
        accuracy,
        labels=LABELS if labels is None else labels,
        alpha=ALPHA,
        rises=rises,
        targets=TARGETS,
        levels=lowest / GRID,
    )
    share = mass / mass.sum()
    return {
        "stream": None,
        "file": str(path),
        "period": None,
        "population": len(table.scores),
        **table.to_json(),
        "accuracy_from": "labels",
        "strata": [
            {"from": low / GRID, "to": upper / GRID, "share": float(part), "accuracy": float(right)}
            for low, upper, part, right in zip(lowest.tolist(), groups.upper, share, accuracy, strict=True)
        ],
        **file_plan.to_json(),
    }
