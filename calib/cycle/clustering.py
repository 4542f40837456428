"""What the labelled rows of a window have in common: named by the settings, else asked of the rows. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calib.measure.day_clusters import Days, askable, find_day_clusters
from calib.measure.sample import Sample
from calib.measure.stratum_counts import sample_design_effect
from calib.reasons import Reason
from calib.results.clusters import ClustersResult
from calib.review.cohort import Cohort

Source = Literal["named", "day", "day-segment", "none"]
LEAST_KNOWN = 0.5  # of the outcomes, that their days say something of all
UNKNOWN = 10_000_000  # a day far from all others, for rows whose outcome came nobody knows when
PREDICTED, KNOWN = "day", "outcome day"  # the two ways to say to which day a row belongs
FOUND = {
    (PREDICTED, False): "clusters_day",
    (PREDICTED, True): "clusters_day_segment",
    (KNOWN, False): "clusters_outcome_day",
    (KNOWN, True): "clusters_outcome_day_segment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """The cluster of each labelled row, or None; `code`: why, as in `calib/reasons.py`."""

    source: Source
    clusters: tuple[str | None, ...]
    code: str

    def result(self, sample: Sample, *, earlier: Sample | None) -> ClustersResult:
        """The `clusters` object of a window's result; `earlier`: the baseline's rows."""
        effective = len(sample) / sample_design_effect(sample, earlier=earlier)
        facts = {} if self.source == "none" else {"labels": len(sample), "effective": effective}
        why = Reason(self.code, facts)
        return ClustersResult(
            source=self.source, effective_labels=effective, why=why.sentence, why_code=why.code
        )


def clustering(cohort: Cohort, period: str) -> Clustering:
    """The clusters of a cohort's labelled rows; the same rows are asked with the same random numbers.

    A named cluster goes before. Else the rows of one day are asked whether they are right or wrong together,
    by the day of the prediction and, where outcomes arrive by themselves, by the day on which they were
    known.
    """
    labelled = cohort.labelled
    named = tuple(np.array(cohort.cluster, dtype=object)[labelled])
    nothing = (None,) * len(named)
    if any(name is not None for name in named):
        return Clustering(source="named", clusters=named, code="clusters_named")
    answers, days = cohort.correct[labelled], _days(cohort)
    if not days or not len(answers):
        return Clustering(source="none", clusters=nothing, code="clusters_days_unknown")
    if answers.min() == answers.max():
        return Clustering(source="none", clusters=nothing, code="clusters_answers_alike")
    if not any(askable(answers, way) for way in days):
        return Clustering(source="none", clusters=nothing, code="clusters_too_few_days")
    segments = tuple(np.array(cohort.segment, dtype=object)[labelled])
    seed = int.from_bytes(hashlib.sha256(f"clusters/{period}".encode()).digest()[:8], "big")
    day_clusters = find_day_clusters(
        cohort.stratum[labelled], answers, days, segments, np.random.default_rng(seed)
    )
    if day_clusters is None:
        return Clustering(source="none", clusters=nothing, code="clusters_not_found")
    return _of_days(
        next(way for way in days if way.name == day_clusters.days), segments, day_clusters.by_segment
    )


def as_before(cohort: Cohort, earlier: Sample) -> Clustering | None:
    """The clusters of rows whose answers are all alike, as earlier rows show them; None without any."""
    names = [name for name in earlier.clusters if name is not None]
    segments = tuple(np.array(cohort.segment, dtype=object)[cohort.labelled])
    for way in _days(cohort):
        for by_segment in (False, True):
            if any(_is(name, way.name, by_segment) for name in names):
                made = _of_days(way, segments, by_segment)
                return Clustering(source=made.source, clusters=made.clusters, code="clusters_as_before")
    return None


def mostly_clustered(sample: Sample | None) -> bool:
    """Whether at least half of the rows lie in clusters: what is found in one window alone may be chance."""
    if sample is None or not len(sample):
        return False
    return sum(name is not None for name in sample.clusters) >= len(sample) / 2


def _of_days(way: Days, segments: Sequence[str | None], by_segment: bool) -> Clustering:
    names = tuple(
        None
        if day == UNKNOWN
        else f"{way.name} {day}, segment {segment or ''}"
        if by_segment
        else f"{way.name} {day}"
        for day, segment in zip(way.day.tolist(), segments, strict=True)
    )
    return Clustering(
        source="day-segment" if by_segment else "day", clusters=names, code=FOUND[way.name, by_segment]
    )


def _is(name: str, way: str, by_segment: bool) -> bool:
    """Whether `_of_days` made the name so."""
    rest = name.removeprefix(f"{way} ")
    return rest != name and rest.split(",")[0].lstrip("-").isdigit() and (", segment " in rest) == by_segment


def _days(cohort: Cohort) -> list[Days]:
    """Of the labelled rows; the second where most outcomes have a day, and it tells more than the first."""
    labelled, ways = cohort.labelled, []
    if cohort.day is not None:
        ways.append(Days(name=PREDICTED, day=cohort.day[labelled]))
    outcome_day = np.zeros(0) if cohort.outcome_day is None else cohort.outcome_day[labelled]
    if len(outcome_day) and (outcome_day >= 0).mean() > LEAST_KNOWN:
        known = Days(name=KNOWN, day=np.where(outcome_day >= 0, outcome_day, UNKNOWN))
        if not ways or not _same_parts(known, ways[0]):
            ways.append(known)
    return ways


def _same_parts(first: Days, second: Days) -> bool:
    """Whether rows of one day by one way are rows of one day by the other, as where outcomes take a day."""
    parts = [np.unique(way.day, return_inverse=True)[1] for way in (first, second)]
    return bool((parts[0] == parts[1]).all())
