"""A plan of labels on a file of labelled predictions: what `calib plan FILE` computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calib.files.reading import read_fields
from calib.measure import GRID, cell, group_means, kish_counts, strata
from calib.measure.stratum_counts import sample_design_effect
from calib.policy import PLAN_PRIOR_LABELS
from calib.results.plan import PlannedStratum, PlanResult
from calib.sampling import plan
from calib.sampling.planner import RISES
from calib.tabular.labelled import Reading, read_labelled
from calib.tabular.roles import Asked

LABELS = 500  # per window
ALPHA = 0.05  # of the change test between two windows, as `calib measure --baseline` has it
TARGETS = (0.90, 0.95)


def plan_file(
    path: Path,
    *,
    labels: int = LABELS,
    rises: Sequence[float] = RISES,
    asked: Asked | None = None,
    reading: Reading | None = None,
) -> PlanResult:
    """Plan on the mix of confidences and the accuracies of a labelled file, whose rows are the population.

    `labels` per window; `rises` of the ECE to detect. Accuracies are those of the labels by stratum, drawn
    towards the stated confidence by two labels; rows of one cluster count for what they are; α is 0.05.
    Raises `InvalidInput` as `read_labelled` does.
    """
    table = read_labelled(path, asked, reading, optional=("weight", "cluster"))
    sample = table.sample
    groups = strata(sample.scores, sample.weights)
    group, size = groups.assign(sample.scores), len(groups)
    mass = np.bincount(group, sample.weights, size)
    counts = kish_counts(group, sample.correct, sample.weights, size)
    stated = group_means(group, sample.scores, sample.weights, size)
    accuracy = np.clip(
        (counts.correct + PLAN_PRIOR_LABELS * stated) / (counts.labels + PLAN_PRIOR_LABELS), 0, 1
    )
    lowest = np.full(size, GRID)
    np.minimum.at(lowest, group, cell(sample.scores))
    lowest = np.minimum(lowest, groups.upper)
    effect = max(1.0, sample_design_effect(sample))
    planned = plan(
        mass,
        accuracy,
        labels=labels,
        alpha=ALPHA,
        rises=rises,
        targets=TARGETS,
        levels=lowest / GRID,
        effect=effect,
    )
    return PlanResult.of(
        planned,
        stream=None,
        period=None,
        **read_fields(path, table),
        population=len(sample),
        accuracy_from="labels",
        design_effect=effect,
        strata=tuple(
            PlannedStratum(from_=low / GRID, to=upper / GRID, share=float(share), accuracy=float(right))
            for low, upper, share, right in zip(
                lowest.tolist(), groups.upper, mass / mass.sum(), accuracy, strict=True
            )
        ),
    )
