"""What drawn rows hold in the drift columns: as text by the one rule, read back by their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from calib.traffic.outcomes import fetch
from calib.traffic.values import Columns

CUT = 65  # characters that leave the engine: as many as a number has at most; a category is far shorter
COMPARABLE = "a drift column holds numbers, or short words that repeat; name another one in columns.drift"


def refused_column(schema: Mapping[str, Any], columns: Columns) -> str | None:
    """What is wrong with the first drift column that holds neither numbers nor words; None where none is."""
    for i, name in enumerate(columns.drift):
        kind = schema[name]
        if not (kind.is_numeric() or kind.is_boolean() or kind.is_string() or kind.is_unknown()):
            return f"columns.drift[{i}] = {name!r} is a column of type {kind}: {COMPARABLE}"
    return None


def read(
    table: Any,
    columns: Columns,
    ids: Iterable[str],
    *,
    times: dict[str, Any],
    rank: Callable[[dict[str, Any]], Any],
    records: Callable[[Any], list[dict[str, Any]]],
) -> dict[str, dict[str, str | None]]:
    """By prediction id what each drift column holds, None for nothing; ids without a row are left out.

    Of several rows of one id the first by `rank` counts, which reads the columns `times`.
    """
    from calib.traffic.rules import text_of

    values = {f"drift_{i}": text_of(table[name]).substr(0, CUT) for i, name in enumerate(columns.drift)}
    rows = fetch(table, id_column=columns.id, ids=ids, selected=times | values, records=records)
    rows.sort(key=lambda row: (row["id"], rank(row), repr([row[key] for key in values])))
    by_id: dict[str, dict[str, str | None]] = {}
    for row in rows:
        by_id.setdefault(row["id"], {name: row[f"drift_{i}"] for i, name in enumerate(columns.drift)})
    return by_id
