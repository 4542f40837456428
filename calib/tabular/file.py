"""Opening a file of rows and reading columns of it: CSV, Parquet, JSON Lines and xlsx, all by DuckDB."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput, SourceError
from calib.redaction import reason, shown
from calib.tabular import columns as sql
from calib.tabular import rules
from calib.tabular.columns import Answers, Column, Numbers, Texts, Wanted, as_column
from calib.tabular.csv_file import CsvFile, csv_file, fault_of
from calib.tabular.formats import Form, Format, TemporaryFolder, format_of
from calib.tabular.jsonl_file import JsonlFile, jsonl_fault, jsonl_file
from calib.tabular.names import plain, position
from calib.tabular.parquet_file import ParquetFile, parquet_file
from calib.tabular.scan import records_of

# Nothing is fetched from anywhere: what the wheel of DuckDB brings is enough.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
FAULTS = (duckdb.Error, RuntimeError)  # the second where a damaged file has names that are no text
DIGITS = 12  # after the point of a number that was scaled: 85.3 percent is 0.853, to the last bit
SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What was read of a file: records in = rows here + rows of `rejected`.

    `rejected` has the rows that do not hold data: `cut_line` (the last one was not written to its end) and
    `repeated_header`. `record`: the number of each row's record in the file, shape (n,).
    """

    n: int
    columns: dict[str, Column]
    rejected: dict[str, int]
    record: npt.NDArray[np.int64]

    def __getitem__(self, key: str) -> Column:
        return self.columns[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A file with its columns: their names in the order of the file, and DuckDB's type of each.

    `path` is the URL of an object where it is read in place.
    `records`: the rows that it holds, counted apart from DuckDB's own reading. `cut`: its last row was not
    written to its end and is not among them.
    """

    path: Path | str
    form: Form
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    records: int
    cut: bool
    inner: CsvFile | JsonlFile | ParquetFile

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma may stand for the decimal point: in CSV where it does not separate cells."""
        return isinstance(self.inner, CsvFile) and self.inner.structure.delimiter != ","

    def source(self, *, parallel: bool = True) -> str:
        """The rows as SQL for DuckDB, with the columns c0, c1, …"""
        if isinstance(self.inner, CsvFile):
            return self.inner.source(parallel=parallel)
        if isinstance(self.inner, ParquetFile):
            return self.inner.source([self.path])
        return self.inner.source()

    def read(self, forms: Mapping[str, Wanted]) -> Rows:
        """The wanted columns, in the order of the file's rows, under the keys of `wanted`.

        Columns are found whatever their case and the blanks around their names. An empty cell, quoted or
        not, is missing. Raises `InvalidInput` for a file that cannot be read to its end or of which not every
        row was read, with the line; for a wanted column that is not there or there twice; for ids that may
        have been rounded; and for a second line of names that is not the first one again.
        """
        selected: list[str] = []
        for i, form in enumerate(forms.values()):
            name, kind, at = self._column(form.column)
            missing = sql.no_number(name, kind) if isinstance(form, Numbers) else f"{name} IS NULL"
            selected += [f"{self._value(form, name, kind)} AS value{i}", f"{missing} AS missing{i}"]
            check = sql.rounded(name, kind) if isinstance(form, Texts) and not form.raw else None
            if check is not None:
                selected.append(f"{check} AS rounded{at}")
        fetched = self._fetch(", ".join(dict.fromkeys(selected)) or "1 AS nothing")
        n = len(next(iter(fetched.values())))
        for key, values in fetched.items():
            if key.startswith("rounded") and values.any():
                row, at = int(np.flatnonzero(values)[0]), int(key.removeprefix("rounded"))
                raise InvalidInput(
                    f"{self.place(row)}, column {self.names[at]!r}: {self.shown(row, self.names[at])} "
                    f"{rules.CANNOT_KEEP}"
                )
        columns = {
            key: as_column(fetched[f"value{i}"], fetched[f"missing{i}"]) for i, key in enumerate(forms)
        }
        for key, form in forms.items():
            if isinstance(form, Numbers) and form.scale != 1:
                columns[key] = replace(
                    columns[key], values=np.round(columns[key].values / form.scale, DIGITS)
                )
        rows = Rows(n=n, columns=columns, rejected={"cut_line": 1} if self.cut else {}, record=np.arange(n))
        return self._without_headers(rows, forms)

    def place(self, row: int) -> str:
        """Where a row is: the file with its line, or with the row's number where there are no lines."""
        if isinstance(self.inner, CsvFile) and self.form == "csv":
            structure = self.inner.structure
            records = records_of(self.inner.read_from, self.inner.compression, structure.delimiter)
            for i, (line, _) in enumerate(records):
                if i == row:
                    return f"{self.path}, line {line}"
        return f"{self.path}, row {row + 1}"

    def lines(self) -> list[int]:
        """The line on which each record begins; without lines, its row with one for the names."""
        if isinstance(self.inner, CsvFile) and self.form == "csv":
            structure = self.inner.structure
            records = records_of(self.inner.read_from, self.inner.compression, structure.delimiter)
            return [line for line, _ in records]
        return [row + 2 for row in range(self.records)]

    def shown(self, row: int, column: str) -> str:
        """What a cell holds, for a message: short, and in one line."""
        name, _, _ = self._column(column)
        fetched = self._query(
            f"SELECT CAST({name} AS VARCHAR) AS cell FROM {self.source()} LIMIT 1 OFFSET {int(row)}"  # noqa: S608
        )
        (cell,) = fetched["cell"].tolist()
        text = "an empty cell" if cell is None else repr(cell)
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"

    def second_header(self, row: int) -> InvalidInput:
        """The error of a line in mid-file that names other columns than the first."""
        return InvalidInput(
            f"{self.place(row)}: a second line of names, with other columns than the first line: give each "
            "layout a file of its own"
        )

    def fault(self, error: Exception | None = None) -> InvalidInput | None:
        """Where the file is damaged, where that can be found out; `error` is DuckDB's own."""
        if isinstance(self.inner, CsvFile):
            return fault_of(Path(self.path), self.inner)
        if isinstance(self.inner, JsonlFile) and error is not None:
            return jsonl_fault(Path(self.path), self.inner.read_from, self.inner.compression, error)
        return None

    def _column(self, name: str) -> tuple[str, str, int]:
        at = position(self.path, self.names, name)
        return f"c{at}", self.kinds[at], at

    def _value(self, form: Wanted, name: str, kind: str) -> str:
        match form:
            case Numbers():
                percent = form.scale == rules.PERCENT
                return sql.number(name, kind, decimal_comma=self.decimal_comma, percent=percent)
            case Texts(raw=True):
                return f"CAST({name} AS VARCHAR)"
            case Texts():
                return sql.text(name, kind)
            case Answers(beside=None):
                return sql.answer(name, kind)
            case Answers(beside=other):
                name2, kind2, _ = self._column(str(other))
                return sql.same(sql.text(name, kind), sql.text(name2, kind2))

    def _fetch(self, selected: str) -> dict[str, Any]:
        for parallel in (True, False):
            fetched = self._query(f"SELECT {selected} FROM {self.source(parallel=parallel)}")  # noqa: S608
            n = len(next(iter(fetched.values())))
            if n == self.records:
                return fetched
        raise self.fault() or InvalidInput(
            f"{self.path} holds {self.records:,} rows, of which {n:,} were read: write the file anew"
        )

    def _query(self, query: str) -> dict[str, Any]:
        try:
            with connected() as connection:
                return connection.execute(query).fetchnumpy()
        except FAULTS as error:
            raise self.fault(error) or unreadable(self.path, error) from None

    def _without_headers(self, rows: Rows, forms: Mapping[str, Wanted]) -> Rows:
        """The rows without lines that name the columns once more, as files have that were put together."""
        numbers = [key for key, form in forms.items() if isinstance(form, Numbers)]
        unread = any((np.isnan(rows[key].values) & ~rows[key].missing).any() for key in numbers)
        if self.form not in ("csv", "xlsx") or not unread:
            return rows
        named = [
            f"{sql.plain_cell(f'c{i}')} = {sql.literal(plain(name))}" for i, name in enumerate(self.names)
        ]
        words = ", ".join({sql.literal(plain(name)) for name in self.names if plain(name)})
        cells = {f"c{self._column(forms[key].column)[2]}" for key in numbers}
        names_a_column = " OR ".join(f"{sql.plain_cell(cell)} IN ({words})" for cell in sorted(cells))
        query = (
            f"SELECT i, ({' AND '.join(named)}) AS whole "  # noqa: S608
            f"FROM (SELECT row_number() OVER () - 1 AS i, * FROM {self.source()}) WHERE {names_a_column}"
        )
        headers = self._query(query)
        if not len(headers["i"]):
            return rows
        if not headers["whole"].all():
            row = int(headers["i"][~headers["whole"]][0])
            raise self.second_header(row)
        keep = np.ones(rows.n, dtype=np.bool_)
        keep[headers["i"]] = False
        return replace(
            rows,
            n=int(keep.sum()),
            columns={
                key: Column(values=column.values[keep], missing=column.missing[keep])
                for key, column in rows.columns.items()
            },
            rejected=rows.rejected | {"repeated_header": int((~keep).sum())},
            record=rows.record[keep],
        )


def open_table(path: Path) -> TableFile:
    """A file of rows, known by its first bytes, with the names of its columns.

    Raises `InvalidInput` for what is not a file, is empty, has a form that is not read here, or is damaged
    such that its rows cannot be separated.
    """
    form = format_of(path)
    if form.form == "parquet":
        with connected() as connection:
            return parquet_table(connection, path)
    if form.form == "jsonl":
        with connected() as connection:
            lines = jsonl_file(connection, path, form)
        return TableFile(
            path=path,
            form="jsonl",
            names=lines.names,
            kinds=("VARCHAR",) * len(lines.names),
            records=lines.records,
            cut=lines.cut,
            inner=lines,
        )
    text = _sheet(path) if form.form == "xlsx" else csv_file(path, form)
    return TableFile(
        path=path,
        form=form.form,
        names=text.structure.names,
        kinds=("VARCHAR",) * len(text.structure.names),
        records=text.structure.records,
        cut=text.structure.cut_at is not None,
        inner=text,
    )


@cache
def _in_memory() -> duckdb.DuckDBPyConnection:
    """One DuckDB for all files: to open one takes longer than to read a small file."""
    return duckdb.connect(":memory:", config=CONFIG)


# A forked process has none of DuckDB's threads, and would wait for them without end when it closes one.
os.register_at_fork(before=_in_memory.cache_clear)


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own to a DuckDB in memory, in which nothing is kept."""
    with _in_memory().cursor() as connection:
        connection.execute("SET enable_progress_bar = false")
        # By a Parquet file's statistics, which leave NaN out, DuckDB 2 answers isnan and comparisons.
        connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        try:
            yield connection
        except (duckdb.FatalException, duckdb.InternalException):
            _in_memory.cache_clear()  # it may answer nothing more after these: the next file has a new one
            raise


def unreadable(path: Path | str, error: Exception) -> InvalidInput:
    """Why DuckDB cannot read a file, without a cell's own text: it may be somebody's words."""
    message = str(error)
    line = re.search(r"on Line: (\d+)", message)
    where = f"{path}, line {line[1]}: " if line else f"{path} "
    why = re.sub(r"""(["'])[^"']*\1""", "…", message.splitlines()[0])
    return InvalidInput(f"{where}cannot be read: {why}")


def parquet_table(connection: duckdb.DuckDBPyConnection, path: Path | str) -> TableFile:
    """A Parquet file, or an object that `connection` can read by its URL, with the names of its columns."""
    try:
        inner = parquet_file(connection, path)
    except FAULTS as error:
        if isinstance(path, str) and str(error).startswith("Traceback"):  # of the store, not of the file
            raise SourceError(f"{shown(path)} cannot be read: {reason(error, path)}") from None
        raise unreadable(path, error) from None
    return TableFile(
        path=path,
        form="parquet",
        names=inner.names,
        kinds=inner.kinds,
        records=inner.records,
        cut=False,
        inner=inner,
    )


def _sheet(path: Path) -> CsvFile:
    from calib.tabular.workbook import as_csv

    folder = TemporaryFolder()
    sheet = folder.path / "sheet.csv"
    as_csv(path, sheet)
    if not sheet.stat().st_size:
        raise InvalidInput(f"{path}: its first sheet is empty: its first row names the columns")
    return replace(csv_file(sheet, Format(form="csv")), folder=folder)
