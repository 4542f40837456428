"""`calib labels`: sheets in every form, second opinions, differences and who settles them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from conftest import World

PERIOD = "2026-01"


@pytest.fixture
def waiting(world: World, calib: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """A drawn window, which 300 rows wait for an answer of, with guidelines."""
    monkeypatch.chdir(world.folder)
    (world.folder / "triage.md").write_text("# Right\nIt helps.\n")
    more = 'guidelines = "triage.md"\ndouble_review = 0.5\nclose_after_days = 300'
    world.settings(more, review='review = { kind = "files" }')
    assert calib("sample", "triage", "--period", PERIOD).code == 0
    return world


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.slow
def test_sheets_second_opinions_and_a_decision(waiting: World, calib: Any) -> None:
    folder = waiting.folder
    exported = calib("labels", "export", "triage", "--to", "todo.xlsx", "--json")
    assert exported.json == {"stream": "triage", "rows": 300, "to": "todo.xlsx"}
    book = openpyxl.load_workbook(folder / "todo.xlsx")
    assert [row[0] for row in book["guidelines"].iter_rows(values_only=True)][-2:] == ["# Right", "It helps."]
    for row in book.worksheets[0].iter_rows(min_row=2, max_row=101):
        row[-1].value = "correct"
        row[-2].value = "because"
    for row in book.worksheets[0].iter_rows(min_row=102, max_row=113):
        row[-2].value = "I do not know this customer"
    book.save(folder / "todo.xlsx")

    refused = calib("labels", "export", "triage", "--to", "todo.xlsx")
    assert refused.code == 2
    assert "112 answers or comments that were not imported" in refused.err
    taken = calib("labels", "import", "todo.xlsx", "--by", "ada", "--json").json
    assert taken["unlabelled_comments"] == 12
    said = calib("labels", "import", "todo.xlsx", "--by", "ada").out
    assert "12 rows with a comment and no label (lines 102, 103," in said
    assert "111 and 2 more)" in said
    for row in book.worksheets[0].iter_rows(min_row=102, max_row=113):
        row[-2].value = ""
    book.save(folder / "todo.xlsx")
    assert (taken["new"], taken["refused"], taken["would_take"]) == (100, False, 0)
    assert calib("labels", "export", "triage", "--to", "todo.xlsx", "--json").json["rows"] == 200

    second = calib("labels", "export", "triage", "--second", "bo", "--to", "bo.csv")
    assert "rows wait for a second opinion" in second.err
    rows = read(folder / "bo.csv")
    assert 30 < len(rows) < 70
    for i, row in enumerate(rows):
        row["label"] = "no" if i < 3 else "yes"
    spoiled = write(folder / "spoiled.csv", [rows[0] | {"label": "mabye"}, *rows[1:]])
    wrong = calib("labels", "import", spoiled, "--by", "bo")
    assert wrong.code == 1
    assert "line 2: 'mabye' is not an answer" in wrong.out
    assert f"take the other {len(rows) - 1:,} with --partial" in wrong.err
    assert calib("labels", "conflicts", "triage", "--json").json["conflicts"] == []
    assert calib("labels", "import", spoiled, "--by", "bo", "--partial").code == 0
    assert calib("labels", "import", write(folder / "bo.csv", rows), "--by", "bo").code == 0

    listed = calib("labels", "conflicts", "triage", "--json").json["conflicts"]
    assert {tuple(one["answers"]) for one in listed} == {("correct", "incorrect")}
    assert len(listed) == 3
    assert listed[0]["opinions"] == [
        {"by": "ada", "answer": "correct"},
        {"by": "bo", "answer": "incorrect"},
    ]
    id_ = listed[0]["prediction_id"]
    assert calib("labels", "decide", "triage", id_, "incorrect", "--by", "root").code == 0
    decided = calib("labels", "decide", "triage", id_, "incorrect", "--by", "root", "--json").json
    assert (decided["outcome"], decided["period"]) == ("same", PERIOD)
    said = calib("labels", "conflicts", "triage").out
    assert f"{PERIOD} {id_}: incorrect counts, as root decided; also correct (ada), incorrect (bo)" in said
    assert "Next: calib labels decide triage" in said

    nobody = calib("labels", "decide", "triage", "nobody", "correct")
    assert nobody.code == 2
    assert "`calib labels conflicts triage` lists" in nobody.err
    assert calib("labels", "decide", "triage", id_, "perhaps").code == 2


@pytest.mark.slow
def test_a_form_that_is_no_sheet_is_refused_by_its_name(waiting: World, calib: Any) -> None:
    ran = calib("labels", "export", "triage", "--to", "todo.ods")
    assert ran.code == 2
    assert ".csv, .xlsx, .parquet, .jsonl" in ran.err
    assert not (waiting.folder / "todo.ods").exists()


def test_reviewers_are_not_told_of_rows_that_nobody_has_to_label_any_more(waiting: World, calib: Any) -> None:
    """The window is closed before the relay runs: the message would send people to an empty page."""
    folder = waiting.folder
    rows = read(exported(folder, calib))
    calib("labels", "import", write(folder / "all.csv", [row | {"label": "yes"} for row in rows]))
    assert calib("evaluate", "--json").json["windows"][0]["state"] == "closed"
    (opened,) = [
        one for one in calib("alerts", "list", "--json").json["alerts"] if one["kind"] == "cohort_opened"
    ]
    assert opened["state"] == "silenced"
    assert opened["reason"].endswith(
        "the window was closed before this was sent: nobody has to label any more"
    )
    assert calib("alerts", "silence", "--json").json["silences"] == []  # nothing else is covered


def exported(folder: Path, calib: Any) -> Path:
    """A sheet of everything that waits."""
    calib("labels", "export", "triage", "--to", "whole.csv")
    return folder / "whole.csv"
