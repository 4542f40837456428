"""A Parquet file as DuckDB is asked to read it: its columns, and the fields inside of them as `a.b`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb

from calib.tabular.columns import half, literal
from calib.tabular.csv_file import exactly
from calib.tabular.names import plain

DEEPEST = 8  # fields inside fields
FOLDER = re.compile(r"([^/\\=]+)=([^/\\]*)(?=[/\\])")  # a folder that names a key and its value


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetFile:
    """What a Parquet file holds: the names of its columns, DuckDB's type of each, and its number of rows.

    `values`: each column as SQL over the columns r0, r1, … that DuckDB reads, `read` of them. The fields
    inside of a column stand behind all columns.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    values: tuple[str, ...]
    read: int
    records: int

    def source(self, paths: Sequence[Path | str], *, places: bool = False) -> str:
        """The rows, as SQL, of files that all have these columns: c0, c1, …

        With `places` there are also `file`, and `record`, the row's number in it.
        """
        options = ", file_row_number = true, filename = true" if places else ""
        beside = ["record", "file"] if places else []  # DuckDB puts the two behind the file's own columns
        raw = ", ".join([f"r{i}" for i in range(self.read)] + beside)
        columns = ", ".join([f"{value} AS c{i}" for i, value in enumerate(self.values)] + beside)
        files = ", ".join(map(exactly, paths))
        return f"(SELECT {columns} FROM read_parquet([{files}]{options}) AS rows({raw}))"  # noqa: S608


def parquet_file(connection: duckdb.DuckDBPyConnection, path: Path | str) -> ParquetFile:
    """Read the structure of a Parquet file. Raises DuckDB's own errors."""
    relation = connection.sql(f"SELECT * FROM read_parquet({exactly(path)})")  # noqa: S608
    schema = f"SELECT name, num_children, logical_type FROM parquet_schema({exactly(path)})"  # noqa: S608
    tops = _tops(connection.execute(schema).fetchall())
    counted = f"SELECT sum(num_rows) FROM parquet_file_metadata({exactly(path)})"  # noqa: S608
    ((records,),) = connection.execute(counted).fetchall()
    # the file's own names: where one stands twice, in any case, DuckDB calls the second `name_1`
    names = [name for name, _ in tops] + [str(name) for name in relation.columns[len(tops) :]]
    kinds, values = list(map(str, relation.types)), [f"r{i}" for i in range(len(names))]
    for i, (_, logical) in enumerate(tops):
        if kinds[i] == "FLOAT" and "Float16" in logical:
            kinds[i], values[i] = "DOUBLE", half(f"r{i}")
    for i in _contradicted(connection, path, [name for name, _ in tops]):
        names.append(names[i])  # twice: it cannot be known which of the two values is meant
        kinds.append(kinds[i])
        values.append(values[i])
    for i, kind in enumerate(relation.types):
        for name, kind_inside, value in _fields(names[i], kind, f"r{i}", 0):
            names.append(name)
            kinds.append(kind_inside)
            values.append(value)
    return ParquetFile(
        names=tuple(names),
        kinds=tuple(kinds),
        values=tuple(values),
        read=len(relation.columns),
        records=int(records),
    )


def _contradicted(connection: duckdb.DuckDBPyConnection, path: Path | str, names: list[str]) -> list[int]:
    """Which columns the names of the folders state too, with another value than all rows may have.

    DuckDB then gives the folder's value. The file's statistics show where that is also the value of each row.
    """
    keys = {plain(unquote(key)): unquote(value) for key, value in FOLDER.findall(str(path))}
    beside = [i for i, name in enumerate(names) if plain(name) in keys]
    if not beside:
        return []
    rows = connection.execute(
        "SELECT path_in_schema, min(coalesce(stats_min_value, stats_min)), "  # noqa: S608
        "max(coalesce(stats_max_value, stats_max)), sum(stats_null_count) "
        f"FROM parquet_metadata({exactly(path)}) GROUP BY path_in_schema"
    ).fetchall()
    ends = {name: (least, most) for name, least, most, missing in rows if missing == 0}
    return [i for i in beside if ends.get(names[i]) != (keys[plain(names[i])],) * 2]


def _fields(name: str, kind: Any, value: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """The name, type and value of each field inside a column, and inside its fields."""
    if kind.id != "struct" or depth == DEEPEST:
        return
    for key, kind_inside in kind.children:
        inside = f"{name}.{key}", f"struct_extract({value}, {literal(key)})"
        if kind_inside.id != "struct":
            yield inside[0], str(kind_inside), inside[1]
        yield from _fields(inside[0], kind_inside, inside[1], depth + 1)


def _tops(schema: list[tuple[str, int | None, str | None]]) -> list[tuple[str, str]]:
    """The name and the logical type of each column, without what lies inside of columns.

    `schema` is the file's tree: its root, and before its own children each of the root's children.
    """
    tops: list[tuple[str, str]] = []
    inside: list[int] = []  # how many children are still to come, at each depth
    for name, children, logical in schema[1:]:
        if not inside:
            tops.append((str(name), str(logical)))
        else:
            inside[-1] -= 1
        if children:
            inside.append(children)
        while inside and not inside[-1]:
            inside.pop()
    return tops
