"""Segments: slices of a stream that are large enough to be measured and tested by themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calib.json_object import Json
from calib.measure import GROUPS, MAX_LEVELS, Strata, strata_of_cells
from calib.policy import SEGMENT_LEAST_LABELS, SEGMENT_STRATUM_LABELS
from calib.traffic import Cells, Survey

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A slice of the stream that is large enough to be tested by itself; arrays of shape (B,).

    Its strata are its own, fewer and wider than the stream's; `served` is the population's mean served
    confidence in each.
    """

    name: str
    strata: Strata
    sizes: npt.NDArray[np.int64]
    raw_mean: Floats
    served_mean: Floats

    @property
    def mass(self) -> Floats:
        """Each stratum's share of the segment's population."""
        return self.sizes / int(self.sizes.sum())

    def reconstructed(self, table: Cells, served: Floats, *, inside: npt.NDArray[np.bool_]) -> Segment:
        """The segment with each stratum's mean served confidence made anew, from its rows of a survey."""
        ids = self.strata.assign_cells(table.cell[inside])
        n = table.n[inside].astype(float)
        size = len(self.strata)
        rows, total = np.bincount(ids, n, size), np.bincount(ids, n * served[inside], size)
        mean = np.divide(total, rows, out=self.served_mean.copy(), where=rows > 0)
        return replace(self, served_mean=np.clip(mean, 0, 1))

    def to_json(self) -> Json:
        """The segment as a JSON object, as the window keeps it."""
        return {
            "name": self.name,
            "strata": self.strata.to_json(),
            "sizes": self.sizes.tolist(),
            "raw_mean": self.raw_mean.tolist(),
            "served_mean": self.served_mean.tolist(),
        }

    @classmethod
    def from_json(cls, values: Json) -> Segment:
        """The segment that `to_json` wrote."""
        return cls(
            name=values["name"],
            strata=Strata.from_json(values["strata"]),
            sizes=np.array(values["sizes"], dtype=np.int64),
            raw_mean=np.array(values["raw_mean"], dtype=float),
            served_mean=np.array(values["served_mean"], dtype=float),
        )


def segments_of(survey: Survey, served: Floats, *, labels: int) -> tuple[Segment, ...]:
    """The segments that a sample of `labels` rows will reach often enough, largest first.

    `served`: the mean served confidence of each entry of the survey's cells.
    """
    population = max(1, survey.population)
    sizes = sorted(survey.by_segment().items(), key=lambda item: (-item[1], item[0]))
    expected = {name: n * min(1.0, labels / population) for name, n in sizes}
    return tuple(
        _segment(name, survey, served, labels=expected[name])
        for name, _ in sizes
        if expected[name] >= SEGMENT_LEAST_LABELS
    )


def _segment(name: str, survey: Survey, served: Floats, *, labels: float) -> Segment:
    """A segment in as many strata as its labels fill."""
    table = survey.cells
    inside = np.array([segment == name for segment in table.segment])
    cells, inverse = np.unique(table.cell[inside], return_inverse=True)
    n = table.n[inside].astype(float)
    groups = int(min(GROUPS, max(1, labels // SEGMENT_STRATUM_LABELS)))
    strata = strata_of_cells(
        cells,
        np.bincount(inverse, n),
        distinct=survey.distinct,
        max_levels=min(groups, MAX_LEVELS),
        groups=groups,
    )
    ids = strata.assign_cells(table.cell[inside])
    sizes = np.bincount(ids, n, len(strata))
    return Segment(
        name=name,
        strata=strata,
        sizes=sizes.astype(np.int64),
        raw_mean=np.bincount(ids, n * table.raw_mean[inside], len(strata)) / sizes,
        served_mean=np.clip(np.bincount(ids, n * served[inside], len(strata)) / sizes, 0, 1),
    )
