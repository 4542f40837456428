"""The design of a window: what its population looks like, and how many labels each stratum gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.cycle.segments import Segment, segments_of
from calib.cycle.served import Serving, ServingSpan, Source
from calib.cycle.stream import StreamPolicy
from calib.json_object import Json
from calib.measure import GRID, Strata, strata_of_cells
from calib.sampling import allocate
from calib.traffic import Cells, Survey

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedGroup:
    """The rows of one stratum that one mapping served ("" where none did): how many, and their mean."""

    stratum: int
    mapping: str
    n: int
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The frozen plan of a window's sample, and what its population looked like.

    `spans`: what the served confidences were reconstructed from; None where an older version did that.
    `rounded`, `unscaled`, `greatest`: as in `Survey`. `looks`: what the values of a kind that cannot be read
    look like, where too many cannot; never such a value.
    """

    strata: Strata
    sizes: npt.NDArray[np.int64]
    allocation: npt.NDArray[np.int64]
    raw_mean: Floats
    groups: tuple[ServedGroup, ...]
    cells: tuple[tuple[int, int, float], ...]  # grid cell, n, mean raw confidence
    judge: tuple[tuple[int, int, float], ...] | None  # grid cell, n judged, mean; None without a judge
    segments: tuple[Segment, ...]
    served_source: Source
    spans: tuple[ServingSpan, ...] | None = None
    rounded: int = 0
    unscaled: int = 0
    greatest: float | None = None
    looks: dict[str, str] = field(default_factory=dict)

    @property
    def mass(self) -> Floats:
        """Each stratum's share of the population, shape (B,)."""
        return self.sizes / max(1, int(self.sizes.sum()))

    @property
    def served_mean(self) -> Floats:
        """The population's mean served confidence by stratum, over all mappings, shape (B,)."""
        total = np.zeros(len(self.strata))
        for group in self.groups:
            total[group.stratum] += group.n * group.mean
        return total / np.maximum(self.sizes, 1)

    @property
    def served_shares(self) -> dict[str, float]:
        """The share of the population that each mapping served, by digest; "" stands for none."""
        total = sum(group.n for group in self.groups)
        shares: dict[str, float] = {}
        for group in self.groups:
            shares[group.mapping] = shares.get(group.mapping, 0.0) + group.n / total
        return shares

    @property
    def main_mapping(self) -> str | None:
        """The digest of the mapping that served most of the population; None where that was none."""
        served: dict[str, int] = {}
        for group in self.groups:
            served[group.mapping] = served.get(group.mapping, 0) + group.n
        return max(served, key=lambda digest: (served[digest], digest)) or None if served else None

    def sizes_in(self, strata: Strata) -> npt.NDArray[np.int64]:
        """The population by other strata than the window's own."""
        return _sizes(strata, self.cells)

    def judge_in(self, strata: Strata) -> tuple[npt.NDArray[np.int64], Floats]:
        """Judged rows of the population and the judge's mean by strata; means of 0 where none is judged."""
        cells = self.judge or ()
        judged = _sizes(strata, cells)
        if not cells:
            return judged, np.zeros(len(strata))
        ids = strata.assign_cells([cell for cell, _, _ in cells])
        total = np.bincount(ids, [n * mean for _, n, mean in cells], len(strata))
        return judged, total / np.maximum(judged, 1)

    def to_json(self) -> Json:
        """The design as a JSON object, as the window keeps it."""
        return {
            "strata": self.strata.to_json(),
            "sizes": self.sizes.tolist(),
            "allocation": self.allocation.tolist(),
            "raw_mean": self.raw_mean.tolist(),
            "groups": [asdict(group) for group in self.groups],
            "cells": [list(cell) for cell in self.cells],
            "judge": None if self.judge is None else [list(cell) for cell in self.judge],
            "segments": [segment.to_json() for segment in self.segments],
            "served_source": self.served_source,
            "spans": None if self.spans is None else [span.to_json() for span in self.spans],
            "rounded": self.rounded,
            "unscaled": self.unscaled,
            "greatest": self.greatest,
            "looks": dict(self.looks),
        }

    @classmethod
    def from_json(cls, values: Json) -> Design:
        """The design that `to_json` wrote; one of an older version may have neither judge nor segments."""
        judge, spans = values.get("judge"), values.get("spans")
        return cls(
            strata=Strata.from_json(values["strata"]),
            sizes=np.array(values["sizes"], dtype=np.int64),
            allocation=np.array(values["allocation"], dtype=np.int64),
            raw_mean=np.array(values["raw_mean"], dtype=float),
            groups=tuple(ServedGroup(**group) for group in values["groups"]),
            cells=_cells(values["cells"]),
            judge=None if judge is None else _cells(judge),
            segments=tuple(Segment.from_json(part) for part in values.get("segments", [])),
            served_source=values["served_source"],
            spans=None if spans is None else tuple(ServingSpan.from_json(span) for span in spans),
            **{key: values[key] for key in ("rounded", "unscaled", "greatest", "looks") if key in values},
        )

    def reconstructed(self, survey: Survey, serving: Serving) -> Design | None:
        """The same plan with what production served reconstructed anew, from a survey of the same population.

        None where the survey finds other rows than there were when the window was opened: what it says of
        them does not fit to the strata's sizes then.
        """
        strata, table = self.strata, survey.cells
        if not len(table.cell):
            return None
        ids = strata.assign_cells(table.cell)
        if (np.bincount(ids, table.n, len(strata)).astype(np.int64) != self.sizes).any():
            return None
        served, digests, source = serving.of_cells(table)
        names = np.array([name or "" for name in table.segment], dtype=object)
        return replace(
            self,
            groups=_groups(table, strata, served, digests),
            segments=tuple(
                segment.reconstructed(table, served, inside=names == segment.name)
                for segment in self.segments
            ),
            served_source=source,
            spans=serving.spans,
        )


