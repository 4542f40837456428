"""Labels by file: export what waits for an answer, import what was answered."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection, select

from calib.db import tables
from calib.errors import InvalidInput
from calib.review import queue

WORDS = {
    **dict.fromkeys(("correct", "right", "1", "1.0", "true", "yes", "y"), "correct"),
    **dict.fromkeys(("incorrect", "wrong", "0", "0.0", "false", "no", "n"), "incorrect"),
    **dict.fromkeys(("unsure", "?"), "unsure"),
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins so
REJECTS_SHOWN = 20


@dataclass(slots=True)
class ImportReport:
    """What an import did; `rejected` has the first rows that were no labels, by line."""

    new: int = 0
    same: int = 0
    conflicts: int = 0
    unknown: int = 0
    rejected_total: int = 0
    rejected: list[str] = field(default_factory=list)

    def reject(self, line: int, why: str) -> None:
        """Count a row that is no label."""
        self.rejected_total += 1
        if len(self.rejected) < REJECTS_SHOWN:
            self.rejected.append(f"line {line}: {why}")


def export(conn: Connection, stream: str, to: TextIO) -> int:
    """Write the stream's unanswered rows as CSV with an empty column `answer`; how many there are."""
    w, t = tables.windows, tables.items
    query = (
        select(w.c.period, t.c.prediction_id, t.c.context)
        .join(w, w.c.id == t.c.window_id)
        .where(w.c.stream == stream, w.c.state.in_(("sampled", "in_review")), t.c.label_id.is_(None))
        .order_by(w.c.ends_at, t.c.draw_order)
    )
    rows = conn.execute(query).all()
    context = sorted({key for row in rows for key in row.context or {}})
    writer = csv.writer(to)
    writer.writerow(["period", "prediction_id", *map(defused, context), "answer"])
    for row in rows:
        shown = [defused((row.context or {}).get(key) or "") for key in context]
        writer.writerow([row.period, defused(row.prediction_id), *shown, ""])
    return len(rows)


def import_labels(conn: Connection, path: Path, *, stream: str, by: str, now: datetime) -> ImportReport:
    """Read labels from a CSV with the columns prediction_id and answer, and optionally period and by.

    Rows that are no labels are counted with their lines, never guessed; an empty answer is skipped. Raises
    `InvalidInput` for a file that cannot be read or lacks a column.
    """
    w = tables.windows
    query = select(w.c.id, w.c.period).where(w.c.stream == stream).order_by(w.c.ends_at.desc())
    known = conn.execute(query).all()
    cache: dict[int, dict[str, int]] = {}
    report = ImportReport()
    for line, row in _rows(path):
        id_, said = armed(row.get("prediction_id") or ""), (row.get("answer") or "").strip().lower()
        if not said:
            continue
        word = WORDS.get(said)
        if not id_ or word is None:
            report.reject(line, f"{said!r:.40} is no answer" if id_ else "prediction_id is empty")
            continue
        period = (row.get("period") or "").strip()
        item = None
        for window in known:
            if period in ("", window.period):
                if window.id not in cache:
                    cache[window.id] = _items(conn, window.id)
                item = cache[window.id].get(id_)
                if item is not None:
                    break
        if item is None:
            report.unknown += 1
            continue
        who = (row.get("by") or "").strip() or by
        outcome = queue.label(conn, item_id=item, answer=word, by=who, at=now, source="file")
        if outcome == "conflict":
            report.conflicts += 1
        elif outcome == "same":
            report.same += 1
        else:
            report.new += 1
    return report


def defused(text: str) -> str:
    """The text as a spreadsheet may see it: never a formula."""
    return f"'{text}" if text.startswith((*FORMULA, "'")) else text


def armed(text: str) -> str:
    """What `defused` was given."""
    return text[1:] if text.startswith("'") else text


def _items(conn: Connection, window_id: int) -> dict[str, int]:
    t = tables.items
    query = select(t.c.prediction_id, t.c.id).where(t.c.window_id == window_id)
    return {row.prediction_id: row.id for row in conn.execute(query)}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            missing = [name for name in ("prediction_id", "answer") if name not in names]
            if missing:
                raise InvalidInput(
                    f"{path} has no column {missing[0]!r}; its first line must name prediction_id and answer"
                )
            for row in reader:
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as CSV in UTF-8: {error}") from None
