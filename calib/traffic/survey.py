"""One pass over a window's population: the expression that the engine runs, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from calib.measure import GRID
from calib.traffic import expressions as x
from calib.traffic import rules
from calib.traffic.values import Cells, Columns, Interval, Survey

# Sums are of whole numbers, for those of floats depend on the order in which threads add them.
OFFSET_UNIT = 1e13  # of the distance between a confidence and its cell, at most 5e-5
SHARE_UNIT = 1e9
OF_FILES = ("cut_line", "repeated_header")  # rows that are no data, counted where files are read


def expression(
    table: Any,
    clock: rules.Clock,
    columns: Columns,
    scope: Mapping[str, str],
    interval: Interval,
    eras: Sequence[datetime],
) -> Any:
    """Rows by grid cell (below zero: by kind of reject), era, mapping and segment."""
    code = x.reject(table, columns, scope)
    inside = clock.within(interval.start, interval.end)
    if clock.text:  # in the same pass; of columns of times an engine knows without one where none is missing
        unreadable = clock.unreadable()
        ours = unreadable & (code != x.CODES["out_of_scope"])
        code = ours.ifelse(x.CODES["bad_timestamp"], code)
        inside = inside.fill_null(False) | unreadable
    stated = rules.number(table[columns.confidence], columns.scale)
    value = rules.confidence(table[columns.confidence], columns.scale)
    cell = x.grid_cell(value)
    counted = code == 0
    keys = {"key": counted.ifelse(cell, -code)}
    if eras:
        keys["era"] = sum((clock.reached(moment).ifelse(1, 0) for moment in eras), start=0)
    if columns.mapping:
        keys["mapping"] = rules.text_of(table[columns.mapping])
    if columns.segment:
        keys["segment"] = rules.text_of(table[columns.segment])
    offset = _whole((value - cell / float(GRID)) * OFFSET_UNIT)
    seen = (code == x.CODES["out_of_range"]).ifelse(stated, 0.0)
    values = {"value": counted.ifelse(value, seen), "offset": counted.ifelse(offset, 0)}
    values["rounded"] = (counted & rules.beyond(stated)).ifelse(1, 0)
    if columns.scale != 1:
        values["unscaled"] = (counted & (value > 0) & (value < 1 / columns.scale)).ifelse(1, 0)
    if columns.served:
        served = x.served(table, columns)
        values["served"] = counted.ifelse(_whole(served * SHARE_UNIT), 0)
    if columns.judge:
        judge = rules.confidence(table[columns.judge])
        judged = counted & judge.notnull()
        values["judged"] = judged.ifelse(1, 0)
        values["judge"] = judged.ifelse(_whole(judge.fill_null(0.0) * SHARE_UNIT), 0)
    rows = table.filter(inside).select(**keys, **values)
    totals = {"n": rows.count(), "offset_total": rows["offset"].sum()}
    totals |= {"least": rows["value"].min(), "most": rows["value"].max()}
    totals |= {f"{name}_total": rows[name].sum() for name in ("rounded", "unscaled") if name in values}
    if columns.served:
        totals["served_total"] = rows["served"].sum()
    if columns.judge:
        totals |= {"judged_total": rows["judged"].sum(), "judge_total": rows["judge"].sum()}
    return rows.group_by(list(keys)).agg(**totals)


def survey_of(frame: Any, columns: Columns, *, beside: Mapping[str, int]) -> Survey:
    """The survey in the rows, a pandas frame, that `expression` gives; `beside`: rejects of no period."""
    served, judge = bool(columns.served), bool(columns.judge)
    key = frame["key"].to_numpy(dtype=np.int64)
    n = frame["n"].to_numpy(dtype=np.int64)
    rejected: dict[str, int] = {}
    for code, count in zip(key[key < 0].tolist(), n[key < 0].tolist(), strict=True):
        kind = x.REJECTS[-code - 1]
        rejected[kind] = rejected.get(kind, 0) + count
    for kind, count in beside.items():
        rejected[kind] = rejected.get(kind, 0) + count
    good = frame[key >= 0].sort_values(
        [name for name in ("key", "era", "mapping", "segment") if name in frame]
    )
    cell = good["key"].to_numpy(dtype=np.int64)
    sizes = good["n"].to_numpy(dtype=np.int64)
    least, most = good["least"].to_numpy(dtype=np.float64), good["most"].to_numpy(dtype=np.float64)
    levels = set(zip(cell.tolist(), least.tolist(), strict=True))
    return Survey(
        population=int(sizes.sum()),
        rejected={kind: n for kind in (*x.REJECTS, *OF_FILES) if (n := rejected.get(kind, 0))},
        cells=Cells(
            cell=cell,
            era=good["era"].to_numpy(dtype=np.int64) if "era" in good else np.zeros_like(cell),
            mapping=_texts(good, "mapping"),
            segment=_texts(good, "segment"),
            n=sizes,
            offset_sum=good["offset_total"].to_numpy(dtype=np.float64) / OFFSET_UNIT,
            served_sum=good["served_total"].to_numpy(dtype=np.float64) / SHARE_UNIT if served else None,
            judged=good["judged_total"].to_numpy(dtype=np.int64) if judge else None,
            judge_sum=good["judge_total"].to_numpy(dtype=np.float64) / SHARE_UNIT if judge else None,
        ),
        distinct=bool((least == most).all()) and len(levels) == len(set(cell.tolist())),
        rounded=int(good["rounded_total"].sum()),
        outside=_outside(frame[key == -x.CODES["out_of_range"]], columns.scale),
        unscaled=int(good["unscaled_total"].sum()) if "unscaled_total" in good else 0,
        greatest=float(most.max()) if len(most) else None,
    )


def _outside(frame: Any, scale: float) -> tuple[float, float] | None:
    """The range of the numbers that are out of range; infinite ones are null to the engine."""
    low, high = frame["least"].min(), frame["most"].max()
    return None if low != low or low is None else (float(low) * scale, float(high) * scale)


def _whole(value: Any) -> Any:
    return (value + 0.5).floor().cast("int64")


def _texts(frame: Any, name: str) -> tuple[str | None, ...]:
    if name not in frame:
        return (None,) * len(frame)
    return tuple(None if value is None or value != value else str(value) for value in frame[name])
