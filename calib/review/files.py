"""Labels by file: what was answered in a sheet, or in a file of one's own, is read, and counted by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from calib.db import tables
from calib.review import queue, window_labels
from calib.review.sheet_rows import DrawnRows, NotFoundError, Place, SheetRow, read_rows
from calib.tabular.rules import TIME_FORM, time_of
from calib.text import armed
from calib.vocabulary import meaning

AHEAD = timedelta(days=1)  # how far the time of an answer may lie ahead: it may be local and not say so
SHOWN = 20  # rows that a report names


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What an import did.

    `new` labels count now. `same`: that answer counted already. `corrected`: it counts in the place of the
    same person's earlier answer. `conflicts`: another answer counts; this one is kept beside it. `late`: the
    window has been evaluated without it; it is kept, and counts in the baselines of later windows.
    `late_periods` names those windows. `unknown`: the id was not drawn. `unlabelled_comments`: the lines of
    rows with a comment and no answer, whose comment is not kept. `rejected` has the first rows that
    were no labels, `disputed` the first conflicts and `changed` the first corrections, by line. `refused`:
    because of the rejected rows nothing was taken; the counts of what was taken are then 0, and `would_take`
    is what a partial import takes.
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
    unlabelled_comments: list[int] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    not_answers: int = 0
    refused: bool = False
    would_take: int = 0

    @property
    def taken(self) -> int:
        """The rows whose answer counts, or will count in later baselines."""
        return self.new + self.same + self.corrected + self.late

    @property
    def one_sided(self) -> str | None:
        """The only answer that was understood, where others could not be read; None where that is not so."""
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
        self.words.add(answer)
        if outcome == "conflict":
            self.conflicts += 1
            if len(self.disputed) < SHOWN:
                counts = before or "another answer"
                self.disputed.append(
                    f"line {row.line}: {row.id!r:.80}: {counts} counts, this row says {answer}"
                )
            return
        if outcome == "corrected":
            self.corrected += 1
            if len(self.changed) < SHOWN:
                self.changed.append(f"line {row.line}: {row.id!r:.80}: was {before}, now {answer}")
        elif outcome in ("late", "fenced"):
            self.late += 1
            if row.place.period not in self.late_periods:
                self.late_periods.append(row.place.period)
        elif outcome == "same":
            self.same += 1
        else:
            self.new += 1

    def refuse(self) -> None:
        """Say that nothing was taken."""
        self.refused, self.would_take = True, self.taken + self.conflicts
        self.new = self.same = self.corrected = self.conflicts = self.late = 0
        for lines in (self.disputed, self.changed, self.late_periods):
            lines.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row that is a label: its line, its id as the file has it, and where it belongs."""

    line: int
    id: str
    place: Place
    answer: queue.Answer


def import_labels(
    conn: Connection,
    path: Path,
    *,
    stream: str,
    by: str,
    now: datetime,
    overwrite: bool = False,
    partial: bool = False,
    blind: bool = False,
) -> ImportReport:
    """Read labels from a file: prediction_id and label[, row, period, by, at, stream, comment].

    `by` and `now` stand in where the file does not say who answered and when; a time without a zone is UTC.
    Any form that `calib.tabular` reads will do. An answer that is empty or says that nothing is known yet
    (NA, pending) is skipped, and counted where a comment stands beside it. Rows that are not labels are
    counted with their lines, never guessed, and one of them is enough for nothing to be taken, unless
    `partial`. `DrawnRows.place` says which drawn row a
    row is; an id that was not drawn is counted as unknown, and is rejected where the row comes from an
    exported sheet. A row of another stream is rejected. Whoever answers again in a later file corrects the
    own answer; two answers in one file are a conflict. `overwrite` lets the file's answers replace those of
    others too. An answer is blind, so that agreement counts it, where nobody else answered the row before
    in the same exported sheet or, for rows of no exported sheet, at all; `blind` says so of every row.
    Raises `InvalidInput` for a file that cannot be read or lacks a column; the caller's transaction is then
    to be given up.
    """
    report = ImportReport()
    with conn.begin_nested() as all_or_nothing:
        reading = _Reading(
            conn=conn,
            drawn=DrawnRows(conn, stream),
            stream=stream,
            by=by,
            now=now,
            overwrite=overwrite,
            blind=blind,
        )
        for row in read_rows(path):
            reading.take(row, report)
        reading.label_waiting(report)
        if report.rejected_total and not partial:
            all_or_nothing.rollback()
            report.refuse()
    return report


