"""From cohorts to the arrays that the statistics take: who answered, with which weight, against what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.calibrators import Labels
from calib.calibrators.segments import applied as by_segment
from calib.format import Mapping
from calib.measure import Counts, Strata, cluster_counts, group_means, kish_counts
from calib.review.cohort import Cohort

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Labelled rows: `raw` in [0, 1], `correct` 0 or 1, `weight` ≥ 0 adding up to n; shape (n,) each.

    `segment` and `cluster` are None where the traffic names none; `judge` is NaN where it has not scored.
    """

    raw: Floats
    correct: Floats
    weight: Floats
    period: Texts
    segment: Texts
    cluster: Texts
    judge: Floats

    def __len__(self) -> int:
        return len(self.raw)

    def take(self, which: npt.NDArray[np.bool_]) -> Rows:
        """Some of the rows, their weights adding up to their number again."""
        parts: dict[str, Any] = {f.name: getattr(self, f.name)[which] for f in fields(self)}
        if which.any():
            parts["weight"] = parts["weight"] * (int(which.sum()) / parts["weight"].sum())
        return Rows(**parts)

    def of_segment(self, name: str) -> Rows:
        """The rows of one segment."""
        return self.take(self.segment == name)

    @property
    def labels(self) -> Labels:
        """As calibrators take them."""
        return Labels(self.raw, self.correct, self.weight, self.segment)


def rows(cohort: Cohort, period: str) -> Rows:
    """The answered rows of a cohort.

    A row stands for the population rows of its stratum that were not drawn (the inclusion probability)
    or not answered (the stratum's response).
    """
    labelled = cohort.labelled
    drawn = np.bincount(cohort.stratum)
    answered = np.bincount(cohort.stratum[labelled], minlength=len(drawn))
    stratum = cohort.stratum[labelled]
    weight = drawn[stratum] / (cohort.probability[labelled] * answered[stratum])
    return Rows(
        raw=cohort.raw[labelled],
        correct=cohort.correct[labelled],
        weight=weight * (len(weight) / weight.sum()) if len(weight) else weight,
        period=np.full(int(labelled.sum()), period, dtype=object),
        segment=_texts(cohort.segment)[labelled],
        cluster=_texts(cohort.cluster)[labelled],
        judge=cohort.judge[labelled],
    )


def _texts(values: Sequence[str | None]) -> Texts:
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts


def pool(parts: Sequence[Rows]) -> Rows | None:
    """All rows together, each window counting by its number of labels; None where there are none."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    return Rows(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Rows)})


def counts(sample: Rows, strata: Strata) -> Counts:
    """Effective counts by stratum: Kish's, and fewer where rows come in clusters."""
    group, size = strata.assign(sample.raw), len(strata)
    cluster = clusters(sample)
    if cluster is None:
        return kish_counts(group, sample.correct, sample.weight, size)
    return cluster_counts(group, sample.correct, sample.weight, cluster, size)


def clusters(sample: Rows) -> npt.NDArray[np.intp] | None:
    """The cluster of each row as a number; a row without one is its own. None where no row has one."""
    known = np.array([cluster is not None for cluster in sample.cluster], dtype=bool)
    if not known.any():
        return None
    numbers = np.empty(len(sample), dtype=np.intp)
    _, numbers[known] = np.unique(sample.cluster[known].astype(str), return_inverse=True)
    numbers[~known] = len(sample) + np.arange(int((~known).sum()))
    return numbers


def design_effect(sample: Rows) -> float:
    """How many clustered rows count as one independent one, on the whole; 1 where no row is in a cluster."""
    cluster = clusters(sample)
    if cluster is None or not len(sample):
        return 1.0
    group = np.zeros(len(sample), dtype=np.intp)
    single = kish_counts(group, sample.correct, sample.weight, 1).labels[0]
    return float(single / cluster_counts(group, sample.correct, sample.weight, cluster, 1).labels[0])


def means(values: Floats, sample: Rows, strata: Strata) -> Floats:
    """Weighted mean of `values` by stratum, shape (B,)."""
    return group_means(strata.assign(sample.raw), values, sample.weight, len(strata))


def applied(mapping: Mapping, sample: Rows) -> Floats:
    """What the mapping makes of each row's raw confidence, by its segment's curve where it has one."""
    return by_segment(mapping.default, mapping.segments, sample.labels)


def level_shift(before: Counts, gap: Floats) -> Counts:
    """Move the baseline's accuracies by `gap`, the change of the mean expected accuracy inside each stratum.

    Within a quantile stratum the scores drift with the traffic; without this a mere change of the mix
    would read as a change of calibration.
    """
    moved = np.clip(before.correct + before.labels * gap, 0, before.labels)
    return Counts(correct=moved, labels=before.labels)
