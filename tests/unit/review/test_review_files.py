"""Labels by file: exported, filled in and imported; what is not a label is counted, not guessed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from queues import NOW, open_window
from sqlalchemy import Connection, Engine, select, update

from calib.db import tables, windows
from calib.errors import InvalidInput
from calib.review import files, queue, sheets, window_labels

HOSTILE = ["=cmd()", "+1", "-2", "@sum", "\tx", "'quoted", "''two", 'a,"b', "line\nend", " =spaced"]


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


SHEET = "s00000a"


def exported(conn: Connection, stream: str = "triage", sheet: str = SHEET) -> list[dict[str, str]]:
    to = io.StringIO(newline="")
    waiting = sheets.waiting_rows(conn, stream, sheet=sheet)
    sheets.write_csv(waiting, to)
    rows = list(csv.DictReader(io.StringIO(to.getvalue(), newline="")))
    assert len(rows) == len(waiting.rows)
    return rows


def as_text(rows: list[dict[str, str]]) -> str:
    to = io.StringIO(newline="")
    writer = csv.DictWriter(to, fieldnames=rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return to.getvalue()


def imported(conn: Connection, path: Path, text: str | bytes, **how: Any) -> files.ImportReport:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return files.import_labels(conn, path, stream="triage", by="ada", now=NOW, **how)


def label_of(conn: Connection, window: int) -> dict[str, str | None]:
    found = queue.cohort(conn, window)
    words = {1.0: "correct", 0.0: "incorrect"}
    return {id_: words.get(c) for id_, c in zip(found.id, found.correct.tolist(), strict=True)}


@pytest.mark.parametrize("empty", ["", "  ", "NA", "pending"])
def test_a_comment_without_a_label_is_named_and_not_dropped_silently(
    conn: Connection, tmp_path: Path, empty: str
) -> None:
    open_window(conn, "a", "b", "c", "d")
    rows = exported(conn)
    for row, label, comment in zip(rows, ["yes", empty, "no", empty], ["ok", "hmm", "", "odd"], strict=True):
        row["label"], row["comment"] = label, comment
    report = imported(conn, tmp_path / "todo.csv", as_text(rows))
    assert (report.new, report.rejected_total, report.unlabelled_comments) == (2, 0, [3, 5])
    spoiled = as_text([*rows[1:], rows[0] | {"label": "mabye"}])
    assert imported(conn, tmp_path / "todo.csv", spoiled).unlabelled_comments == [2, 4]  # refused, and said


@pytest.mark.parametrize("column", ["label", "answer"])
def test_what_is_exported_can_be_filled_in_and_imported(
    conn: Connection, tmp_path: Path, column: str
) -> None:
    """In the column `label`, or in `answer`, which sheets of earlier versions have."""
    window = open_window(conn, *HOSTILE)
    rows = exported(conn)
    text = as_text([row | {column: "correct"} for row in rows])
    report = imported(conn, tmp_path / "labels.csv", text)
    assert (report.new, report.unknown, report.rejected_total) == (len(HOSTILE), 0, 0)
    assert set(label_of(conn, window).values()) == {"correct"}
    assert exported(conn) == []


def test_no_exported_cell_is_a_formula(conn: Connection) -> None:
    open_window(conn, *HOSTILE, question="=HYPERLINK(1)", answer="\u202e@evil\x00\x1b[0m\ud800")
    for row in exported(conn):
        for cell in row.values():
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row["context.question"] == "'=HYPERLINK(1)"
    assert row["context.answer"] == "'@evil[0m"


def test_the_columns_stand_in_the_order_of_the_settings_and_the_last_one_is_to_be_filled_in(
    conn: Connection,
) -> None:
    open_window(conn, "a", question="q", answer="what the model said")
    to = io.StringIO(newline="")
    sheets.write_csv(sheets.waiting_rows(conn, "triage", sheet=SHEET), to)
    header = next(csv.reader(io.StringIO(to.getvalue())))
    assert header[:4] == ["row", "stream", "period", "prediction_id"]
    assert header[4:6] == ["context.question", "context.answer"]
    assert header[-3:] == ["comment", "in the last column write correct, incorrect or unsure", "label"]


def test_a_row_with_a_trace_says_where_the_whole_conversation_is(conn: Connection) -> None:
    open_window(conn, "a", "b")
    conn.execute(update(tables.items).where(tables.items.c.prediction_id == "a").values(trace="=t-1"))
    rows = exported(conn)
    assert [row["trace"] for row in rows] == ["'=t-1", ""]
    assert list(rows[0])[:5] == ["row", "stream", "period", "prediction_id", "trace"]


def test_a_megabyte_of_context_fits_a_cell(conn: Connection, tmp_path: Path) -> None:
    open_window(conn, "a", question="x" * 1_000_000)
    text = as_text([row | {"label": "yes"} for row in exported(conn)])
    assert len(text) < 33_000
    assert imported(conn, tmp_path / "x.csv", text).new == 1


def test_only_what_waits_is_exported(conn: Connection) -> None:
    done = open_window(conn, "done", period="2026-08")
    windows.advance(conn, done, expect="sampled", state="closed")
    window = open_window(conn, "a", "b", "c")
    item = queue.items_of(conn, window)["b"]
    queue.label(conn, item_id=item, answer="correct", by="bo", at=NOW, source="review")
    assert [row["prediction_id"] for row in exported(conn)] == ["a", "c"]


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("correct", 1),
        ("INCORRECT", 0),
        ("1", 1),
        ("0", 0),
        ("True", 1),
        ("FALSE", 0),
        (" yes ", 1),
        ("No", 0),
    ],
)
def test_the_words_for_an_answer(conn: Connection, tmp_path: Path, said: str, means: int) -> None:
    window = open_window(conn, "a")
    assert imported(conn, tmp_path / "x.csv", f"prediction_id,answer\na,{said}\n").new == 1
    assert queue.cohort(conn, window).correct.tolist() == [means]


def test_rows_that_are_no_labels_are_counted_by_line(conn: Connection, tmp_path: Path) -> None:
    window = open_window(conn, "a", "b", "c")
    text = (
        "answer,prediction_id,at,stream\n"
        "maybe,a,,\n"
        ",b,,\n"  # not answered yet: no fault
        "yes,,,\n"
        "yes,c,yesterday,\n"
        "yes,c,,other\n"
        "yes,nobody,,\n"
        "no,a,,triage\n"
        "N/A,b,,\n"  # not known yet: no fault either
        "yes"  # the writer was stopped
    )
    refused = imported(conn, tmp_path / "x.csv", text)
    assert (refused.refused, refused.taken, refused.would_take) == (True, 0, 1)
    assert label_of(conn, window) == {"a": None, "b": None, "c": None}
    report = imported(conn, tmp_path / "x.csv", text, partial=True)
    assert refused.rejected == report.rejected
    assert [line.split(":")[0] for line in report.rejected] == [
        "line 10",
        "line 2",
        "line 4",
        "line 5",
        "line 6",
    ]
    assert "'maybe' is not an answer" in report.rejected[1]
    assert (report.new, report.unknown, report.rejected_total) == (1, 1, 5)
    assert label_of(conn, window) == {"a": "incorrect", "b": None, "c": None}


def test_a_second_column_of_answers_is_not_chosen_from(conn: Connection, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("prediction_id,answer,Answer\np0,,correct\n")
    with pytest.raises(InvalidInput, match="has the columns 'answer', 'Answer': keep the one"):
        files.import_labels(conn, path, stream="s", by="anna", now=NOW)


def test_twice_is_once_and_another_answer_is_surfaced(conn: Connection, tmp_path: Path) -> None:
    window = open_window(conn, "a", "b")
    first = imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,yes\nb,no\n")
    again = imported(conn, tmp_path / "x.csv", "prediction_id,answer,by\na,yes,\nb,yes,bo\n")
    assert (first.new, first.same, first.conflicts) == (2, 0, 0)
    assert (again.new, again.same, again.conflicts) == (0, 1, 1)
    assert again.disputed == ["line 3: 'b': incorrect counts, this row says correct"]
    assert label_of(conn, window)["b"] == "incorrect"
    imported(conn, tmp_path / "x.csv", "prediction_id,answer\nb,yes\n", overwrite=True)
    assert label_of(conn, window)["b"] == "correct"


def test_who_answered_and_when_is_taken_from_the_file(conn: Connection, tmp_path: Path) -> None:
    open_window(conn, "a", "b")
    text = "prediction_id,answer,by,at\na,yes,bo,2026-11-02T10:00:00+02:00\nb,yes,,2026-11-02 09:00\n"
    imported(conn, tmp_path / "x.csv", text)
    t = tables.labels
    found = conn.execute(select(t.c.by, t.c.at, t.c.source).order_by(t.c.id)).all()
    assert found[0] == ("bo", datetime(2026, 11, 2, 8, tzinfo=UTC), "file")
    assert found[1] == ("ada", datetime(2026, 11, 2, 9, tzinfo=UTC), "file")


@pytest.mark.parametrize(("ahead", "taken"), [(timedelta(hours=14), 1), (timedelta(hours=25), 0)])
def test_an_answer_of_the_future_is_refused_unless_its_time_may_be_local(
    conn: Connection, tmp_path: Path, ahead: timedelta, taken: int
) -> None:
    open_window(conn, "a")
    at = (NOW + ahead).replace(tzinfo=None).isoformat()
    report = imported(conn, tmp_path / "x.csv", f"prediction_id,label,at\na,correct,{at}\n")
    assert report.new == taken
    assert [("which has not come yet" in line) for line in report.rejected] == [True] * (1 - taken)


def test_an_id_of_two_windows_is_the_one_that_waits_unless_the_period_says(
    conn: Connection, tmp_path: Path
) -> None:
    old, new = open_window(conn, "a", period="2026-08"), open_window(conn, "a", period="2026-09")
    windows.advance(conn, new, expect="sampled", state="closed")
    imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,yes\n")
    assert label_of(conn, old) == {"a": "correct"}
    late = imported(conn, tmp_path / "x.csv", "prediction_id,answer,period\na,no,2026-09\n")
    assert (late.late, late.new) == (1, 0)
    assert label_of(conn, new) == {"a": None}
    assert imported(conn, tmp_path / "x.csv", "prediction_id,answer,period\na,no,2026-01\n").unknown == 1


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separators_of_spreadsheets_are_read(conn: Connection, tmp_path: Path, separator: str) -> None:
    open_window(conn, "a")
    text = "\ufeff" + f"Prediction_ID {separator}Answer\r\na{separator}yes\r\n"
    assert imported(conn, tmp_path / "x.csv", text).new == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"id,answer\na,yes\n",
        b"prediction_id\na\n",
        "prediction_id,answer\nä,yes\n".encode("latin-1"),
        "prediction_id,answer\na,yes\n".encode("utf-16-le"),
        b'prediction_id,answer\n"' + b"x" * 200_000 + b"\na,yes\n",
        b"prediction_id,answer\na\n",
        b"PK\x03\x04\xff\xfe not a text at all",
    ],
)
def test_a_file_that_is_no_such_csv_is_refused(conn: Connection, tmp_path: Path, content: bytes) -> None:
    open_window(conn, "a")
    with pytest.raises(InvalidInput, match=r"x\.csv"):
        imported(conn, tmp_path / "x.csv", content)


def test_a_missing_file_is_named(conn: Connection, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.csv"):
        files.import_labels(conn, tmp_path / "gone.csv", stream="triage", by="ada", now=NOW)


def test_a_person_corrects_an_own_answer_until_the_window_is_evaluated(
    conn: Connection, tmp_path: Path
) -> None:
    window = open_window(conn, "a", "b")
    imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,yes\nb,no\n")
    again = imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,no\nb,no\n")
    assert (again.new, again.same, again.corrected, again.conflicts) == (0, 1, 1, 0)
    assert again.changed == ["line 2: 'a': was correct, now incorrect"]
    assert label_of(conn, window) == {"a": "incorrect", "b": "incorrect"}
    back = imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,yes\n")
    assert (back.corrected, label_of(conn, window)["a"]) == (1, "correct")
    kept = select(tables.labels.c.answer).order_by(tables.labels.c.id)
    assert conn.execute(kept).scalars().all() == ["correct", "incorrect", "incorrect"]
    windows.advance(conn, window, expect="sampled", state="evaluated")
    late = imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,no\n")
    assert (late.corrected, late.conflicts, late.taken) == (0, 1, 0)
    assert label_of(conn, window)["a"] == "correct"


def test_two_answers_to_one_row_in_one_file_are_a_conflict(conn: Connection, tmp_path: Path) -> None:
    window = open_window(conn, "a", "b")
    report = imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,yes\nb,no\na,no\nb,no\n")
    assert (report.new, report.same, report.corrected, report.conflicts) == (2, 1, 0, 1)
    assert report.disputed == ["line 4: 'a': correct counts, this row says incorrect"]
    assert label_of(conn, window) == {"a": "correct", "b": "incorrect"}


@pytest.mark.parametrize("rewritten", ["2026-10-01", "Oct-26", "01.10.2026", "46296", "2026-10-01 00:00:00"])
def test_a_period_that_a_spreadsheet_has_rewritten_says_nothing(
    conn: Connection, tmp_path: Path, rewritten: str
) -> None:
    window = open_window(conn, "a", period="2026-10")
    text = f"period,prediction_id,answer\n{rewritten},a,yes\n"
    assert imported(conn, tmp_path / "x.csv", text).new == 1
    assert label_of(conn, window) == {"a": "correct"}


def test_late_answers_are_counted_by_period_and_kept(conn: Connection, tmp_path: Path) -> None:
    window = open_window(conn, "a", "b")
    windows.advance(conn, window, expect="sampled", state="closed")
    report = imported(conn, tmp_path / "x.csv", "prediction_id,answer\na,yes\nb,no\n")
    assert (report.late, report.late_periods, report.taken) == (2, ["2026-10"], 2)
    assert len(window_labels.late_labels(conn, [window])[window]) == 2
    assert label_of(conn, window) == {"a": None, "b": None}


def test_an_export_can_be_told_from_that_of_another_stream(conn: Connection, tmp_path: Path) -> None:
    open_window(conn, "a", stream="other")
    open_window(conn, "a")
    text = as_text([row | {"label": "yes"} for row in exported(conn, "other")])
    report = imported(conn, tmp_path / "x.csv", text)
    assert (report.new, report.unknown, report.taken) == (0, 0, 0)
    assert report.rejected == ["line 2: it belongs to the stream 'other'"]


def test_of_two_answers_one_that_cannot_be_read_is_said(conn: Connection, tmp_path: Path) -> None:
    open_window(conn, "a", "b", "c")
    some = "prediction_id,answer\na,no\nb,agreed!\nc,unsure\n"
    report = imported(conn, tmp_path / "x.csv", some, partial=True)
    assert (report.new, report.rejected_total, report.one_sided) == (2, 1, "incorrect")
    both = "prediction_id,answer\na,no\nb,agreed!\nc,yes\n"
    report = imported(conn, tmp_path / "x.csv", both, partial=True)
    assert report.one_sided is None