class _NoLabelError(Exception):
    """Why a row is not a label."""


@dataclass(slots=True, kw_only=True)
class _Reading:
    """Rows wait here until they are labelled at once; an item's second row waits for its first."""

    conn: Connection
    drawn: DrawnRows
    stream: str
    by: str
    now: datetime
    overwrite: bool
    blind: bool
    waiting: dict[int, _Row] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)  # by an earlier row of this file

    def take(self, row: SheetRow, report: ImportReport) -> None:
        """Read one row."""
        if row.cut:
            report.reject(row.line, "the file ends inside this row")
            return
        word = meaning(row.answer)
        if word == "unknown":
            if row.cells["comment"].strip():
                report.unlabelled_comments.append(row.line)
            return
        try:
            if word is None:
                report.not_answers += 1
                raise _NoLabelError(
                    f"{row.answer!r:.40} is not an answer; write correct, incorrect or unsure"
                )
            at = _time(row.cells["at"].strip(), now=self.now) or self.now
            named = row.cells["stream"].strip()
            if named not in ("", self.stream):
                raise _NoLabelError(f"it belongs to the stream {named!r:.80}")
            place = self.drawn.place(row.cells)
        except NotFoundError as error:
            report.unknown += not error.ours
            if error.ours:
                report.reject(row.line, str(error))
            return
        except _NoLabelError as error:
            report.reject(row.line, str(error))
            return
        if place.item_id in self.waiting:
            self.label_waiting(report)
        answer = queue.Answer(
            item_id=place.item_id,
            answer=word,
            by=armed(row.cells["by"].strip()) or self.by,
            at=at,
            comment=armed(row.cells["comment"].strip()) or None,
            sheet=place.sheet,
        )
        id_ = row.cells["prediction_id"] or place.prediction_id
        self.waiting[place.item_id] = _Row(line=row.line, id=id_, place=place, answer=answer)

    def label_waiting(self, report: ImportReport) -> None:
        """Give their labels to the rows that wait."""
        for again in (False, True):
            rows = [row for item, row in self.waiting.items() if (item in self.answered) is again]
            items = [row.answer.item_id for row in rows]
            before = window_labels.counting_words(self.conn, items)
            seen = {} if self.blind else _sheets_of_answers(self.conn, items)
            labels = [_with_sight(row.answer, seen.get(row.answer.item_id, {})) for row in rows]
            results = queue.label_all(
                self.conn, labels, source="file", overwrite=self.overwrite, corrects=not again
            )
            for row, outcome in zip(rows, results, strict=True):
                report.count(row, outcome, before=before.get(row.answer.item_id))
        self.answered.update(self.waiting)
        self.waiting.clear()


def _sheets_of_answers(conn: Connection, items: Sequence[int]) -> dict[int, dict[str, set[str | None]]]:
    """The sheets that the answers to each item came from, by who gave them."""
    t = tables.labels
    sheets: dict[int, dict[str, set[str | None]]] = {}
    for start in range(0, len(items), queue.AT_ONCE):
        some = t.c.item_id.in_(list(items[start : start + queue.AT_ONCE])) & t.c.taken_back_at.is_(None)
        for row in conn.execute(select(t.c.item_id, t.c.by, t.c.sheet).where(some)):
            sheets.setdefault(row.item_id, {}).setdefault(row.by, set()).add(row.sheet)
    return sheets


def _with_sight(answer: queue.Answer, sheets: dict[str, set[str | None]]) -> queue.Answer:
    """The answer, marked where whoever gave it may have had somebody else's before them."""
    others = [theirs for by, theirs in sheets.items() if by != answer.by]
    seen = any(answer.sheet is None or answer.sheet in theirs for theirs in others)
    return replace(answer, blind=not seen)


def _time(text: str, *, now: datetime) -> datetime | None:
    if not text:
        return None
    when = time_of(text)
    if when is None:
        raise _NoLabelError(f"at is {text!r:.40}, no time; {TIME_FORM}")
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    if when > now + AHEAD:
        raise _NoLabelError(f"at is {text!r:.40}, which has not come yet; write when the answer was given")
    return when
