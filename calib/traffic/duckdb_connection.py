"""DuckDB behind Ibis, as traffic is read with it."""

from __future__ import annotations

from typing import Any

from calib.tabular.many import quoted


def duckdb_connection(timezone: str = "UTC", path: str = ":memory:", *, read_only: bool = False) -> Any:
    """A connection whose times without a zone are read in `timezone`."""
    import ibis

    connection = ibis.duckdb.connect(path, read_only=read_only)
    connection.raw_sql(f"SET TimeZone = {quoted(timezone)}")
    return connection