def design_sample(
    policy: StreamPolicy, survey: Survey, serving: Serving, *, earlier: Sequence[Design] = ()
) -> Design:
    """Strata and allocation for a population, by mass and the spread that the published mapping expects.

    `earlier`: designs of the same period with as many labels. Where one had the same population, its
    allocation is taken, whatever has been published since: equal rows draw equal samples.
    """
    cells, counts, means = survey.by_cell()
    if not len(cells):
        zero = np.zeros(1, dtype=np.int64)
        return Design(
            strata=Strata(upper=(GRID,), kind="levels"),
            sizes=zero,
            allocation=zero,
            raw_mean=np.zeros(1),
            groups=(),
            cells=(),
            judge=None,
            segments=(),
            served_source="raw",
            spans=serving.spans,
        )
    strata = strata_of_cells(cells, counts, distinct=survey.distinct)
    ids = strata.assign_cells(cells)
    sizes = np.bincount(ids, counts, len(strata)).astype(np.int64)
    accuracy = None
    if serving.published is not None:
        expected = np.asarray(serving.published.apply(means))
        accuracy = np.bincount(ids, counts * expected, len(strata)) / sizes
    served, digests, source = serving.of_cells(survey.cells)
    same = (design for design in earlier if design.strata == strata and (design.sizes == sizes).all())
    before = next(same, None)
    return Design(
        strata=strata,
        sizes=sizes,
        allocation=allocate(sizes / sizes.sum(), accuracy, policy.labels, sizes=sizes)
        if before is None
        else before.allocation,
        raw_mean=np.bincount(ids, counts * means, len(strata)) / sizes,
        groups=_groups(survey.cells, strata, served, digests),
        cells=tuple(zip(cells.tolist(), counts.tolist(), means.tolist(), strict=True)),
        judge=_judged(survey.cells),
        segments=segments_of(survey, served, labels=policy.labels),
        served_source=source,
        spans=serving.spans,
        rounded=survey.rounded,
        unscaled=survey.unscaled,
        greatest=survey.greatest,
    )


def _groups(
    table: Cells, strata: Strata, served: Floats, digests: list[str | None]
) -> tuple[ServedGroup, ...]:
    """Population size and mean served confidence by stratum and mapping."""
    totals: dict[tuple[int, str], list[float]] = {}
    rows = zip(
        strata.assign_cells(table.cell).tolist(), digests, table.n.tolist(), served.tolist(), strict=True
    )
    for stratum, used, n, mean in rows:
        total = totals.setdefault((stratum, used or ""), [0.0, 0.0])
        total[0] += n
        total[1] += n * mean
    return tuple(
        ServedGroup(stratum=stratum, mapping=digest, n=int(n), mean=min(1.0, max(0.0, summed / n)))
        for (stratum, digest), (n, summed) in sorted(totals.items())
    )


def _judged(table: Cells) -> tuple[tuple[int, int, float], ...] | None:
    """Judged rows and the judge's mean by grid cell."""
    if table.judged is None or table.judge_sum is None:
        return None
    cells, inverse = np.unique(table.cell, return_inverse=True)
    judged = np.bincount(inverse, table.judged, len(cells))
    mean = np.bincount(inverse, table.judge_sum, len(cells)) / np.maximum(judged, 1)
    by_cell = zip(cells.tolist(), judged.astype(int).tolist(), mean.tolist(), strict=True)
    return tuple(entry for entry in by_cell if entry[1])


def _sizes(strata: Strata, cells: tuple[tuple[int, int, float], ...]) -> npt.NDArray[np.int64]:
    ids = strata.assign_cells([cell for cell, _, _ in cells])
    return np.bincount(ids, [n for _, n, _ in cells], len(strata)).astype(np.int64)


def _cells(values: list[list[Any]]) -> tuple[tuple[int, int, float], ...]:
    return tuple((int(cell), int(n), float(mean)) for cell, n, mean in values)
