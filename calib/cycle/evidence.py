"""From cohorts to the arrays that the statistics take: who answered, with which weight, against what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.measure import Counts, Strata, group_means, kish_counts
from calib.review.queue import Cohort

Floats = npt.NDArray[np.float64]

LEAST_LABELS = 50  # below this neither a verdict nor a refit is worth its name
LEAST_RESPONSE = 0.7
LEAST_EVENNESS = 0.5  # the worst stratum's response as a share of the best one's
JUDGED_FROM = 10  # drawn rows: the response of smaller strata says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Labelled rows: `raw` in [0, 1], `correct` 0 or 1, `weight` ≥ 0 adding up to n; shape (n,) each."""

    raw: Floats
    correct: Floats
    weight: Floats
    period: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.raw)


def rows(cohort: Cohort, period: str) -> Rows:
    """The answered rows of a cohort.

    A row stands for the population rows of its stratum that were not drawn (the inclusion probability)
    or not answered (the stratum's response).
    """
    there = ~np.isnan(cohort.correct)
    drawn = np.bincount(cohort.stratum)
    answered = np.bincount(cohort.stratum[there], minlength=len(drawn))
    stratum = cohort.stratum[there]
    weight = drawn[stratum] / (cohort.probability[there] * answered[stratum])
    return Rows(
        raw=cohort.raw[there],
        correct=cohort.correct[there],
        weight=weight * (len(weight) / weight.sum()) if len(weight) else weight,
        period=np.full(int(there.sum()), period),
    )


def pool(parts: Sequence[Rows]) -> Rows | None:
    """All rows together, each window counting by its number of labels; None where there are none."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    return Rows(
        raw=np.concatenate([part.raw for part in parts]),
        correct=np.concatenate([part.correct for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        period=np.concatenate([part.period for part in parts]),
    )


def counts(sample: Rows, strata: Strata) -> Counts:
    """Effective counts by stratum."""
    return kish_counts(strata.assign(sample.raw), sample.correct, sample.weight, len(strata))


def means(values: Floats, sample: Rows, strata: Strata) -> Floats:
    """Weighted mean of `values` by stratum, shape (B,)."""
    return group_means(strata.assign(sample.raw), values, sample.weight, len(strata))


def level_shift(before: Counts, gap: Floats) -> Counts:
    """Move the baseline's accuracies by `gap`, the change of the mean expected accuracy inside each stratum.

    Within a quantile stratum the scores drift with the traffic; without this a mere change of the mix
    would read as a change of calibration.
    """
    moved = np.clip(before.correct + before.labels * gap, 0, before.labels)
    return Counts(correct=moved, labels=before.labels)


def refusal(cohort: Cohort) -> str | None:
    """Why these answers cannot carry a verdict, in words; None where they can."""
    there = ~np.isnan(cohort.correct)
    n, drawn = int(there.sum()), len(there)
    if n < LEAST_LABELS:
        return f"{n} of the {drawn} drawn rows are labelled; a verdict needs {LEAST_LABELS}"
    if n / drawn < LEAST_RESPONSE:
        return f"{n} of {drawn} rows are labelled: below {LEAST_RESPONSE:.0%} those left out decide"
    sizes = np.bincount(cohort.stratum)
    response = np.bincount(cohort.stratum[there], minlength=len(sizes)) / np.maximum(sizes, 1)
    judged = response[sizes >= JUDGED_FROM]
    if len(judged) and judged.min() < LEAST_EVENNESS * judged.max():
        return (
            f"the worst stratum was answered at {judged.min():.0%}, the best at {judged.max():.0%}: "
            "labels that lean to one side cannot say how all rows would have come out"
        )
    return None
