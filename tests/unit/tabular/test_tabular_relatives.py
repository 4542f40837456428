"""Files that look in order and would be half read: refused by name, or read in full."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import openpyxl.chart
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.tabular import load, open_table
from calib.tabular.labelled import read_labelled, read_steps
from calib.tabular.roles import Asked

HEAD = ("confidence", "correct")
ROWS = [(0.9, 1), (0.5, 0), (0.7, 1)]


def saved(folder: Path, content: str | bytes, name: str = "t.jsonl") -> Path:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


KEYS = st.lists(st.sampled_from(["confidence", "correct", "a/b", "a~b", "q"]), min_size=2, max_size=5)


@given(keys=KEYS, good=st.integers(0, 3), deep=st.booleans())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_key_that_one_object_has_twice_is_a_column_that_is_there_twice(
    tmp_path: Path, keys: list[str], good: int, deep: bool
) -> None:
    """Readers of JSON differ in which of the two values they take."""
    inner = "{" + ", ".join(f'"{key}": 0.{i + 1}' for i, key in enumerate(keys)) + "}"
    plain = '{"confidence": 0.5, "correct": 1, "a/b": 1, "a~b": 1, "q": 1}'
    lines = [f'{{"r": {line}}}' if deep else line for line in [*[plain] * good, inner]]
    table = open_table(saved(tmp_path, "\n".join(lines) + "\n"))
    for key in set(keys):
        name = f"r.{key}" if deep else key
        assert table.names.count(name) == min(2, keys.count(key))


def test_a_key_that_stands_twice_is_refused_where_it_is_used(tmp_path: Path) -> None:
    line = '{"confidence": 0.9, "correct": 1, "q": 1, "q": 2}\n'
    assert len(read_labelled(saved(tmp_path, line)).sample) == 1
    twice = saved(tmp_path, line * 3 + '{"confidence": 0.9, "correct": 1, "correct": 0}\n')
    with pytest.raises(InvalidInput, match="two columns called 'correct'"):
        read_labelled(twice)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_lines_that_were_put_together_keep_their_marks(tmp_path: Path, encoding: str) -> None:
    lines = "".join(f'{{"confidence": {c}, "correct": {o}}}\n' for c, o in ROWS).encode(encoding)
    assert read_labelled(saved(tmp_path, lines * 2)).sample.scores.tolist() == [c for c, _ in ROWS] * 2


def workbook(path: Path, change: Callable[[Any], object] | None = None) -> Path:
    book = openpyxl.Workbook()
    for row in (HEAD, *ROWS):
        book.active.append(row)
    if change is not None:
        change(book)
    book.save(path)
    return path


def another(book: Any, rows: list[tuple[Any, ...]], *, state: str = "visible", at: int = 1) -> None:
    sheet = book.create_sheet("other", at)
    sheet.sheet_state = state
    for row in rows:
        sheet.append(row)


def with_chart(book: Any) -> None:
    chart = openpyxl.chart.BarChart()
    chart.add_data(openpyxl.chart.Reference(book.active, min_col=1, min_row=2, max_row=4))
    page = book.create_chartsheet("picture", 0)
    page.add_chart(chart)


@pytest.mark.parametrize(
    "change",
    [
        lambda book: another(book, [HEAD, (0.1, 0)], state="hidden"),
        lambda book: another(book, [HEAD, (0.1, 0)], state="hidden", at=0),
        lambda book: another(book, [HEAD, (0.1, 0)], state="veryHidden", at=0),
        lambda book: another(book, [("correct", "what it means"), (1, "right")]),
        lambda book: another(book, []),
        with_chart,
        lambda book: book.active.merge_cells("D1:E1"),
        lambda book: book.active.append([]),
    ],
)
def test_the_sheet_that_people_see_is_read(tmp_path: Path, change: Callable[[Any], object]) -> None:
    read = read_labelled(workbook(tmp_path / "t.xlsx", change))
    assert read.sample.scores.tolist() == [c for c, _ in ROWS]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda book: another(book, [HEAD, (0.1, 0)]), "'Sheet' and 'other' both have the columns"),
        (lambda book: another(book, [(" Correct", "CONFIDENCE", "q"), (1, 0.1, "x")]), "both have"),
        (lambda book: book.active.append([0.5, "=1-0"]), "formulas whose values were never computed"),
        (lambda book: book.active.merge_cells("B2:B3"), "merged over the rows 2 to 3"),
    ],
)
def test_a_workbook_whose_cells_are_not_what_people_see_is_refused(
    tmp_path: Path, change: Callable[[Any], object], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_labelled(workbook(tmp_path / "t.xlsx", change))


def recomputed(path: Path, cell: bytes) -> Path:
    """The workbook as a spreadsheet program saves it, with another cell in the place of B2."""
    parts = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(parts, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            content = content.replace(b'<c r="B2" t="n"><v>1</v></c>', cell)
            new.writestr(name, content.replace(b'fullCalcOnLoad="1"', b""))
    path.write_bytes(parts.getvalue())
    return path


def test_a_formula_counts_with_the_value_that_was_computed(tmp_path: Path) -> None:
    plain = workbook(tmp_path / "t.xlsx")
    computed = b'<c r="B2"><f>1*0</f><v>0</v></c>'
    assert read_labelled(recomputed(plain, computed)).sample.correct.tolist() == [0, 0, 1]
    plain = workbook(tmp_path / "t.xlsx")
    no_text = b'<c r="B2" t="str"><f>IF(1,"","x")</f><v></v></c>'
    assert read_labelled(recomputed(plain, no_text)).rejected == {"unlabelled": 1}
    plain = workbook(tmp_path / "t.xlsx")
    with pytest.raises(InvalidInput, match="never computed"):
        read_labelled(recomputed(plain, b'<c r="B2" s="1"><f>1*0</f></c>'))


def partitioned(folder: Path, key: str, values: list[Any], **columns: Any) -> Path:
    (folder / key).mkdir(parents=True)
    pq.write_table(pa.table({"confidence": [0.5] * len(values)} | columns), folder / key / "t.parquet")
    return folder / key / "t.parquet"


@pytest.mark.parametrize(
    ("key", "model"),
    [("model=x", ["z", "z"]), ("model=x", ["x", "z"]), ("model=x", ["x", None]), ("Model=x", ["X", "X"])],
)
def test_a_folder_that_contradicts_the_rows_is_refused_where_it_is_used(
    tmp_path: Path, key: str, model: list[str | None]
) -> None:
    path = partitioned(tmp_path, key, model, model=model)
    with pytest.raises(InvalidInput, match="two columns called 'model'"):
        load_columns(path, "model")
    assert load_columns(path, "confidence") == [0.5, 0.5]


@pytest.mark.parametrize(
    ("key", "values", "stated"),
    [("model=a%20b", ["a b"] * 2, "a b"), ("year=2026", [2026] * 2, "2026"), ("model=x", None, "x")],
)
def test_a_folder_that_agrees_with_the_rows_is_read(
    tmp_path: Path, key: str, values: list[Any] | None, stated: str
) -> None:
    name = key.partition("=")[0]
    path = partitioned(tmp_path, key, [1, 2], **({} if values is None else {name: values}))
    assert [str(value) for value in load_columns(path, name)] == [stated] * 2


def load_columns(path: Path, name: str) -> list[Any]:
    import duckdb

    with duckdb.connect() as connection:
        load(connection, [path], columns=[name])
        return [value for (value,) in connection.execute("FROM traffic").fetchall()]


@pytest.mark.parametrize("left_out", ["", "None", "unsure", "pending"])
def test_chains_that_are_left_out_do_not_decide(tmp_path: Path, left_out: str) -> None:
    """Only right chains have a label: that is no accuracy of 100%."""
    rows = [f"t{i},0.9,\nt{i},0.9,{1 if i % 3 else left_out}\n" for i in range(30)]
    path = saved(tmp_path, "trace,confidence,correct\n" + "".join(rows), "t.csv")
    with pytest.raises(InvalidInput, match=r"line 3, .*of 30 chains only right ones are left beside 10"):
        read_steps(path)
    path.write_text(path.read_text() + "t99,0.9,0\n")
    assert len(read_steps(path).trace) == 61


def test_what_was_compressed_is_said(tmp_path: Path) -> None:
    text, archive = b"confidence,correct\n0.5,1\n", io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("t.csv")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    inside = {"a compressed file": gzip.compress(text), r"an archive \(tar\)": archive.getvalue()}
    for what, content in inside.items():
        with pytest.raises(InvalidInput, match=f"{what} that was compressed as a whole"):
            open_table(saved(tmp_path, gzip.compress(content), "t.csv.gz"))


def test_a_blank_in_front_of_a_quoted_name_does_not_belong_to_it(tmp_path: Path) -> None:
    path = saved(tmp_path, '"confidence", "correct", "a, b"\n"0.5", "1", "x, y"\n0.7, 0, z\n', "t.csv")
    assert open_table(path).names == ("confidence", "correct", "a, b")
    assert read_labelled(path).sample.correct.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([-0.1, -2.0, -0.5], r"logarithms of probabilities, of which it is exp\(x\)"),
        ([-0.1, 2.0, 1.5], "log-odds"),
        ([1.5, 4.0, 19.5], "write numbers from 0 to 1"),
        ([60, 70, 95], "percent"),
    ],
)
def test_what_numbers_look_like_is_no_wrong_advice(tmp_path: Path, values: list[float], said: str) -> None:
    rows = "".join(f"{value},{i % 2}\n" for i, value in enumerate(values))
    with pytest.raises(InvalidInput, match=said) as caught:
        read_labelled(saved(tmp_path, "confidence,correct\n" + rows, "t.csv"), Asked())
    assert ("percent" in str(caught.value)) == (said == "percent")
