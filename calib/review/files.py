"""Labels by file: export what waits for an answer, import what was answered."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection, select

from calib.db import tables, windows
from calib.review import queue
from calib.tabular.names import find
from calib.tabular.rules import TIME_FORM, text_of, time_of
from calib.text import armed, cell, defused
from calib.vocabulary import meaning

COLUMNS = ("prediction_id", "answer", "period", "by", "at", "stream")
CELL = 32_000  # characters: what fits a spreadsheet's cell and the csv module's field
SHOWN = 20  # rows that a report names


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What an import did.

    `new` labels count now. `same`: that answer counted already. `conflicts`: another answer counts; this one
    is kept beside it. `late`: the window has been evaluated without it. `unknown`: the id was not drawn.
    `rejected` has the first rows that were no labels, `disputed` the first conflicts, by line.
    """

    new: int = 0
    same: int = 0
    conflicts: int = 0
    late: int = 0
    unknown: int = 0
    rejected_total: int = 0
    rejected: list[str] = field(default_factory=list)
    disputed: list[str] = field(default_factory=list)

    def reject(self, line: int, why: str) -> None:
        """Count a row that is not a label."""
        self.rejected_total += 1
        if len(self.rejected) < SHOWN:
            self.rejected.append(f"line {line}: {why}")

    def count(self, line: int, id_: str, outcome: queue.LabelOutcome) -> None:
        """Count a label by what became of it."""
        if outcome == "conflict":
            self.conflicts += 1
            if len(self.disputed) < SHOWN:
                self.disputed.append(f"line {line}: another answer to {id_!r:.80} counts already")
        elif outcome in ("late", "fenced"):
            self.late += 1
        elif outcome == "same":
            self.same += 1
        else:
            self.new += 1


def export(conn: Connection, stream: str, to: TextIO) -> int:
    """Write the stream's unanswered rows as CSV with an empty last column `answer`; how many there are.

    What reviewers see is in columns of its own, `context.NAME`, and where the traffic names a trace, by which
    a reviewer finds the whole conversation elsewhere, in the column `trace`. No cell is a formula to a
    spreadsheet: one that would be begins with an apostrophe, which `import_labels` takes off the ids again.
    """
    w, t = tables.windows, tables.items
    query = (
        select(w.c.period, t.c.prediction_id, t.c.trace, t.c.context)
        .join(w, w.c.id == t.c.window_id)
        .where(w.c.stream == stream, w.c.state.in_(windows.LABELLED), t.c.label_id.is_(None))
        .order_by(w.c.ends_at, t.c.draw_order)
    )
    rows = conn.execute(query).all()
    context = sorted({key for row in rows for key in row.context or {}})
    traced = ["trace"] if any(row.trace is not None for row in rows) else []
    writer = csv.writer(to)
    writer.writerow(["period", "prediction_id", *traced, *(f"context.{key}" for key in context), "answer"])
    for row in rows:
        shown = [_shown((row.context or {}).get(key)) for key in context]
        trace = [_shown(row.trace)] if traced else []
        writer.writerow([row.period, defused(row.prediction_id), *trace, *shown, ""])
    return len(rows)


def import_labels(
    conn: Connection, path: Path, *, stream: str, by: str, now: datetime, overwrite: bool = False
) -> ImportReport:
    """Read labels from a file with the columns prediction_id and answer[, period, by, at, stream].

    `by` and `now` stand in where the file does not say who answered and when; a time without a zone is UTC.
    Any form that `calib.tabular` reads will do. Rows that are not labels are counted with their lines, never
    guessed; an answer that is empty or says that nothing is known yet (NA, pending) is skipped. An id
    that several windows drew is the one that still waits for labels, else the newest, unless the row says
    which period. `overwrite` lets the file's answers replace earlier ones. Raises `InvalidInput` for a file
    that cannot be read or lacks a column; the caller's transaction is then to be given up.
    """
    drawn = _drawn(conn, stream)
    report = ImportReport()
    waiting: dict[
        int, tuple[int, str, queue.Answer]
    ] = {}  # by item: an item's second row waits for its first

    def label_waiting() -> None:
        rows = list(waiting.values())
        labels = [answer for _, _, answer in rows]
        results = queue.label_all(conn, labels, source="file", overwrite=overwrite)
        for (line, id_, _), outcome in zip(rows, results, strict=True):
            report.count(line, id_, outcome)
        waiting.clear()

    for line, row in _rows(path, report):
        id_, answer_text = row["prediction_id"], row["answer"].strip()
        if (word := meaning(answer_text)) == "unknown":
            continue
        try:
            if word is None:
                raise _NoLabelError(
                    f"{answer_text!r:.40} is not an answer; write correct, incorrect or unsure"
                )
            at = _time(row["at"].strip()) or now
            if not id_.strip():
                raise _NoLabelError("prediction_id is empty")
            if row["stream"].strip() not in ("", stream):
                raise _NoLabelError(f"it belongs to the stream {row['stream']!r:.80}")
        except _NoLabelError as error:
            report.reject(line, str(error))
            continue
        item = _item(drawn, id_, row["period"].strip())
        if item is None:
            report.unknown += 1
            continue
        who = armed(row["by"].strip()) or by
        if item in waiting:
            label_waiting()
        waiting[item] = (line, id_, queue.Answer(item_id=item, answer=word, by=who, at=at))
    label_waiting()
    return report


def _shown(text: object) -> str:
    """A context cell for a person and a spreadsheet."""
    shown = "" if text is None else str(text)[:CELL]
    return cell(shown)


class _NoLabelError(Exception):
    """Why a row is not a label."""


def _time(text: str) -> datetime | None:
    if not text:
        return None
    when = time_of(text)
    if when is None:
        raise _NoLabelError(f"at is {text!r:.40}, no time; {TIME_FORM}")
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _drawn(conn: Connection, stream: str) -> list[tuple[str, dict[str, int]]]:
    """The items of the stream's windows by prediction id: those that still wait for labels first, then the
    newest.
    """
    w = tables.windows
    query = (
        select(w.c.id, w.c.period)
        .where(w.c.stream == stream)
        .order_by(w.c.state.in_(windows.LABELLED).desc(), w.c.ends_at.desc())
    )
    return [(row.period, queue.items_of(conn, row.id)) for row in conn.execute(query).all()]


def _item(drawn: list[tuple[str, dict[str, int]]], id_: str, period: str) -> int | None:
    """The item of an id, as `export` wrote it, as it is, or as an editor left it."""
    spellings = (armed(id_), id_, armed(id_.strip()), text_of(armed(id_.strip())))
    for name in dict.fromkeys(spellings):
        for drawn_period, items in drawn:
            if period in ("", drawn_period) and name in items:
                return items[name]
    return None


def _rows(path: Path, report: ImportReport) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with their lines; a cell that is not there is empty text. A row that was cut is rejected."""
    from calib.tabular import Texts, open_table  # an export needs no reader of files

    table = open_table(path)
    columns = {
        name: Texts(name, raw=True) for name in COLUMNS if name in COLUMNS[:2] or find(table.names, name)
    }
    rows = table.read(columns)
    lines = table.lines()
    if "cut_line" in rows.rejected:
        report.reject(lines[-1] + 1 if lines else 2, "the file ends inside this row")
    cells = {name: rows[name].values.tolist() for name in columns}
    for i, record in enumerate(rows.record.tolist()):
        row = {name: cells[name][i] if name in cells else None for name in COLUMNS}
        yield lines[record], {name: "" if value is None else str(value) for name, value in row.items()}
