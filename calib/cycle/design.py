"""The design of a window: what its population looks like, and how many labels each stratum gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.cycle.ports import Ports, Watch
from calib.cycle.segments import Segment, segments_of
from calib.format import Mapping
from calib.measure import GRID, Strata, strata_of_cells
from calib.routing import start_cut
from calib.sampling import allocate
from calib.store import Store, active_at, head, read_mapping, recent
from calib.times import moment
from calib.traffic import Cells, Survey

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """A stretch of the window in which production used one mapping (None: the raw confidence)."""

    start: datetime
    mapping: str | None


def served_eras(store: Store, stream: str, channel: str, start: datetime, end: datetime) -> list[Era]:
    """What production served in [start, end), by the channel's history; the first era begins at `start`."""
    entries = recent(store, stream=stream, channel=channel, since=start)
    before = active_at(entries, start)
    eras = [Era(start=start, mapping=before.mapping if before else None)]
    for entry in entries:
        at = moment(entry.at)
        if start < at < end and entry.mapping != eras[-1].mapping:
            eras.append(Era(start=at, mapping=entry.mapping))
    return eras


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The frozen plan of a window's sample, and what its population looked like."""

    strata: Strata
    sizes: npt.NDArray[np.int64]
    allocation: npt.NDArray[np.int64]
    raw_mean: Floats
    groups: tuple[dict[str, Any], ...]  # stratum x mapping: n, mean served confidence
    cells: tuple[tuple[int, int, float], ...]  # grid cell, n, mean raw confidence
    judge: tuple[tuple[int, int, float], ...] | None  # grid cell, n judged, mean; None without a judge
    segments: tuple[Segment, ...]
    served_source: str

    @property
    def mass(self) -> Floats:
        """Each stratum's share of the population, shape (B,)."""
        return self.sizes / max(1, int(self.sizes.sum()))

    @property
    def served_mean(self) -> Floats:
        """The population's mean served confidence by stratum, over all mappings, shape (B,)."""
        total = np.zeros(len(self.strata))
        for group in self.groups:
            total[group["stratum"]] += group["n"] * group["mean"]
        return total / np.maximum(self.sizes, 1)

    @property
    def start(self) -> float:
        """The raw confidence that certificates are tested from, chosen by the population alone."""
        return start_cut([cell / GRID for cell, _, _ in self.cells], [n for _, n, _ in self.cells])

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

    def to_json(self) -> dict[str, Any]:
        """As the window keeps it."""
        return {
            "strata": self.strata.to_json(),
            "sizes": self.sizes.tolist(),
            "allocation": self.allocation.tolist(),
            "raw_mean": self.raw_mean.tolist(),
            "groups": list(self.groups),
            "cells": [list(cell) for cell in self.cells],
            "judge": None if self.judge is None else [list(cell) for cell in self.judge],
            "segments": [segment.to_json() for segment in self.segments],
            "served_source": self.served_source,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Design:
        """What `to_json` wrote; a window opened by an older version has neither judge nor segments."""
        judge = values.get("judge")
        return cls(
            strata=Strata.from_json(values["strata"]),
            sizes=np.array(values["sizes"], dtype=np.int64),
            allocation=np.array(values["allocation"], dtype=np.int64),
            raw_mean=np.array(values["raw_mean"], dtype=float),
            groups=tuple(values["groups"]),
            cells=_cells(values["cells"]),
            judge=None if judge is None else _cells(judge),
            segments=tuple(Segment.from_json(one) for one in values.get("segments", [])),
            served_source=values["served_source"],
        )


def plan(watch: Watch, ports: Ports, survey: Survey, eras: list[Era], channel: str) -> Design:
    """Strata and allocation for a population, by mass and the spread that the mapping expects."""
    cells, counts, means = survey.by_cell()
    if not len(cells):
        nothing = np.zeros(1, dtype=np.int64)
        return Design(
            strata=Strata(upper=(GRID,), kind="levels"),
            sizes=nothing,
            allocation=nothing,
            raw_mean=np.zeros(1),
            groups=(),
            cells=(),
            judge=None,
            segments=(),
            served_source="raw",
        )
    strata = strata_of_cells(cells, counts, distinct=survey.distinct)
    ids = strata.assign_cells(cells)
    sizes = np.bincount(ids, counts, len(strata)).astype(np.int64)
    current = head(ports.store, stream=watch.stream, channel=channel)
    accuracy = None
    if current is not None:
        mapping = read_mapping(ports.store, stream=watch.stream, digest=current.mapping)
        accuracy = np.bincount(ids, counts * np.asarray(mapping.apply(means)), len(strata)) / sizes
    served, digests, source = _served(survey.cells, eras, applied_in(ports.store, watch.stream, eras))
    return Design(
        strata=strata,
        sizes=sizes,
        allocation=allocate(sizes / sizes.sum(), accuracy, watch.labels, sizes=sizes),
        raw_mean=np.bincount(ids, counts * means, len(strata)) / sizes,
        groups=_groups(survey.cells, strata, served, digests),
        cells=tuple(zip(cells.tolist(), counts.tolist(), means.tolist(), strict=True)),
        judge=_judged(survey.cells),
        segments=segments_of(survey, served, labels=watch.labels),
        served_source=source,
    )


def applied_in(store: Store, stream: str, eras: list[Era]) -> dict[str, Mapping]:
    """The mappings of the eras, by digest."""
    digests = {era.mapping for era in eras if era.mapping is not None}
    return {digest: read_mapping(store, stream=stream, digest=digest) for digest in digests}


def _served(
    table: Cells, eras: list[Era], applied: dict[str, Mapping]
) -> tuple[Floats, list[str | None], str]:
    """The mean served confidence and the mapping of each entry of the survey, and how we know."""
    if table.served_sum is not None:
        return np.clip(table.served_sum / table.n, 0, 1), list(table.mapping), "logged"
    digests = [eras[era].mapping for era in table.era.tolist()]
    raw = table.raw_mean
    served, segment = raw.copy(), np.array([name or "" for name in table.segment], dtype=object)
    for digest, mapping in applied.items():
        where = np.array([one == digest for one in digests], dtype=bool)
        served[where] = mapping.apply(raw[where])
        for name in mapping.segments:  # few; a traffic may name thousands
            inside = where & (segment == name)
            served[inside] = mapping.apply(raw[inside], name)
    return served, digests, "reconstructed" if applied else "raw"


def _groups(
    table: Cells, strata: Strata, served: Floats, digests: list[str | None]
) -> tuple[dict[str, Any], ...]:
    """Population size and mean served confidence by stratum and mapping."""
    found: dict[tuple[int, str], list[float]] = {}
    rows = zip(
        strata.assign_cells(table.cell).tolist(), digests, table.n.tolist(), served.tolist(), strict=True
    )
    for stratum, used, n, mean in rows:
        group = found.setdefault((stratum, used or ""), [0.0, 0.0])
        group[0] += n
        group[1] += n * mean
    return tuple(
        {"stratum": stratum, "mapping": digest, "n": int(n), "mean": min(1.0, max(0.0, total / n))}
        for (stratum, digest), (n, total) in sorted(found.items())
    )


def _judged(table: Cells) -> tuple[tuple[int, int, float], ...] | None:
    """Judged rows and the judge's mean by grid cell."""
    if table.judged is None or table.judge_sum is None:
        return None
    cells, inverse = np.unique(table.cell, return_inverse=True)
    judged = np.bincount(inverse, table.judged, len(cells))
    mean = np.bincount(inverse, table.judge_sum, len(cells)) / np.maximum(judged, 1)
    found = zip(cells.tolist(), judged.astype(int).tolist(), mean.tolist(), strict=True)
    return tuple(entry for entry in found if entry[1])


def _sizes(strata: Strata, cells: tuple[tuple[int, int, float], ...]) -> npt.NDArray[np.int64]:
    ids = strata.assign_cells([cell for cell, _, _ in cells])
    return np.bincount(ids, [n for _, n, _ in cells], len(strata)).astype(np.int64)


def _cells(values: list[list[Any]]) -> tuple[tuple[int, int, float], ...]:
    return tuple((int(cell), int(n), float(mean)) for cell, n, mean in values)
