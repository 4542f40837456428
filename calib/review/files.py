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
from calib.errors import InvalidInput
from calib.period import Period
from calib.review import queue, window_labels
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

    `new` labels count now. `same`: that answer counted already. `corrected`: it counts in the place of the
    same person's earlier answer. `conflicts`: another answer counts; this one is kept beside it. `late`: the
    window has been evaluated without it; it is kept, and counts in the baselines of later windows.
    `late_periods` names those windows. `unknown`: the id was not drawn. `rejected` has the first rows that
    were no labels, `disputed` the first conflicts and `changed` the first corrections, by line.
    """

    new: int = 0
    same: int = 0
    corrected: int = 0
    conflicts: int = 0
    late: int = 0
    unknown: int = 0
    rejected_total: int = 0
    rejected: list[str] = field(default_factory=list)
    disputed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    late_periods: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    not_answers: int = 0

    @property
    def taken(self) -> int:
        """The rows whose answer counts, or will count in later baselines."""
        return self.new + self.same + self.corrected + self.late

    @property
    def one_sided(self) -> str | None:
        """The only answer that was taken, where others could not be read; None where that is not so."""
        only = self.words - {"unsure"}
        return next(iter(only)) if self.not_answers and len(only) == 1 else None

    def reject(self, line: int, why: str) -> None:
        """Count a row that is not a label."""
        self.rejected_total += 1
        if len(self.rejected) < SHOWN:
            self.rejected.append(f"line {line}: {why}")

    def count(self, row: _Row, outcome: queue.LabelOutcome, *, before: str | None) -> None:
        """Count a label by what became of it; `before`: the answer that counted until then."""
        answer = row.answer.answer
        if outcome == "conflict":
            self.conflicts += 1
            if len(self.disputed) < SHOWN:
                counts = before or "another answer"
                self.disputed.append(
                    f"line {row.line}: {row.id!r:.80}: {counts} counts, this row says {answer}"
                )
            return
        self.words.add(answer)
        if outcome == "corrected":
            self.corrected += 1
            if len(self.changed) < SHOWN:
                self.changed.append(f"line {row.line}: {row.id!r:.80}: was {before}, now {answer}")
        elif outcome in ("late", "fenced"):
            self.late += 1
            if row.period not in self.late_periods:
                self.late_periods.append(row.period)
        elif outcome == "same":
            self.same += 1
        else:
            self.new += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row that is a label: its line, its id as the file has it, and the period that its item belongs to."""

    line: int
    id: str
    period: str
    answer: queue.Answer


def export(conn: Connection, stream: str, to: TextIO) -> int:
    """Write the stream's unanswered rows as CSV with an empty last column `answer`; how many there are.

    Stream and period stand in each row, so that the import can tell a sheet of another stream. What reviewers
    see is in columns of its own, `context.NAME`, and where the traffic names a trace, by which a reviewer
    finds the whole conversation elsewhere, in the column `trace`. No cell is a formula to a spreadsheet: one
    that would be begins with an apostrophe, which `import_labels` takes off the ids again.
    """
    w, t = tables.windows, tables.items
    query = (
        select(w.c.period, t.c.prediction_id, t.c.trace, t.c.context)
        .join(w, w.c.id == t.c.window_id)
        .where(w.c.stream == stream, windows.WAITING, t.c.label_id.is_(None))
        .order_by(w.c.ends_at, t.c.draw_order)
    )
    rows = conn.execute(query).all()
    context = sorted({key for row in rows for key in row.context or {}})
    traced = ["trace"] if any(row.trace is not None for row in rows) else []
    writer = csv.writer(to)
    heads = ["stream", "period", "prediction_id", *traced, *(f"context.{key}" for key in context), "answer"]
    writer.writerow(heads)
    for row in rows:
        shown = [_shown((row.context or {}).get(key)) for key in context]
        trace = [_shown(row.trace)] if traced else []
        writer.writerow([stream, row.period, defused(row.prediction_id), *trace, *shown, ""])
    return len(rows)


def import_labels(
    conn: Connection, path: Path, *, stream: str, by: str, now: datetime, overwrite: bool = False
) -> ImportReport:
    """Read labels from a file with the columns prediction_id and answer[, period, by, at, stream].

    `by` and `now` stand in where the file does not say who answered and when; a time without a zone is UTC.
    Any form that `calib.tabular` reads will do. Rows that are not labels are counted with their lines, never
    guessed; an answer that is empty or says that nothing is known yet (NA, pending) is skipped. An id
    that several windows drew is the one that still waits for labels, else the newest, unless the row says
    which period; a period that a spreadsheet has rewritten as a date says nothing. A row of another stream is
    rejected. Whoever answers again in a later file corrects the own answer; two answers in one file are a
    conflict. `overwrite` lets the file's answers replace those of others too. Raises `InvalidInput` for a
    file that cannot be read or lacks a column; the caller's transaction is then to be given up.
    """
    drawn = _drawn(conn, stream)
    report = ImportReport()
    waiting: dict[int, _Row] = {}  # by item: an item's second row waits for its first
    answered: set[int] = set()  # by an earlier row of this file

    def label_waiting() -> None:
        for again in (False, True):
            rows = [row for item, row in waiting.items() if (item in answered) is again]
            before = window_labels.counting_words(conn, [row.answer.item_id for row in rows])
            labels = [row.answer for row in rows]
            results = queue.label_all(conn, labels, source="file", overwrite=overwrite, corrects=not again)
            for row, outcome in zip(rows, results, strict=True):
                report.count(row, outcome, before=before.get(row.answer.item_id))
        answered.update(waiting)
        waiting.clear()

    for line, row in _rows(path, report):
        id_, answer_text = row["prediction_id"], row["answer"].strip()
        if (word := meaning(answer_text)) == "unknown":
            continue
        try:
            if word is None:
                report.not_answers += 1
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
        period_and_item = _item(drawn, id_, row["period"].strip())
        if period_and_item is None:
            report.unknown += 1
            continue
        period, item = period_and_item
        who = armed(row["by"].strip()) or by
        if item in waiting:
            label_waiting()
        answer = queue.Answer(item_id=item, answer=word, by=who, at=at)
        waiting[item] = _Row(line=line, id=id_, period=period, answer=answer)
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
        .order_by(windows.WAITING.desc(), w.c.ends_at.desc(), w.c.revision.desc())
    )
    return [(row.period, queue.items_of(conn, row.id)) for row in conn.execute(query).all()]


def _item(drawn: list[tuple[str, dict[str, int]]], id_: str, period: str) -> tuple[str, int] | None:
    """The period and the item of an id, as `export` wrote it, as it is, or as an editor left it."""
    spellings = (armed(id_), id_, armed(id_.strip()), text_of(armed(id_.strip())))
    named = period if any(_is_period(period, like=known_period) for known_period, _ in drawn) else ""
    for name in dict.fromkeys(spellings):
        for drawn_period, items in drawn:
            if named in ("", drawn_period) and name in items:
                return drawn_period, items[name]
    return None


def _is_period(text: str, *, like: str) -> bool:
    """Whether a text names a period of the kind of another one: October 2026 is not 2026-10-01 to a month."""
    try:
        return Period.named(text).kind == Period.named(like).kind
    except InvalidInput:
        return False


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
