"""Whatever people write tables with: every row is read, or the file is refused by name with the cause."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from table_files import CELLS, DIALECTS, HEADERS, ROWS, WORDS, Dialect, Row, csv_bytes, jsonl_bytes

from calib.errors import InvalidInput
from calib.tabular import Texts, load, open_table, scan
from calib.tabular.labelled import Reading, read_labelled
from calib.tabular.roles import Asked

EACH = int(os.environ.get("CALIB_FUZZ_FILES", "300")) // 6  # six kinds of files
PLAIN = Dialect(",", csv.QUOTE_MINIMAL, "\n", "utf-8", "", decimal_comma=False)
ANY = Reading(allow_rejected=1)
numbered = itertools.count()
files = settings(
    deadline=None,
    max_examples=EACH,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
pytestmark = pytest.mark.slow


def saved(folder: Path, content: bytes, name: str = "t.csv") -> Path:
    path = folder / f"{next(numbered)}-{name}"
    path.write_bytes(content)
    return path


def well_formed(text: str, delimiter: str) -> bool:
    """Whether a file is beyond doubt: marks around whole cells alone, and as many cells in each row."""
    even = text.replace("\r\n", "\n")
    cell = rf'("([^"]|"")*"|[^"{delimiter}\n\r ]*)'
    width = even.partition("\n")[0].count(delimiter)
    row = rf"{cell}({delimiter}{cell}){{{width}}}"
    return re.fullmatch(rf"({row}|)(\n({row}|))*", even) is not None


def expected(rows: list[Row]) -> tuple[list[float], list[float]]:
    return [row.confidence for row in rows], [float(row.right) for row in rows]


@given(rows=ROWS, dialect=DIALECTS, header=st.sampled_from(HEADERS), words=st.sampled_from(WORDS))
@files
def test_every_dialect_gives_every_row(
    tmp_path: Path, rows: list[Row], dialect: Dialect, header: tuple[str, str], words: tuple[str, str]
) -> None:
    path = saved(tmp_path, csv_bytes(rows, dialect, header, words))
    read = read_labelled(path, None, ANY)
    assert (read.sample.scores.tolist(), read.sample.correct.tolist()) == expected(rows)
    assert (read.rows, read.rejected) == (len(rows), {})
    texts = open_table(path).read({"q": Texts("question", raw=True)})
    assert texts["q"].values.tolist() == [row.text or None for row in rows]


@given(rows=ROWS, words=st.sampled_from([*WORDS, (1, 0), (True, False), (1.0, 0.0)]))
@files
def test_json_lines_give_every_row(tmp_path: Path, rows: list[Row], words: tuple[object, object]) -> None:
    path = saved(tmp_path, jsonl_bytes(rows, words), "t.jsonl")
    read = read_labelled(path, Asked(confidence="reply.confidence"), ANY)
    assert (read.sample.scores.tolist(), read.sample.correct.tolist()) == expected(rows)


@given(rows=ROWS, dialect=DIALECTS, cut=st.integers(1, 400), block=st.sampled_from([16, 64, 4096]))
@files
def test_a_file_that_was_cut_loses_one_row_or_is_refused(
    tmp_path: Path, rows: list[Row], dialect: Dialect, cut: int, block: int
) -> None:
    """As the standard library reads it, but for the row in which the file ends."""
    plain = Dialect(dialect.delimiter, dialect.quoting, "\n", "utf-8", "", decimal_comma=False)
    whole = csv_bytes(rows, plain, HEADERS[0], WORDS[0])
    first = len(csv_bytes([], plain, HEADERS[0], WORDS[0]))
    assume(len(whole) - cut > first)
    content = whole[:-cut]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "BLOCK", block)
        try:
            read = read_labelled(saved(tmp_path, content), None, ANY)
        except InvalidInput:
            refused = True
        else:
            refused = False
    text = content.decode("utf-8", "ignore")
    records = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=plain.delimiter) if row]
    if (
        refused
    ):  # only an open cell may have swallowed rows; and where the cut row is the only one, none is left
        assert content.count(b'"') % 2 or len(records) <= 2
        return
    assert read.rows == len(records) - 1
    kept = len(read.sample)
    assert read.sample.scores.tolist() == [row.confidence for row in rows][:kept]
    assert kept >= len(records) - 2


@given(
    content=st.text(st.sampled_from('ab1,;"\n\r\té'), max_size=60),
    block=st.sampled_from([1, 7, 4096]),
    header=st.sampled_from(["a,b\n", "a;b\n", "a,b,c\r\n"]),
)
@files
def test_rows_are_counted_as_the_standard_library_counts_them(
    tmp_path: Path, content: str, block: int, header: str
) -> None:
    path = saved(tmp_path, (header + content).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "BLOCK", block)
        try:
            table = open_table(path)
            read = table.read({name: Texts(name, raw=True) for name in table.names})
        except InvalidInput:
            table = None
    if table is None:
        assert not well_formed(header + content, header[1])
        return
    reader = csv.reader(
        io.StringIO(header + content, newline=""), delimiter=header[1], strict=False, skipinitialspace=True
    )
    records = [row for row in reader if row][1:]
    assert read.n + table.cut == len(records)
    width = len(table.names)
    # a comma at the end is harmless
    assert all(len(row) == width or not any(row[width:]) for row in records[: read.n])
    found = zip(*(read[name].values.tolist() for name in table.names), strict=True)
    if "\r" not in content and " " not in content:
        assert [list(row) for row in found] == [
            [cell or None for cell in row[:width]] for row in records[: read.n]
        ]


KINDS = ["int", "float", "text", "float text", "decimal"]


@given(
    ids=st.lists(st.integers(0, 2**53), min_size=1, max_size=12, unique=True),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
    missing=st.booleans(),
)
@files
def test_an_id_has_one_spelling_whatever_the_types_of_its_files(
    tmp_path: Path, ids: list[int], kinds: list[str], missing: bool
) -> None:
    paths = []
    for kind in kinds:
        values: list[object] = list(ids)
        if kind == "int":
            column = pa.array(ids)
        elif kind == "float":
            column = pa.array([*map(float, ids), *([None, float("nan")] if missing else [])], pa.float64())
        elif kind == "text":
            column = pa.array([f" {value} " for value in values])
        elif kind == "float text":
            column = pa.array([f"{value}.0" if value < 10**15 else str(value) for value in ids])
        else:
            column = pa.array([str(value) for value in values]).cast(pa.decimal128(20, 2))
        path = tmp_path / f"{next(numbered)}.parquet"
        pq.write_table(pa.table({"id": column}), path)
        paths.append(path)
        found = open_table(path).read({"id": Texts("id")})["id"].values.tolist()
        assert [value for value in found if value is not None] == [str(value) for value in ids]
    with duckdb.connect() as connection:
        load(connection, paths, columns=["id"])
        from calib.tabular.columns import text

        kind = connection.execute("DESCRIBE traffic").fetchall()[0][1]
        rows = connection.sql("FROM traffic").select(text("id", kind)).fetchall()
    counts = Counter(value for (value,) in rows if value is not None)
    assert counts == dict.fromkeys(map(str, ids), len(kinds))


@given(
    rows=ROWS,
    word=st.sampled_from(["wrong?", "-1", "2", "x", "maybe", "no idea", "0.5", "w"]),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**16),
)
@files
def test_what_is_left_out_does_not_decide(
    tmp_path: Path, rows: list[Row], word: str, share: float, seed: int
) -> None:
    """Wrong answers in a word that is not known: refused beyond 5%, and where only right ones are left."""
    hidden = np.random.default_rng(seed).random(len(rows)) < share
    lines = [
        f"{row.confidence},{1 if row.right else word if hide else 0}"
        for row, hide in zip(rows, hidden, strict=True)
    ]
    lost = sum(not row.right and bool(hide) for row, hide in zip(rows, hidden, strict=True))
    classes = {row.right for row, hide in zip(rows, hidden, strict=True) if row.right or not hide}
    path = saved(tmp_path, ("confidence,correct\n" + "\n".join(lines) + "\n").encode())
    if lost > 0.05 * len(rows) or (lost and len(classes) < 2):
        with pytest.raises(InvalidInput, match=r"t\.csv"):
            read_labelled(path)
    else:
        assert read_labelled(path).rejected == ({"not_an_answer": lost} if lost else {})


@given(cell=CELLS)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_text_is_text(tmp_path: Path, cell: str) -> None:
    big = cell + "x" * 1_000_000
    content = csv_bytes([Row(cell, 0.5, True), Row(big, 0.7, False)], PLAIN, HEADERS[0], WORDS[0])
    read = open_table(saved(tmp_path, content, 'it\'s a "name".csv')).read({"q": Texts("question", raw=True)})
    assert read["q"].values.tolist() == [cell or None, big]
