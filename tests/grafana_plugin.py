"""What Grafana's PostgreSQL data source does with a query, and asks of what comes back.

After grafana/grafana, pkg/tsdb/grafana-postgresql-datasource (macros.go, sqleng/sql_engine.go), and the
contract of time series in grafana-plugin-sdk-go, data/contract_docs/timeseries.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")  # an argument ends at the first bracket that closes
FROM, TO = "2024-05-01T00:00:00Z", "2026-07-01T00:00:00Z"
TIMES, TEXTS = {"timestamptz", "timestamp", "date"}, {"text", "varchar", "char", "bpchar", "unknown"}
NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}


def sent(sql: str, **variables: str) -> str:
    """The query as the data source sends it: first the variables of the dashboard, then the macros."""
    for name, value in variables.items():
        sql = sql.replace(f"${{{name}:sqlstring}}", "'" + value.replace("'", "''") + "'")
    sql = MACRO.sub(lambda found: _macro(found[1], [part.strip() for part in found[2].split(",")]), sql)
    assert "$" not in sql, f"nobody replaces this: {sql}"
    return sql


def _macro(name: str, arguments: list[str]) -> str:
    if name == "__timeFilter":
        assert arguments[0], "the macro needs a column of times"
        return f"{arguments[0]} BETWEEN '{FROM}' AND '{TO}'"
    if name in ("__timeFrom", "__timeTo"):
        return f"'{FROM if name == '__timeFrom' else TO}'"
    raise AssertionError(
        f"the dashboards use the macro {name}: write down here what the data source makes of it"
    )


def refusal(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]], *, series: bool) -> str | None:
    """Why a panel of times would show nothing, or something else; None where it shows the rows.

    `columns`: name and type of PostgreSQL of each. `series`: the format `time_series`, else `table`.
    """
    names, types = [name for name, _ in columns], dict(columns)
    if "time" not in names:
        return "no column is called time"
    if types["time"] not in TIMES:
        return "the column time holds no times"
    times = [row[names.index("time")] for row in rows]
    if any(moment is None for moment in times):
        return "a time is null"
    if times != sorted(times):
        return "times do not ascend"
    values = [name for name in names if name not in ("time", "metric")]
    if not values or any(types[name] not in NUMBERS for name in values):
        return "a value is no number"
    if not series:
        return "a table of times has a row for each time" if len(set(times)) < len(times) else None
    if len(columns) != 3 or types.get("metric") not in TEXTS:
        return "a series has a time, a metric of text that names it, and one value"
    keys = [(row[names.index("time")], row[names.index("metric")]) for row in rows]
    if any(metric is None for _, metric in keys):
        return "a series has no name"
    return "two values have one time and one name" if len(set(keys)) < len(keys) else None


def ascending(values: Sequence[float | datetime | None]) -> bool:
    """Whether values can be the x axis of a trend panel: none missing, each as large as the one before."""
    known = [value for value in values if value is not None]
    return len(known) == len(values) and known == sorted(known)  # type: ignore[type-var]
