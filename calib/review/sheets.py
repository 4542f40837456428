"""Sheets: the rows that wait for an answer, written as CSV, xlsx, Parquet or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, select

from calib.db import tables, windows
from calib.errors import InvalidInput
from calib.review.claims import answered_by, looked_at_once
from calib.review.sheet_rows import DrawnRows, NotFoundError, read_rows, row_key
from calib.tabular.workbook import LARGEST
from calib.text import cell, defused, storable
from calib.vocabulary import meaning

CELL = 32_000  # characters: what fits a spreadsheet's cell and the csv module's field
WRITE = "in the last column write correct, incorrect or unsure"
FORMS = (".csv", ".xlsx", ".parquet", ".jsonl")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML cannot hold
FIRST = ("row", "stream", "period", "prediction_id")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet holds: the names of its columns, and its rows as text. The last column is to be filled in.

    `guidelines`: when an answer is correct, in Markdown; None where the stream has none.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    guidelines: str | None = None


def waiting_rows(
    conn: Connection,
    stream: str,
    *,
    sheet: str,
    second: str | None = None,
    guidelines: str | None = None,
) -> Sheet:
    """The stream's rows without an answer, in the order of the draw; `comment` and `label` are empty.

    `sheet` names this export: `s` and six hexadecimal digits, drawn anew (`row_key`). `second`: a person;
    then the rows that two people look at, and that one other person has answered. A sheet carries nobody's
    answers. What reviewers see is in columns of its own, `context.NAME`, in the order of the settings, and
    where the traffic names a trace, by which a reviewer finds the whole conversation elsewhere, in the column
    `trace`.
    """
    w, t = tables.windows, tables.items
    query = (
        select(w.c.period, t.c.id, t.c.prediction_id, t.c.trace, t.c.context)
        .join(w, w.c.id == t.c.window_id)
        .where(w.c.stream == stream, windows.WAITING)
        .order_by(w.c.ends_at, t.c.draw_order, t.c.id)
    )
    if second is None:
        query = query.where(t.c.label_id.is_(None))
    else:
        query = query.where(looked_at_once(), ~answered_by(second))
    rows = conn.execute(query).all()
    context = tuple(dict.fromkeys(key for row in rows for key in row.context or {}))
    traced = ("trace",) if any(row.trace is not None for row in rows) else ()
    return Sheet(
        (*FIRST, *traced, *(f"context.{key}" for key in context), "comment", "label"),
        tuple(
            (
                row_key(sheet, row.id, row.prediction_id),
                stream,
                row.period,
                row.prediction_id,
                *((_text(row.trace),) if traced else ()),
                *(_text((row.context or {}).get(key)) for key in context),
                "",
                "",
            )
            for row in rows
        ),
        guidelines,
    )


def write_csv(sheet: Sheet, to: TextIO) -> None:
    """Write a sheet as CSV. No cell is a formula to a spreadsheet: one that would be begins with an
    apostrophe, which the import takes off again. The column before the last says in its name what to write.
    """
    writer = csv.writer(to)
    writer.writerow([*sheet.names[:-1], WRITE, sheet.names[-1]])
    for row in sheet.rows:
        writer.writerow([*_cells(sheet, row)[:-1], "", row[-1]])


def write(sheet: Sheet, to: Path) -> None:
    """Write a sheet in the form that the file's name ends in; whole or not at all.

    Raises `InvalidInput` for another ending, for a workbook that would be too large to be read again, and
    for a folder that cannot be written.
    """
    forms: dict[str, Callable[[Sheet], bytes]] = dict(
        zip(FORMS, (_csv, _workbook, _parquet, _json_lines), strict=True)
    )
    form = forms.get(to.suffix.lower())
    if form is None:
        raise InvalidInput(f"{to}: a sheet is written as one of {', '.join(FORMS)}: name the file so")
    content = form(sheet)
    unfinished = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(to)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InvalidInput(f"{to} cannot be written ({error.strerror})") from None


def refuse_to_lose_answers(conn: Connection, stream: str, to: Path) -> None:
    """Raise `InvalidInput` where a file holds answers or comments that were not imported, or is no sheet."""
    if not to.exists() or to.stat().st_size == 0:
        return
    remedy = "Name another file with --to"
    try:
        rows = list(read_rows(to))
    except InvalidInput as error:
        raise InvalidInput(f"{to} exists and is not a sheet of labels ({error}). {remedy}") from None
    drawn, t = DrawnRows(conn, stream), tables.labels
    lost = []
    for row in rows:
        word, comment = meaning(row.answer), row.cells["comment"].strip()
        if word == "unknown" and not comment:
            continue
        try:
            item_id = drawn.place(row.cells).item_id
        except NotFoundError:
            lost.append(row.line)
            continue
        kept = select(t.c.id).where(t.c.item_id == item_id, t.c.answer == word)
        if word is None or word == "unknown" or conn.execute(kept.limit(1)).first() is None:
            lost.append(row.line)
    if lost:
        raise InvalidInput(
            f"{to} has {len(lost):,} answers or comments that were not imported, the first in line "
            f"{lost[0]}. Nothing was written. Import it first: `calib labels import {to} --stream {stream}`. "
            f"Or: {remedy}"
        )


def _text(value: object) -> str:
    return "" if value is None else str(value)[:CELL]


def _cells(sheet: Sheet, row: Sequence[str]) -> list[str]:
    """A row for a spreadsheet: no formula, nothing unseen; an id stays as it is."""
    return [
        defused(text) if name == "prediction_id" else cell(text)
        for name, text in zip(sheet.names, row, strict=True)
    ]


def _csv(sheet: Sheet) -> bytes:
    text = io.StringIO(newline="")
    write_csv(sheet, text)
    return text.getvalue().encode("utf-8-sig", "replace")  # Excel takes a file without the mark for ANSI


def _json_lines(sheet: Sheet) -> bytes:
    lines = (json.dumps(dict(zip(sheet.names, row, strict=True)), ensure_ascii=False) for row in sheet.rows)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _parquet(sheet: Sheet) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [[storable(text, CELL) for text in row] for row in sheet.rows]
    columns = list(zip(*rows, strict=True)) or [()] * len(sheet.names)
    table = pa.table({n: pa.array(c, pa.string()) for n, c in zip(sheet.names, columns, strict=True)})
    to = io.BytesIO()
    parquet.write_table(table, to)
    return to.getvalue()


def _workbook(sheet: Sheet) -> bytes:
    """The rows with a list of answers to choose from, and a second sheet that says what to write."""
    import openpyxl
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = openpyxl.Workbook()
    page: Any = book.active
    page.title = "labels"
    page.append(list(sheet.names))
    for row in sheet.rows:
        page.append([_CONTROL.sub("", text) for text in _cells(sheet, row)])
    last = get_column_letter(len(sheet.names))
    choice = DataValidation(type="list", formula1='"correct,incorrect,unsure"', allow_blank=True)
    choice.promptTitle, choice.prompt = (
        "label",
        "correct, incorrect or unsure; leave it empty if you did not look",
    )
    choice.errorTitle, choice.error = "label", "Choose correct, incorrect or unsure."
    choice.showInputMessage = choice.showErrorMessage = True
    page.add_data_validation(choice)
    choice.add(f"{last}2:{last}{max(2, len(sheet.rows) + 1)}")
    page.freeze_panes = "A2"
    for i, name in enumerate(sheet.names, start=1):
        column = page.column_dimensions[get_column_letter(i)]
        column.width = 60 if name.startswith("context.") else 30 if name == "comment" else 16
        page.cell(1, i).font = Font(bold=True)
    for cells in page.iter_rows(min_row=2):
        for one_cell in cells:
            one_cell.number_format = "@"  # text: no id becomes a number when somebody edits it
            one_cell.alignment = Alignment(wrap_text=True, vertical="top")
    help_page = book.create_sheet("guidelines")
    help_page.column_dimensions["A"].width = 110
    for line in [*HOW_TO_FILL_IN, "", *(sheet.guidelines or "").splitlines()]:
        help_page.append([cell(_CONTROL.sub("", line))[:CELL]])
    to = io.BytesIO()
    book.save(to)
    with zipfile.ZipFile(to) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST:
            raise InvalidInput(
                f"as .xlsx this sheet is larger than the {LARGEST:,} bytes that are read again: export it as "
                ".csv or .parquet"
            )
    return to.getvalue()


HOW_TO_FILL_IN = (
    "In the column label choose correct, incorrect or unsure.",
    "unsure: you looked and cannot say. Leave the cell empty if you did not look: silence is never a label.",
    "The column comment is for whoever decides where two people differ.",
    "Leave the column row as it is: by it each answer finds its prediction.",
)
