"""From a cohort to the labelled sample that the statistics take: who answered, and with which weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calib.cycle.clustering import Clustering, clustering
from calib.measure.sample import Sample, joined
from calib.review.cohort import Cohort


def cohort_sample(cohort: Cohort, period: str, known_clustering: Clustering | None = None) -> Sample:
    """The answered rows of a cohort, with weights that add up to their number.

    A row stands for the population rows of its stratum that were not drawn (the inclusion probability)
    or not answered (the stratum's response). Their clusters are those that the settings name, else those that
    the rows themselves show (`clustering`), or `found` where it is known already.
    """
    labelled = cohort.labelled
    drawn = np.bincount(cohort.stratum)
    answered = np.bincount(cohort.stratum[labelled], minlength=len(drawn))
    stratum = cohort.stratum[labelled]
    count = int(labelled.sum())
    return Sample(
        cohort.raw[labelled],
        cohort.correct[labelled],
        drawn[stratum] / (cohort.probability[labelled] * answered[stratum]),
        segments=np.array(cohort.segment, dtype=object)[labelled],
        clusters=(known_clustering or clustering(cohort, period)).clusters,
        judge=cohort.judge[labelled],
        periods=[period] * count,
    ).normalised()


def pool(samples: Sequence[Sample]) -> Sample | None:
    """All rows together, each window counting by its number of labels; None where there are none."""
    labelled = [sample for sample in samples if len(sample)]
    return joined(labelled) if labelled else None
