"""Sheets in every form, and what spreadsheets make of them: every answer finds its prediction."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from queues import NOW, database, item_row, open_window, window_row
from sqlalchemy import Connection, Engine

from calib.db import windows
from calib.errors import InvalidInput
from calib.review import files, queue, sheets, window_labels
from calib.review.sheet_rows import DrawnRows, NotFoundError

SHEET = "s00000a"
# What spreadsheets take for numbers, dates and truths; the last two differ beyond what a number keeps.
IDS = ["007", "2026-10-01", "1-2", "1E5", "TRUE", "10000000000000001", "10000000000000002"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = database(tmp_path_factory.mktemp("sheets"))
    yield engine
    engine.dispose()


@pytest.fixture
def conn(shared: Engine) -> Iterator[Connection]:
    """A connection whose changes are undone."""
    with shared.connect() as connection:
        yield connection
        connection.rollback()


def sheet_of(conn: Connection, sheet: str = SHEET, **how: Any) -> sheets.Sheet:
    return sheets.waiting_rows(conn, "triage", sheet=sheet, **how)


def take(conn: Connection, path: Path, *, by: str = "ada", **how: Any) -> files.ImportReport:
    return files.import_labels(conn, path, stream="triage", by=by, now=NOW, **how)


def answers(conn: Connection, window: int) -> dict[str, str]:
    items = queue.items_of(conn, window)
    words = window_labels.counting_words(conn, list(items.values()))
    return {id_: words[item] for id_, item in items.items() if item in words}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of an exported file, by whoever is not calibwatch."""
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    page = openpyxl.load_workbook(path).worksheets[0]
    heads, *rows = page.iter_rows(values_only=True)
    return [dict(zip(map(str, heads), row, strict=True)) for row in rows]


def write_csv(path: Path, rows: list[dict[str, Any]], **dialect: Any) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", sheets.FORMS)
def test_every_form_is_written_filled_in_and_read(conn: Connection, tmp_path: Path, suffix: str) -> None:
    window = open_window(conn, *IDS, "=cmd()", "'q", question="Können Sie\x0b=1?\ud800", answer="=A1")
    path = tmp_path / f"todo{suffix}"
    sheets.write(sheet_of(conn), path)
    rows = rows_of(path)
    assert [row["prediction_id"].removeprefix("'") for row in rows] == [
        *IDS,
        "=cmd()",
        "q" if suffix in (".parquet", ".jsonl") else "'q",
    ]
    assert "Können Sie" in rows[0]["context.question"]
    assert list(tmp_path.iterdir()) == [path]
    said = {}
    for i, row in enumerate(rows):
        said[row["row"]] = row["label"] = ("correct", "incorrect", "unsure")[i % 3]
        row["comment"] = "=why"
    if suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        page = book.worksheets[0]
        for cells in page.iter_rows(min_row=2):
            cells[-1].value = said[cells[0].value]
        book.save(path)
    elif suffix == ".parquet":
        import pyarrow as pa

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        write_csv(path, rows)
    report = take(conn, path)
    assert (report.new, report.rejected, report.unknown) == (len(rows), [], 0)
    ids = [*IDS, "=cmd()", "'q"]
    assert answers(conn, window) == {
        id_: ("correct", "incorrect", "unsure")[i % 3] for i, id_ in enumerate(ids)
    }


