"""The design of a window: what its population looks like, and how many labels each stratum gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.cycle.ports import Ports, Watch
from calib.mapping import Mapping
from calib.measure import GRID, Strata, strata_of_cells
from calib.sampling import allocate
from calib.store import Store, active_at, head, history, moment, read_mapping
from calib.traffic import Survey

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """A stretch of the window in which production used one mapping (None: the raw confidence)."""

    start: datetime
    mapping: str | None


def served_eras(store: Store, stream: str, channel: str, start: datetime, end: datetime) -> list[Era]:
    """What production served in [start, end), by the channel's history; the first era begins at `start`."""
    entries = history(store, stream=stream, channel=channel)
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
    served_source: str

    @property
    def mass(self) -> Floats:
        """Each stratum's share of the population, shape (B,)."""
        return self.sizes / max(1, int(self.sizes.sum()))

    def to_json(self) -> dict[str, Any]:
        """As the window keeps it."""
        return {
            "strata": self.strata.to_json(),
            "sizes": self.sizes.tolist(),
            "allocation": self.allocation.tolist(),
            "raw_mean": self.raw_mean.tolist(),
            "groups": list(self.groups),
            "cells": [list(cell) for cell in self.cells],
            "served_source": self.served_source,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Design:
        """What `to_json` wrote."""
        return cls(
            strata=Strata.from_json(values["strata"]),
            sizes=np.array(values["sizes"], dtype=np.int64),
            allocation=np.array(values["allocation"], dtype=np.int64),
            raw_mean=np.array(values["raw_mean"], dtype=float),
            groups=tuple(values["groups"]),
            cells=tuple((int(c), int(n), float(mean)) for c, n, mean in values["cells"]),
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
    groups, source = _served_groups(survey, strata, eras, applied_in(ports.store, watch.stream, eras))
    return Design(
        strata=strata,
        sizes=sizes,
        allocation=allocate(sizes / sizes.sum(), accuracy, watch.labels, sizes=sizes),
        raw_mean=np.bincount(ids, counts * means, len(strata)) / sizes,
        groups=groups,
        cells=tuple(zip(cells.tolist(), counts.tolist(), means.tolist(), strict=True)),
        served_source=source,
    )


def applied_in(store: Store, stream: str, eras: list[Era]) -> dict[str, Mapping]:
    """The mappings of the eras, by digest."""
    digests = {era.mapping for era in eras if era.mapping is not None}
    return {digest: read_mapping(store, stream=stream, digest=digest) for digest in digests}


def _served_groups(
    survey: Survey, strata: Strata, eras: list[Era], applied: dict[str, Mapping]
) -> tuple[tuple[dict[str, Any], ...], str]:
    """Population size and mean served confidence by stratum and mapping, and how we know."""
    table = survey.cells
    raw = np.clip(table.raw_sum / table.n, 0, 1)
    if table.served_sum is not None:
        served, source = table.served_sum / table.n, "logged"
        digests = list(table.mapping)
    else:
        digests = [eras[era].mapping for era in table.era.tolist()]
        served = raw.copy()
        source = "reconstructed" if applied else "raw"
        for digest, mapping in applied.items():
            where = np.array([one == digest for one in digests])
            served[where] = mapping.apply(raw[where])
    found: dict[tuple[int, str], list[float]] = {}
    rows = zip(
        strata.assign_cells(table.cell).tolist(), digests, table.n.tolist(), served.tolist(), strict=True
    )
    for stratum, used, n, mean in rows:
        group = found.setdefault((stratum, used or ""), [0.0, 0.0])
        group[0] += n
        group[1] += n * mean
    groups = tuple(
        {"stratum": stratum, "mapping": digest, "n": int(n), "mean": min(1.0, max(0.0, total / n))}
        for (stratum, digest), (n, total) in sorted(found.items())
    )
    return groups, source
