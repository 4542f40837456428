"""Columns of CSV and Parquet files, read as numbers, words and texts."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.tabular import Answers, Numbers, Texts, open_table
from calib.tabular.columns import OTHER, UNKNOWN, UNSURE
from calib.tabular.file import unreadable

CELLS = st.text(alphabet='ab0.9,"\n\r é\t', max_size=6)


def saved(folder: Path, content: str | bytes, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(path: Path) -> list[list[str | None]]:
    read = open_table(path).read({"a": Texts("a", raw=True), "b": Texts("b", raw=True)})
    return [list(row) for row in zip(read["a"].values, read["b"].values, strict=True)]


@pytest.mark.slow
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=12),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_a_csv_reads_as_the_standard_library_reads_it(
    tmp_path: Path, rows: list[tuple[str, str]], ends: str, quoting: int
) -> None:
    if any("\r" in cell for row in rows for cell in row):
        quoting = csv.QUOTE_ALL  # before Python 3.13 its writer leaves a lone carriage return unquoted
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=ends, quoting=quoting)
    writer.writerows([("a", "b"), *rows])
    read = open_table(saved(tmp_path, text.getvalue())).read(
        {"a": Texts("a", raw=True), "b": Texts("b", raw=True)}
    )
    assert read["a"].values.tolist() == [a or None for a, _ in rows]
    assert read["b"].values.tolist() == [b or None for _, b in rows]
    assert read["a"].missing.tolist() == [not a for a, _ in rows]


def test_lines_may_end_in_several_ways_in_one_file(tmp_path: Path) -> None:
    path = saved(tmp_path, b'a,b\r\n1,2\n\n3,"4\r"\r\n5,\xc3\xa9\n')
    assert open_table(path).read({"b": Texts("b", raw=True)})["b"].values.tolist() == ["2", "4\r", "é"]


def test_numbers_are_what_people_write_as_numbers(tmp_path: Path) -> None:
    cells = ["0.5", " .5 ", "5e-1", "1.", "inf", "nan", "1_0", "0x1", "85%", "", "NA", "\xa00.25\t"]
    path = saved(tmp_path, "p\n" + "\n".join(f'"{cell}"' for cell in cells) + "\n")
    read = open_table(path).read({"p": Numbers("p")})["p"]
    shown = ["0.5", "0.5", "0.5", "1.0", "inf", "nan", "nan", "nan", "nan", "nan", "nan", "0.25"]
    assert [str(value) for value in read.values.tolist()] == shown
    assert read.missing.tolist() == [cell in ("", "NA") for cell in cells]


@pytest.mark.parametrize(
    ("column", "numbers", "codes"),
    [
        (pa.array([1, 0, None], pa.int8()), [1, 0, "nan"], [1, 0, UNKNOWN]),
        (pa.array([1.0, float("nan"), None]), [1, "nan", "nan"], [1, UNKNOWN, UNKNOWN]),
        (pa.array([True, False, None]), ["nan", "nan", "nan"], [1, 0, UNKNOWN]),
        (pa.array([Decimal("0.5"), Decimal("1.0"), None]), [0.5, 1, "nan"], [OTHER, 1, UNKNOWN]),
        (pa.array(["TRUE ", "", None]), ["nan", "nan", "nan"], [1, UNKNOWN, UNKNOWN]),
        (pa.array(["1", "x", None]).dictionary_encode(), [1, "nan", "nan"], [1, OTHER, UNKNOWN]),
        (pa.array([2**63, 1, None], pa.uint64()), [2.0**63, 1, "nan"], [OTHER, 1, UNKNOWN]),
    ],
)
def test_every_type_of_parquet_is_read(tmp_path: Path, column: pa.Array, numbers: list, codes: list) -> None:
    pq.write_table(pa.table({"x": column}), tmp_path / "log.parquet")
    wanted = {"n": Numbers("x"), "c": Answers("x"), "t": Texts("x", raw=True)}
    read = open_table(tmp_path / "log.parquet").read(wanted)
    assert [value if value == value else "nan" for value in read["n"].values.tolist()] == numbers
    assert read["c"].values.tolist() == codes
    assert read["n"].missing.tolist() == [False, column[1].as_py() == "", True]
    assert read["t"].values[2] is None


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
@pytest.mark.parametrize("known", [[1.0], [0.0], [1.0, 0.0]])
@pytest.mark.parametrize(("odd", "code"), [("nan", UNKNOWN), ("inf", OTHER), ("-inf", OTHER)])
def test_what_is_no_finite_answer_is_seen_whatever_statistics_say(
    tmp_path: Path, kind: pa.DataType, known: list[float], odd: str, code: int
) -> None:
    values = np.array([*known, float(odd)] * 4, kind.to_pandas_dtype())
    pq.write_table(pa.table({"x": pa.array(values, kind)}), tmp_path / "log.parquet")
    read = open_table(tmp_path / "log.parquet").read({"c": Answers("x"), "t": Texts("x")})
    assert read["c"].values.tolist() == [*map(int, known), code] * 4
    assert read["t"].values.tolist() == [*(str(int(value)) for value in known), None] * 4


@pytest.mark.parametrize("names", [("a", "x", "x"), ("x", "a", "X"), ("X", "x", "a")])
def test_parquet_keeps_its_own_names_where_two_are_the_same(tmp_path: Path, names: tuple[str, ...]) -> None:
    inner = pa.array([{"x": 5, "y": {"a": None}}])
    pq.write_table(
        pa.table([pa.array([1]), inner, pa.array([2]), pa.array([3])], names=[names[0], "in", *names[1:]]),
        tmp_path / "log.parquet",
    )
    table = open_table(tmp_path / "log.parquet")
    assert table.names == (names[0], "in", *names[1:], "in.x", "in.y.a")
    assert table.read({"n": Numbers("in.x")})["n"].values.tolist() == [5.0]
    if names.count("x") == 2:
        with pytest.raises(InvalidInput, match="two columns called 'x'"):
            table.read({"n": Numbers("x")})
    else:
        expected = [1.0, 2.0, 3.0][names.index("x")]
        assert table.read({"n": Numbers("x")})["n"].values.tolist() == [expected]


def test_words_are_known_in_any_case_and_with_blanks_around_them(tmp_path: Path) -> None:
    path = saved(tmp_path, "w,x\nyes,1\n YES ,1\nNo,1\n,1\n  ,1\nmaybe,1\nn/a,1\n1.00,1\n-1,1\nSí,1\n?,1\n")
    read = open_table(path).read({"w": Answers("w")})["w"]
    assert read.values.tolist() == [1, 1, 0, UNKNOWN, UNKNOWN, OTHER, UNKNOWN, 1, OTHER, 1, UNSURE]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n1,2,SECRET\n", r"log\.csv, line 3: .*3 cells where the first line names 2 columns"),
        (b"a,b\n1,2\nSECRET\n", r"log\.csv, line 3: .*1 cells where the first line names 2 columns"),
        (b"a,b\n" + b"1,2\n" * 9999 + b"1,SECRET\xff\n", r"log\.csv, line 10001: .*not UTF-8"),
        (b'a,b\n1,2\n1,"SECRET\n1,2\n', r"log\.csv, line 3: .*quotation mark"),
        (b"a\xff,b\n1,2\n", r"line 1: not UTF-8"),
        (b"\x00\x01,b\n1,2\n", r"line 1: the line of names holds zero bytes"),
        (b"PAR1 and then nothing", r"cannot be read"),
        (b"a,a,b\n1,2,3\n", r"two columns called 'a': rename one"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line_and_without_its_text(
    tmp_path: Path, content: bytes, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        texts(saved(tmp_path, content))
    assert "SECRET" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("name", ["log*.csv", "log?.csv", "log[1].csv", "log'.csv", "**.csv"])
def test_marks_in_a_file_name_mean_themselves(tmp_path: Path, name: str) -> None:
    saved(tmp_path, "a\nwrong\n", "log1.csv")
    path = saved(tmp_path, "a\nright\n", name)
    assert open_table(path).read({"a": Texts("a")})["a"].values.tolist() == ["right"]


def test_a_row_that_the_reader_does_not_give_is_an_error(tmp_path: Path) -> None:
    table = open_table(saved(tmp_path, "a,b\n1,2\n3,4\n"))
    for records in (1, 3):
        with pytest.raises(InvalidInput, match=rf"log\.csv holds {records} rows, of which 2 were read"):
            replace(table, records=records).read({"a": Texts("a")})


def test_an_error_that_is_not_known_is_shown_without_the_line(tmp_path: Path) -> None:
    error = duckdb.Error("CSV Error on Line: 7\nOriginal Line: SECRET\nsomething new")
    said = str(unreadable(tmp_path / "log.csv", error))
    assert "log.csv, line 7: " in said
    assert "SECRET" not in said


@pytest.mark.slow
def test_reading_a_file_loads_neither_pandas_nor_pyarrow(tmp_path: Path) -> None:
    path = saved(tmp_path, "confidence,correct,segment\n0.5,1,x\n0.5,0,x\n0.5,,\n")
    code = (
        "import sys, pathlib; from calib.tabular.labelled import read_labelled; "
        "read_labelled(pathlib.Path(sys.argv[1])); "
        "print(*sorted({'pandas', 'pyarrow', 'ibis', 'sqlalchemy', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("line", ["5", "[1, 2]", '"x"', "true", '{"x": 1}, ', '{"x": 1} {"x": 1}'])
@pytest.mark.parametrize("before", [0, 3])
def test_a_line_of_json_that_is_no_object_is_named(tmp_path: Path, line: str, before: int) -> None:
    lines = ['{"x": 1}'] * before + [line] + ['{"x": 1}'] * 3
    path = saved(tmp_path, "\n".join(['{"x": 2}', *lines, ""]), "log.jsonl")
    with pytest.raises(InvalidInput, match=f"line {before + 2}: not one JSON object"):
        open_table(path).read({"x": Numbers("x")})


def test_lines_of_json_that_end_in_a_carriage_return_alone_are_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="line 1: end each line with a line feed"):
        open_table(saved(tmp_path, '{"x": 1}\r{"x": 2}\r', "log.jsonl"))


def test_a_first_line_of_json_that_was_cut_loses_one_row(tmp_path: Path) -> None:
    table = open_table(saved(tmp_path, '{"x": 1, "y', "log.jsonl"))
    assert (table.cut, table.records) == (True, 0)


@pytest.mark.parametrize("name", ["log.json", "log.jsonl", "log.txt"])
@pytest.mark.parametrize("text", ['[{"x": 1}]', '\n[\n {"x": 1}\n]\n', "[]"])
def test_one_json_array_is_said(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InvalidInput, match="one JSON array: write one object a line"):
        open_table(saved(tmp_path, text, name))


@pytest.mark.slow
@given(
    parts=st.lists(
        st.sampled_from(["\\ud83d", "\\uDE00", "\\\\", "\\u00e9", "ud83d", '\\"', "x"]), max_size=8
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_half_a_character_loses_no_row(tmp_path: Path, parts: list[str]) -> None:
    line = f'{{"q": "{"".join(parts)}", "x": 1}}'
    said = json.loads(line)["q"].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    read = open_table(saved(tmp_path, f"{line}\n" * 2, "log.jsonl")).read(
        {"x": Numbers("x"), "q": Texts("q", raw=True)}
    )
    assert read["x"].values.tolist() == [1, 1]
    assert read["q"].values.tolist() == [said] * 2


def test_a_zip_archive_is_no_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.zip", "w") as archive:
        archive.writestr("log.csv", "x\n1\n")
    with pytest.raises(InvalidInput, match="is a ZIP archive: unpack it"):
        open_table(tmp_path / "log.zip")
