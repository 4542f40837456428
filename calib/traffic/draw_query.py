"""The rows that come first in the order of the draw: all that has to leave the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ibis

from calib.measure import Strata
from calib.sampling.draw import HEX_DIGITS
from calib.traffic import expressions as x
from calib.traffic import rules
from calib.traffic.values import Columns, Interval

if TYPE_CHECKING:
    from calib.traffic.values import Floats


def expression(
    table: Any,
    clock: rules.Clock,
    columns: Columns,
    scope: Mapping[str, str],
    interval: Interval,
    *,
    strata: Strata,
    shares: Floats,
    seed: str,
    period: str,
) -> Any:
    """The usable rows in the first `shares`, by stratum and of shape (B,), of all orders."""
    value = rules.confidence(table[columns.confidence], columns.scale)
    cell, order = x.grid_cell(value), (table, columns.id, seed, period)
    limits = [threshold(share) for share in shares]
    limit = ibis.literal(limits[-1])
    if len(limits) > 1:
        pairs = zip(strata.upper[:-1], limits, strict=False)
        limit = ibis.cases(*((cell <= upper, part) for upper, part in pairs), else_=limits[-1])
    # Nearly all rows come later than every stratum's limit, which a quick look sees first.
    drawn = x.usable(table, columns, scope) & x.ordered_before(*order, limit)
    drawn = x.perhaps_before(*order, max(limits)).ifelse(drawn, False)
    inside = clock.within(interval.start, interval.end)
    selected = {
        "id": rules.text_of(table[columns.id]),
        "raw": value,
        "cell": cell,
        "order": x.order_of(*order),
    }
    selected |= clock.selected("ts")
    for key in ("segment", "mapping", "cluster", "trace"):
        if name := getattr(columns, key):
            selected[key] = rules.text_of(table[name])
    if columns.served:
        selected["served"] = x.served(table, columns)
    if columns.judge:
        selected["judge"] = rules.confidence(table[columns.judge])
    selected |= {f"context_{i}": table[name].cast("string") for i, name in enumerate(columns.context)}
    return table.filter(inside & drawn).select(**selected)


def threshold(share: float) -> str:
    """The order, in hex, below which a share of all rows lies; 'g' is above every hex digit.

    >>> threshold(0.25), threshold(1.0)
    ('4000000000000000', 'g')
    """
    return "g" if share >= 1 else f"{math.floor(share * 16**HEX_DIGITS):0{HEX_DIGITS}x}"


def first_of_each_id(
    records: list[dict[str, Any]], strata: Strata
) -> tuple[list[list[dict[str, Any]]], list[int]]:
    """The rows by stratum, in the order of the draw, and how many more rows had their ids.

    Of rows with one id the first by time is kept, whatever the order in which they come.
    """
    rows_by_stratum: list[list[dict[str, Any]]] = [[] for _ in strata.upper]
    duplicates = [0] * len(rows_by_stratum)
    seen: set[str] = set()
    records = sorted(records, key=lambda row: (row["id"], row["ts"], row["raw"], repr(sorted(row.items()))))
    for row, b in zip(records, strata.assign_cells([row["cell"] for row in records]).tolist(), strict=True):
        if row["id"] in seen:
            duplicates[b] += 1
            continue
        seen.add(row["id"])
        rows_by_stratum[b].append(row)
    for rows in rows_by_stratum:
        rows.sort(key=lambda row: (row["order"], row["id"]))
    return rows_by_stratum, duplicates
