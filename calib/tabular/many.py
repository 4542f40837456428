"""Many files of rows as one table in DuckDB: what a month's exports are to traffic.

Columns are put together by name. Where the files give a column different types, it becomes text by the one
rule, so that an id has one spelling whether it was written as an integer or as a float, and a time one
meaning whether it was written as seconds or as a date.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from calib.errors import InvalidInput
from calib.tabular import columns as sql
from calib.tabular.csv_file import CsvFile
from calib.tabular.file import TableFile, open_table, unreadable
from calib.tabular.names import find, plain, position
from calib.tabular.parquet_file import ParquetFile

NAIVE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
AWARE = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS", "TIMESTAMP_NS WITH TIME ZONE")
PLACE = ("calibwatch file", "calibwatch record")  # columns: a row's file, and its number there from 0 on
DECIMAL_COMMA = r"^[^.,]*,[^.,]*$"  # the only mark in a cell


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyFiles:
    """The table that was made, under `table` on the connection, with the asked columns that a file has.

    `names`: every name of a column in any file. `rejected`: rows that do not hold data, by kind (`cut_line`,
    `repeated_header`), in all files together. `records`: the rows of each file, counted apart from DuckDB.
    `lacking`: for an asked column that some files have, the others that hold rows; without those of JSON
    Lines, where a field without a value need not be there.
    """

    table: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    records: dict[Path | str, int]
    rejected: dict[str, int] = field(default_factory=dict)
    lacking: Mapping[str, tuple[Path | str, ...]] = field(default_factory=dict)


def load(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path | TableFile],
    *,
    columns: Sequence[str],
    numbers: Collection[str] = (),
    table: str = "traffic",
    places: bool = False,
) -> ManyFiles:
    """Make one table of files: a view where all of them are Parquet, else a table of text.

    `paths`: local files, or files that were opened already, as objects in a store are by `parquet_table`.
    `columns` are those that will be asked for, under the caller's own spelling; `numbers` are those among
    them in which a comma may be the decimal point, in CSV whose cells it does not separate. Aware times that
    become text are written in the connection's time zone, with their offset. With `places` the table has the
    columns `PLACE` too. Raises `InvalidInput`, with the
    file and the line, for a file that cannot be read to its end or not in full, and for a column that a file
    has twice.
    """
    files = [path if isinstance(path, TableFile) else open_table(path) for path in paths]
    names = dict.fromkeys(name for file in files for name in file.names)
    names_to_read = [name for name in dict.fromkeys(columns) if any(find(file.names, name) for file in files)]
    rejected: Counter[str] = Counter()
    if all(file.form == "parquet" for file in files):
        query = _of_parquet(files, names_to_read, places=places)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(table)} AS {query}")
    else:
        typed = [f"{quoted(name)} VARCHAR" for name in names_to_read] or ['"none" VARCHAR']
        typed += [f"{quoted(PLACE[0])} VARCHAR", f"{quoted(PLACE[1])} BIGINT"] if places else []
        types = ", ".join(typed)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} ({types})")
        for file in files:
            rejected["repeated_header"] += _insert(
                connection, table, file, names_to_read, numbers, places=places
            )
            rejected["cut_line"] += file.cut
    return ManyFiles(
        table=table,
        names=tuple(names),
        columns=tuple(names_to_read),
        records={file.path: file.records for file in files},
        rejected={kind: n for kind, n in sorted(rejected.items()) if n},
        lacking={name: lacking for name in names_to_read if (lacking := _lacking(files, name))},
    )


def _lacking(files: Sequence[TableFile], name: str) -> tuple[Path | str, ...]:
    return tuple(
        file.path for file in files if file.form != "jsonl" and file.records and not find(file.names, name)
    )


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _of_parquet(files: Sequence[TableFile], names: Sequence[str], *, places: bool) -> str:
    """One SELECT for the files of each schema, joined by UNION ALL."""
    kinds: dict[str, set[str]] = {name: set() for name in names}
    groups: dict[tuple[object, ...], list[tuple[TableFile, ParquetFile]]] = {}
    for file in files:
        inner = file.inner
        if isinstance(inner, ParquetFile):
            groups.setdefault((inner.names, inner.kinds, inner.values), []).append((file, inner))
        for name in names:
            if find(file.names, name):
                kinds[name].add(file.kinds[position(file.path, file.names, name)])
    selects = []
    for group in groups.values():
        file, inner = group[0]
        columns = [_typed(file, name, kinds[name]) for name in names] or ["1 AS nothing"]
        if places:
            columns += [f"file AS {quoted(PLACE[0])}", f"record AS {quoted(PLACE[1])}"]
        rows = inner.source([member.path for member, _ in group], places=places)
        selects.append(f"SELECT {', '.join(columns)} FROM {rows}")  # noqa: S608
    return " UNION ALL ".join(selects)


def _typed(file: TableFile, name: str, kinds: set[str]) -> str:
    """The column of one file, as the type that it has in all of them."""
    if not find(file.names, name):
        return f"NULL AS {quoted(name)}"
    at = position(file.path, file.names, name)
    column, kind = f"c{at}", file.kinds[at]
    if kinds <= set(AWARE):
        value = f"CAST({column} AS TIMESTAMPTZ)" if kind != AWARE[0] else column
    elif len(kinds) == 1 or all(sql.base_of(column_kind) in sql.WHOLE for column_kind in kinds):
        value = column
    elif kinds <= set(NAIVE):
        value = f"CAST({column} AS TIMESTAMP)"
    else:
        value = sql.text(column, kind)
    return f"{value} AS {quoted(name)}"


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    file: TableFile,
    names: Sequence[str],
    numbers: Collection[str],
    *,
    places: bool,
) -> int:
    """Put a file's rows into the table as text; how many of its lines name the columns once more."""
    columns, own = [], {}
    for name in names:
        if not find(file.names, name):
            columns.append("NULL")
            continue
        at = position(file.path, file.names, name)
        own[name] = at
        columns.append(_text(file, f"c{at}", file.kinds[at], comma=name in numbers))
    words = ", ".join({sql.literal(plain(name)) for name in file.names if plain(name)})
    header = " OR ".join(
        f"{sql.plain_cell(f'c{own[name]}')} IN ({words})" for name in names if name in own and name in numbers
    )
    header = f"coalesce({header}, false)" if header and isinstance(file.inner, CsvFile) else "false"
    columns = columns or ["NULL"]
    if places:
        columns += [sql.literal(str(file.path)), "record"]
    for parallel in (True, False):
        rows = file.source(parallel=parallel)
        if places:
            rows = f"(SELECT row_number() OVER () - 1 AS record, * FROM {rows})"  # noqa: S608
        connection.execute("BEGIN TRANSACTION")
        try:
            counted = connection.execute(
                f"INSERT INTO {quoted(table)} SELECT {', '.join(columns)} FROM {rows} "  # noqa: S608
                f"WHERE NOT {header}"
            ).fetchall()
        except duckdb.Error as error:
            connection.execute("ROLLBACK")
            raise file.fault(error) or unreadable(file.path, error) from None
        repeated = 0 if counted[0][0] == file.records else _headers(connection, file, header, rows)
        if counted[0][0] + repeated == file.records:
            connection.execute("COMMIT")
            return repeated
        connection.execute("ROLLBACK")
    raise file.fault() or InvalidInput(
        f"{file.path} holds {file.records:,} rows, of which {counted[0][0]:,} were read: write the file anew"
    )


def _headers(connection: duckdb.DuckDBPyConnection, file: TableFile, header: str, rows: str) -> int:
    """The lines that name the columns once more; `InvalidInput` for one with other columns."""
    whole = " AND ".join(
        f"{sql.plain_cell(f'c{i}')} = {sql.literal(plain(name))}" for i, name in enumerate(file.names)
    )
    header_rows = connection.execute(
        f"SELECT i, {whole} FROM (SELECT row_number() OVER () - 1 AS i, * FROM {rows}) WHERE {header}"  # noqa: S608
    ).fetchall()
    for row, matches in header_rows:
        if not matches:
            raise file.second_header(row)
    return len(header_rows)


def _text(file: TableFile, column: str, kind: str, *, comma: bool) -> str:
    """A cell as text: as it is written in CSV, by the rule where the file has types of its own."""
    if file.form == "parquet":
        return sql.text(column, kind)
    if comma and file.decimal_comma:
        test = f"regexp_matches({column}, {sql.literal(DECIMAL_COMMA)})"
        return f"CASE WHEN {test} THEN replace({column}, ',', '.') ELSE {column} END"
    return column
