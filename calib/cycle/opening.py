"""Opening a window: survey the population, design the sample, draw it, put it up for review.

Everything that later steps may depend on is frozen here, before any label is seen: the strata and their
masses, the allocation, the draw, what production served, and the baseline that will be compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from calib.db import windows
from calib.db.windows import Window
from calib.store import Store, active_at, history

from calib.cycle.baseline import choose
from calib.cycle.ports import Ports, Watch
from calib.errors import InvalidInput
from calib.period import Period
from calib.traffic import Drawn, Interval

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """A stretch of the window in which production used one mapping (None: the raw confidence)."""

    start: datetime
    mapping: str | None


def open_window(
    watch: Watch,
    ports: Ports,
    period: Period,
    *,
    channel: str,
    replay: bool = False,
    allow_empty: bool = True,
) -> Window:
    """Open the window of `period`, or return it as it was opened before.

    `replay` marks a window of a backfill: what it publishes is dated at the period's end, as if the
    labels had been there at once. An empty period becomes an `insufficient` window, or `InvalidInput`
    where `allow_empty` is false; a period that has not ended and settled is always refused.
    """
    with ports.engine.connect() as conn:
        found = windows.find(conn, watch.stream, period.name)
    if found is not None:
        return found
    now = ports.now()
    if now < (due := watch.due(period)):
        raise InvalidInput(
            f"{watch.stream}: {period.name} can be opened from {due:%Y-%m-%d %H:%M} UTC on, when the period "
            f"has ended and late rows have settled; it is {now:%Y-%m-%d %H:%M} UTC"
        )
    start, end = period.interval(watch.timezone)
    eras = served_eras(ports.store, watch.stream, channel, start, end)
    survey = ports.traffic.survey(Interval(start, end), eras=[era.start for era in eras[1:]])
    if survey.population == 0 and not allow_empty:
        raise InvalidInput(_nothing(watch, period, survey))

    design = _design(watch, ports, survey, eras, channel)
    drawn: list[Drawn] = []
    if survey.population:
        drawn = ports.traffic.draw(
            Interval(start, end),
            strata=design.strata,
            allocation=design.allocation,
            seed=watch.seed,
            period=period.name,
            sizes=design.sizes,
        )
    items = _items(drawn, eras, ports.store, watch)
    with ports.engine.begin() as conn:
        baseline = choose(windows.earlier(conn, watch.stream, before=period.name), scope=watch.scope)
        return _insert(conn, watch, period, channel, replay, now, survey, design, drawn, items, baseline)


def served_eras(store: Store, stream: str, channel: str, start: datetime, end: datetime) -> list[Era]:
    """What production served during [start, end), by the channel's history; the first era begins at `start`."""
    entries = history(store, stream=stream, channel=channel)
    before = active_at(entries, start)
    eras = [Era(start=start, mapping=before.mapping if before else None)]
    for entry in entries:
        at = datetime.fromisoformat(entry.at)
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
