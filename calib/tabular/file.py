"""Opening a CSV or Parquet file and reading columns of it."""

from __future__ import annotations

import csv
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from calib.errors import InvalidInput
from calib.tabular.columns import Column, Wanted, as_column, expression, literal

# Nothing is fetched from anywhere: what the wheel of DuckDB brings is enough for CSV and Parquet.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
DIALECT = "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = ''"
LONGEST_LINE = 32 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A file with its columns: their names in the order of the file, and DuckDB's type of each."""

    path: Path
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    parquet: bool

    def read(self, wanted: Mapping[str, Wanted]) -> dict[str, Column]:
        """The wanted columns, in the order of the file's rows, under the keys of `wanted`.

        In a CSV file an empty cell, quoted or not, is missing; `NA`, `null` and `nan` are texts. Lines may
        end in any of the usual ways, and quoted cells may hold line ends. Raises `InvalidInput` for a file
        that cannot be read to its end, with the line where DuckDB knows it, and for a wanted column that
        the file names twice.
        """
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        for each in wanted.values():
            if each.column in twice:
                raise InvalidInput(f"{self.path} has two columns called {each.column!r}: rename one of them")
        selected = []
        for i, each in enumerate(wanted.values()):
            at = self.names.index(each.column)
            value = expression(each, f"c{at}", self.kinds[at])
            selected += [f"{value} AS value{i}", f"c{at} IS NULL AS missing{i}"]
        fetched = self._fetch(", ".join(selected))
        return {key: as_column(fetched[f"value{i}"], fetched[f"missing{i}"]) for i, key in enumerate(wanted)}

    def _fetch(self, selected: str) -> dict[str, Any]:
        try:
            return _select(selected, self._source(self.path))
        except duckdb.Error as error:
            if self.parquet or "invalid state" not in str(error):
                raise _unreadable(self.path, error) from None
        # DuckDB takes one kind of line end per file; files that were put together from several have two.
        with tempfile.TemporaryDirectory() as folder:
            even = Path(folder) / "even.csv"
            try:
                _copy_with_even_ends(self.path, even)
                return _select(selected, self._source(even))
            except (duckdb.Error, csv.Error) as error:
                raise _unreadable(self.path, error) from None

    def _source(self, path: Path) -> str:
        names = [f"c{i}" for i in range(len(self.names))]
        if self.parquet:
            return f"read_parquet({_exactly(path)}) AS rows({', '.join(names)})"
        types = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        return f"read_csv({_exactly(path)}, {DIALECT}, columns = {{{types}}}, max_line_size = {LONGEST_LINE})"


def open_table(path: Path) -> TableFile:
    """A CSV or Parquet file, known by its first bytes, with the names of its columns.

    Raises `InvalidInput` for what is not a file, is empty, or is neither CSV in UTF-8 nor Parquet.
    """
    try:
        if not path.is_file():
            raise InvalidInput(f"{path} is not a file: give the path of a CSV or Parquet file")
        with path.open("rb") as file:
            magic = file.read(4)
        if not magic:
            raise InvalidInput(f"{path} is empty: its first line names the columns, each other line is a row")
        if magic == b"PAR1":
            described = _select("*", f"read_parquet({_exactly(path)})", describe=True)
            names, kinds = described["column_name"].tolist(), described["column_type"].tolist()
            return TableFile(path=path, names=tuple(names), kinds=tuple(kinds), parquet=True)
        with path.open(newline="", encoding="utf-8-sig") as text:
            names = next(csv.reader(text), [])
        if any("\0" in name for name in names):
            raise InvalidInput(f"{path} cannot be read as CSV or Parquet: its first line is not text")
    except (duckdb.Error, UnicodeDecodeError, OSError, csv.Error) as error:
        raise _unreadable(path, error) from None
    return TableFile(path=path, names=tuple(names), kinds=("VARCHAR",) * len(names), parquet=False)


def _select(expressions: str, source: str, *, describe: bool = False) -> dict[str, Any]:
    """The columns of a query, or with `describe` their names and types."""
    query = f"SELECT {expressions} FROM {source}"  # noqa: S608  made of our own names and of literals
    with duckdb.connect(":memory:", config=CONFIG) as connection:
        connection.execute("SET enable_progress_bar = false")
        return connection.execute(f"DESCRIBE {query}" if describe else query).fetchnumpy()


def _copy_with_even_ends(path: Path, copy: Path) -> None:
    """The same rows, each ending in a line feed; line ends inside quoted cells stay as they are."""
    as_it_is: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    with path.open(**as_it_is) as mixed, copy.open("w", **as_it_is) as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows(row for row in csv.reader(mixed, strict=True) if row)


def _exactly(path: Path) -> str:
    """The path as a literal in which `*`, `?` and `[` mean themselves."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    """Where and why, without the line's own text: it may be somebody's words."""
    if isinstance(error, OSError):
        return InvalidInput(f"{path} cannot be read: {error.strerror or type(error).__name__}")
    if isinstance(error, UnicodeDecodeError):
        return InvalidInput(f"{path} cannot be read: it is not UTF-8 text; save it as UTF-8")
    said = str(error)
    line = re.search(r"on Line: (\d+)", said)
    where = f"{path}, line {line[1]}" if line else str(path)
    if width := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said):
        why = f"{width[2]} cells where the first line names {width[1]} columns"
    elif "Invalid unicode" in said:
        why = "not UTF-8 text; save the file as UTF-8"
    elif "unterminated quote" in said:
        why = "a quotation mark is not closed; inside a quoted cell a mark is written twice"
    elif "Maximum line size" in said:
        why = f"longer than {LONGEST_LINE:,} bytes; a quotation mark may be missing"
    else:
        why = said.splitlines()[0]
    return InvalidInput(f"{where}: cannot be read as CSV or Parquet: {why}")
