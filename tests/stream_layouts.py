"""The same rows of traffic in every layout that a stream may have."""

from __future__ import annotations

import csv
import json
import math
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[dict[str, Any]]


def as_text(value: Any) -> str | None:
    """The value as a file of text holds it."""
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def table_of(rows: Rows) -> pa.Table:
    """The rows as Arrow: a column of values of several types is text."""
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        mixed = len({type(value) for value in values if value is not None}) > 1
        columns[name] = pa.array(list(map(as_text, values)), pa.string()) if mixed else pa.array(values)
        if columns[name].type == pa.null():
            columns[name] = columns[name].cast(pa.string())
    return pa.table(columns)


def write_parquet(folder: Path, rows: Rows) -> str:
    """Parquet, as Arrow would have it."""
    pq.write_table(table_of(rows), folder / "t.parquet")
    return "parquet:t.parquet"


def write_two_parquets(folder: Path, rows: Rows) -> str:
    """Two files of Parquet, whose columns may have different types."""
    half = max(1, len(rows) // 2)
    for name, part in (("u1", rows[:half]), ("u2", rows[half:])):
        if part:
            pq.write_table(table_of(part), folder / f"{name}.parquet")
    return "parquet:u?.parquet"


def write_csv(folder: Path, rows: Rows) -> str:
    """CSV, in which what is missing is an empty cell."""
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows([as_text(value) for value in row.values()] for row in rows)
    return "csv:t.csv"


def write_jsonl(folder: Path, rows: Rows) -> str:
    """JSON Lines; what JSON has no number for is text."""
    with (folder / "t.jsonl").open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({name: _json(value) for name, value in row.items()}) + "\n")
    return "jsonl:t.jsonl"


def write_sqlite(folder: Path, rows: Rows) -> str:
    """SQLite, whose columns have no types; it has no NaN, which is text here."""
    connection = sqlite3.connect(folder / "t.sqlite")
    connection.execute(f"CREATE TABLE t ({', '.join(rows[0])})")
    marks = ", ".join("?" for _ in rows[0])
    connection.executemany(
        f"INSERT INTO t VALUES ({marks})",  # noqa: S608
        [[_json(value) for value in row.values()] for row in rows],
    )
    connection.commit()
    connection.close()
    return "sqlite:t.sqlite#t"


def write_duckdb(folder: Path, rows: Rows) -> str:
    """DuckDB, with the types of Arrow."""
    with duckdb.connect(str(folder / "t.duckdb")) as connection:
        connection.register("given", table_of(rows))
        connection.execute("CREATE TABLE t AS SELECT * FROM given")
    return "duckdb:t.duckdb#t"


def _json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return as_text(value) if isinstance(value, datetime) else value


LAYOUTS: tuple[Callable[[Path, Rows], str], ...] = (
    write_parquet,
    write_two_parquets,
    write_csv,
    write_jsonl,
    write_sqlite,
    write_duckdb,
)