def test_a_workbook_has_a_list_to_choose_from_a_frozen_head_and_the_guidelines(
    conn: Connection, tmp_path: Path
) -> None:
    open_window(conn, "a", "b")
    sheets.write(sheet_of(conn, guidelines="# Right\n=is what *helps*"), tmp_path / "todo.xlsx")
    book = openpyxl.load_workbook(tmp_path / "todo.xlsx")
    page, guidelines = book.worksheets
    assert page.freeze_panes == "A2"
    (choice,) = page.data_validations.dataValidation
    last = page.cell(1, page.max_column)
    assert (choice.type, choice.formula1, last.value) == ("list", '"correct,incorrect,unsure"', "label")
    assert str(choice.sqref) == f"{last.column_letter}2:{last.column_letter}3"
    text = [row[0] for row in guidelines.iter_rows(values_only=True)]
    assert text[-2:] == ["# Right", "'=is what *helps*"]
    assert any("choose correct, incorrect or unsure" in str(line) for line in text)
    formulas = [c for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    assert formulas == []


def test_a_csv_opens_as_what_it_is_in_a_spreadsheet(conn: Connection, tmp_path: Path) -> None:
    open_window(conn, "a", question="Können")
    sheets.write(sheet_of(conn), tmp_path / "todo.csv")
    assert (tmp_path / "todo.csv").read_bytes().startswith(b"\xef\xbb\xbfrow,")


def refilled(path: Path, rows: list[list[Any]]) -> None:
    """Write other values into the cells of a workbook, as sorting does; the last line stays the last."""
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    for cells, values in zip(page.iter_rows(), rows, strict=True):
        for one, value in zip(cells, values, strict=True):
            one.value = value
    book.save(path)


def stored_in_another_order(path: Path, order: Any) -> None:
    """The same workbook, whose XML does not have the rows, and the cells of a row, in their order."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    page = parts["xl/worksheets/sheet1.xml"].decode()
    rows = re.findall(r"<row .*?</row>", page, re.DOTALL)
    order.shuffle(rows)
    for i, row in enumerate(rows):
        begin, inner = re.fullmatch(r"(<row [^>]*>)(.*)</row>", row, re.DOTALL).groups()  # type: ignore[union-attr]
        cells = re.findall(r"<c [^>]*/>|<c .*?</c>", inner, re.DOTALL)
        order.shuffle(cells)
        rows[i] = f"{begin}{''.join(cells)}</row>"
    before, _, rest = page.partition("<sheetData>")
    after = rest.partition("</sheetData>")[2]
    parts["xl/worksheets/sheet1.xml"] = f"{before}<sheetData>{''.join(rows)}</sheetData>{after}".encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(st.sampled_from(IDS) | st.text("aZ09-", min_size=1, max_size=6), min_size=1, unique=True),
    said=st.lists(st.sampled_from(["correct", "incorrect", "unsure", None]), min_size=40, max_size=40),
    names=st.booleans(),
    stored=st.booleans(),
    suffix=st.sampled_from([".xlsx", ".csv"]),
    order=st.randoms(use_true_random=False),
)
def test_a_sheet_that_somebody_sorted_is_read_by_its_keys(
    shared: Engine,
    tmp_path: Path,
    ids: list[str],
    said: list[str | None],
    names: bool,
    stored: bool,
    suffix: str,
    order: Any,
) -> None:
    """`names`: the line of names was sorted in among the rows. `stored`: the file keeps its old order."""
    path = tmp_path / f"todo{suffix}"
    with shared.connect() as conn:
        window = open_window(conn, *ids, question="a, b\nc")
        sheets.write(sheet_of(conn), path)
        if suffix == ".xlsx":
            lines = [list(row) for row in openpyxl.load_workbook(path).worksheets[0].values]
        else:
            lines = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
        for line, answer in zip(lines[1:], said, strict=False):
            line[-1] = answer or ""
        wanted = {id_: answer for id_, answer in zip(ids, said, strict=False) if answer}
        fixed = [] if names else lines[:1]
        moved = lines[len(fixed) :]
        order.shuffle(moved)
        if suffix == ".xlsx":
            refilled(path, [*fixed, *moved])
            if stored:
                stored_in_another_order(path, order)
        else:
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([*fixed, *moved])
        report = take(conn, path)
        found = answers(conn, window)
        conn.rollback()
    assert (found, report.new, report.rejected, report.unknown) == (wanted, len(wanted), [], 0)


def test_another_ending_and_a_workbook_too_large_to_be_read_again_are_refused(
    conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_window(conn, "a")
    with pytest.raises(InvalidInput, match=r"\.csv, \.xlsx, \.parquet, \.jsonl"):
        sheets.write(sheet_of(conn), tmp_path / "todo.ods")
    monkeypatch.setattr(sheets, "LARGEST", 1_000)
    with pytest.raises(InvalidInput, match="larger than"):
        sheets.write(sheet_of(conn), tmp_path / "todo.xlsx")
    with pytest.raises(InvalidInput, match="cannot be written"):
        sheets.write(sheet_of(conn), tmp_path / "gone" / "todo.csv")
    assert list(tmp_path.iterdir()) == []


# How spreadsheets rewrite a cell that looks like something else (Excel 365, LibreOffice 24).
def shortened(text: str) -> str:
    """15 digits are kept, and six are written."""
    return f"{float(text):.5E}" if text.isdigit() and len(text) > 11 else text


def without_zeros(text: str) -> str:
    return str(int(text)) if text.isdigit() and len(text) <= 15 else text


def fifteen_digits(text: str) -> str:
    return str(round(int(text), 15 - len(text))) if text.isdigit() and len(text) > 15 else text


def dated(text: str) -> str:
    try:
        return datetime.fromisoformat(f"{text}-01" if len(text) == 7 else text).strftime("%d/%m/%Y")
    except ValueError:
        return {"1-2": "01-Feb", "1E5": "100000", "TRUE": "WAHR"}.get(text, text)


def blanks(text: str) -> str:
    return f" {text} " if text else text


REWRITES: list[Callable[[str], str]] = [shortened, without_zeros, fifteen_digits, dated, blanks, str.upper]


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(
        st.sampled_from(IDS)
        | st.integers(0, 10**19).map(str)
        | st.text("aZ0-9é=+ '", min_size=1, max_size=8),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    rewrite=st.lists(st.sampled_from(REWRITES), max_size=3),
    order=st.randoms(use_true_random=False),
    dialect=st.sampled_from([{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"quoting": csv.QUOTE_ALL}]),
)
def test_whatever_a_spreadsheet_makes_of_ids_and_dates_every_answer_finds_its_prediction(
    shared: Engine, tmp_path: Path, ids: list[str], rewrite: Any, order: Any, dialect: Any
) -> None:
    with shared.connect() as conn:
        window = open_window(conn, *ids)
        sheets.write(sheet_of(conn), tmp_path / "todo.csv")
        rows = rows_of(tmp_path / "todo.csv")
        right = {id_: ("correct", "incorrect")[i % 2] for i, id_ in enumerate(ids)}
        for row, id_ in zip(rows, ids, strict=True):
            row["label"] = right[id_]
        order.shuffle(rows)
        for change in rewrite:
            kept = {"stream", "context.question"}  # texts that look like nothing else
            rows = [{k: v if k in kept else change(v) for k, v in row.items()} for row in rows]
        report = take(conn, write_csv(tmp_path / "back.csv", rows, **dialect))
        found = answers(conn, window)
        conn.rollback()
    # Of ids that were rewritten into one another the key alone says which is meant: refused, never swapped.
    assert report.refused or found == right
    if report.refused:
        assert any(
            change(id_) != id_ and change(id_).strip() in ids for change in rewrite for id_ in ids
        ) or (len(rewrite) > 1)


def test_without_the_key_a_shortened_id_is_refused_with_the_way(conn: Connection, tmp_path: Path) -> None:
    window = open_window(conn, *IDS)
    rows = [{"prediction_id": "1.00000E+16", "label": "yes"}, {"prediction_id": "007", "label": "no"}]
    report = take(conn, write_csv(tmp_path / "x.csv", rows))
    assert (report.refused, report.taken, report.would_take) == (True, 0, 1)
    assert "a spreadsheet has shortened prediction_id to '1.00000E+16'" in report.rejected[0]
    assert answers(conn, window) == {}
    assert take(conn, tmp_path / "x.csv", partial=True).new == 1
    assert answers(conn, window) == {"007": "incorrect"}


def test_a_column_that_was_sorted_alone_is_refused_and_not_swapped(conn: Connection, tmp_path: Path) -> None:
    window = open_window(conn, "a", "b")
    sheets.write(sheet_of(conn), tmp_path / "todo.csv")
    first, second = rows_of(tmp_path / "todo.csv")
    first["prediction_id"], second["prediction_id"] = "b", "a"
    rows = [first | {"label": "yes"}, second | {"label": "no"}]
    report = take(conn, write_csv(tmp_path / "x.csv", rows))
    assert report.rejected_total == 2
    assert "was one column sorted without the others" in report.rejected[0]
    assert answers(conn, window) == {}


def test_a_key_of_another_deployment_is_not_believed(conn: Connection) -> None:
    """There the same item is another prediction."""
    window = open_window(conn, "a")
    item = queue.items_of(conn, window)["a"]
    drawn, cells = DrawnRows(conn, "triage"), {"period": "", "row": f"s00000a-{item}-0000"}
    with pytest.raises(NotFoundError, match="not in the sample"):
        drawn.place(cells | {"prediction_id": "elsewhere"})
    assert drawn.place(cells | {"prediction_id": "a"}).item_id == item
    for row in (f"{item}", f"s00000a-{10**20}-0000", "7"):  # a row number of one's own
        assert drawn.place({"period": "", "row": row, "prediction_id": "a"}).item_id == item


def test_a_sheet_of_before_a_window_was_drawn_anew_is_that_of_the_new_one(
    conn: Connection, tmp_path: Path
) -> None:
    old = open_window(conn, "a", "b")
    sheets.write(sheet_of(conn), tmp_path / "todo.csv")
    windows.discard(conn, [old], at=NOW)
    new = windows.insert_new(conn, **(window_row() | {"revision": 2}))
    assert new is not None
    queue.enqueue(conn, new, [item_row("b", 0), item_row("c", 1)])
    rows = [row | {"label": "yes"} for row in rows_of(tmp_path / "todo.csv")]
    take(conn, write_csv(tmp_path / "x.csv", rows[1:]))
    assert (answers(conn, old), answers(conn, new)) == ({}, {"b": "correct"})


def test_an_export_never_overwrites_answers(conn: Connection, tmp_path: Path) -> None:
    open_window(conn, "a", "b", "c")
    path = tmp_path / "mine.csv"
    sheets.refuse_to_lose_answers(conn, "triage", path)
    sheets.write(sheet_of(conn), path)
    sheets.refuse_to_lose_answers(conn, "triage", path)  # nothing is filled in
    rows = rows_of(path)
    for filled in ({"label": "yes"}, {"label": "yse"}, {"comment": "strange"}):
        write_csv(path, [rows[0], rows[1] | filled])
        with pytest.raises(InvalidInput, match=r"1 answers or comments.*line 3.*labels import"):
            sheets.refuse_to_lose_answers(conn, "triage", path)
    take(conn, write_csv(path, [rows[0], rows[1] | {"label": "yes"}]))
    sheets.refuse_to_lose_answers(conn, "triage", path)  # what stands there is in the database
    for text in ("a,b\n1,2\n", "notes of mine"):
        path.write_text(text)
        with pytest.raises(InvalidInput, match="is not a sheet of labels"):
            sheets.refuse_to_lose_answers(conn, "triage", path)


def twice(conn: Connection, *ids: str) -> int:
    window = windows.insert_new(conn, **(window_row() | {"settings": {"double_review": 1.0}}))
    assert window is not None
    queue.enqueue(conn, window, [item_row(id_, i) for i, id_ in enumerate(ids)])
    return window


def test_a_second_opinion_is_asked_for_in_a_sheet_of_its_own_and_is_blind(
    conn: Connection, tmp_path: Path
) -> None:
    window = twice(conn, "a", "b", "c")
    sheets.write(sheet_of(conn), tmp_path / "ada.csv")
    rows = [row | {"label": "yes"} for row in rows_of(tmp_path / "ada.csv")]
    take(conn, write_csv(tmp_path / "ada.csv", rows[:2]))
    assert sheet_of(conn, second="ada").rows == ()
    second = sheet_of(conn, "s00000b", second="bo")
    assert [row[3] for row in second.rows] == ["a", "b"]
    assert all(row[-2:] == ("", "") for row in second.rows)
    sheets.write(second, tmp_path / "bo.csv")
    theirs = rows_of(tmp_path / "bo.csv")
    report = take(
        conn,
        write_csv(tmp_path / "bo.csv", [theirs[0] | {"label": "no"}, theirs[1] | {"label": "yes"}]),
        by="bo",
    )
    assert (report.conflicts, report.same) == (1, 1)
    assert window_labels.answered_twice(conn, window) == [("correct", "incorrect"), ("correct", "correct")]


def test_answers_that_came_with_the_sheet_are_no_second_opinion(conn: Connection, tmp_path: Path) -> None:
    """Two people hand in one sheet: the second one saw the first one's answers in it."""
    window = twice(conn, "a", "b")
    sheets.write(sheet_of(conn), tmp_path / "x.csv")
    rows = [row | {"label": "yes"} for row in rows_of(tmp_path / "x.csv")]
    for by in ("ada", "bo"):
        take(conn, write_csv(tmp_path / "x.csv", rows), by=by)
    assert window_labels.answered_twice(conn, window) == []
    own = [{"prediction_id": "a", "label": "no"}]
    take(conn, write_csv(tmp_path / "own.csv", own), by="cy")  # nobody knows what cy saw
    assert window_labels.answered_twice(conn, window) == []
    take(conn, write_csv(tmp_path / "own.csv", own), by="di", blind=True)  # di says so
    assert window_labels.answered_twice(conn, window) == [("correct", "incorrect")]


def test_a_models_answer_is_never_taken_for_a_label(conn: Connection, tmp_path: Path) -> None:
    """In a file of one's own `answer` may be the model's; in an exported sheet that is context.answer."""
    window = open_window(conn, "a", "b", answer="yes")
    own = [
        {"prediction_id": "a", "answer": "yes", "label": ""},
        {"prediction_id": "b", "answer": "no", "label": ""},
    ]
    assert take(conn, write_csv(tmp_path / "own.csv", own)).taken == 0
    own[0]["label"] = "incorrect"
    assert take(conn, write_csv(tmp_path / "own.csv", own)).new == 1
    assert answers(conn, window) == {"a": "incorrect"}
    sheets.write(sheet_of(conn), tmp_path / "todo.csv")
    (row,) = rows_of(tmp_path / "todo.csv")
    assert take(conn, write_csv(tmp_path / "todo.csv", [row])).taken == 0
    assert take(conn, write_csv(tmp_path / "todo.csv", [row | {"answer": "correct"}])).new == 1
    assert answers(conn, window) == {"a": "incorrect", "b": "correct"}


def test_a_comment_comes_with_the_answer(conn: Connection, tmp_path: Path) -> None:
    open_window(conn, "a")
    from calib.review import own_answers

    take(conn, write_csv(tmp_path / "x.csv", [{"prediction_id": "a", "label": "yes", "comment": "'=odd"}]))
    assert own_answers.own_answers(conn, stream="triage", by="ada")[0].comment == "=odd"
