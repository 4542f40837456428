"""The first row of each kind that does not count: what it holds, what that looks like, and where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis

from calib.redaction import redacted
from calib.tabular import open_table
from calib.tabular.many import PLACE
from calib.tabular.rules import number_of
from calib.text import one_line
from calib.traffic import expressions as x
from calib.traffic import rules
from calib.traffic.values import Columns, Interval, Offending
from calib.vocabulary import meaning

SHOWN = 40  # characters of a value in a message
OF_COLUMN = {"missing_id": "id", "rounded_id": "id", "bad_timestamp": "ts"}  # else the confidence


def expression(
    table: Any, clock: rules.Clock, columns: Columns, scope: Mapping[str, str], interval: Interval, kind: str
) -> Any:
    """The first row of a kind: by file and record where these are known, else by time and id."""
    code = x.reject(table, columns, scope)
    if kind == "bad_timestamp":
        chosen = clock.unreadable() & (code != x.CODES["out_of_scope"])
    else:
        chosen = clock.within(interval.start, interval.end).fill_null(False) & (code == x.CODES[kind])
    id_ = rules.text_of(table[columns.id])
    selected = {"id": id_, "value": table[_column(columns, kind)].cast("string")}
    selected |= {"ts": table[columns.ts].cast("string")}
    if placed := PLACE[0] in table.columns:
        selected |= {"file": table[PLACE[0]], "record": table[PLACE[1]]}
    rows = table.filter(chosen).select(**selected)
    return rows.order_by(["file", "record"] if placed else ["ts", "id"]).limit(1)


def row_of(row: Mapping[str, Any], table: Any, columns: Columns, kind: str, *, base: Path) -> Offending:
    """The row as it may be shown: one line, short, no secret; its file is named from `base` on."""
    name = _column(columns, kind)
    value = row["value"]
    return Offending(
        kind=kind,
        column=name,
        value=None if kind == "out_of_scope" else shown(value),
        looks=look(value, table[name].type()),
        id=None if row["id"] is None else shown(row["id"]),
        where=place(row, base),
    )


def shown(value: str | None) -> str:
    """A cell for a message.

    >>> shown("85%"), shown(None), shown("x" * 50)
    ("'85%'", 'nothing', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…")
    """
    if value is None:
        return "nothing"
    text = repr(one_line(redacted(value[: 4 * SHOWN])))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def look(value: str | None, kind: Any) -> str:
    """What a value looks like, without the value: an alert must not hold a person's text.

    >>> import ibis.expr.datatypes as dt
    >>> look("true", dt.boolean), look("85%", dt.string), look("Anna", dt.string), look("nan", dt.float64)
    ('true or false', 'text with a percent sign', 'text', 'NaN')
    """
    if value is None or not value.strip():
        return "nothing"
    if kind.is_boolean():
        return "true or false"
    if kind.is_floating():
        return "NaN" if value.strip().lower() == "nan" else "a number"
    text = value.strip().lower()
    if text in ("true", "false"):
        return "true or false"
    if text in ("nan", "-nan"):
        return "NaN"
    if text.endswith("%"):
        return "text with a percent sign"
    if "," in text and text.replace(",", "", 1).lstrip("+-").isdigit():
        return "text with a decimal comma"
    if number_of(text) is not None:
        return "a number"
    return "text" if kind.is_string() else f"values of type {kind}"


def place(row: Mapping[str, Any], base: Path) -> str | None:
    """The file and the line of a row, or its number in the file; None where an engine holds the rows."""
    if row.get("file") is None:
        return None
    if not (path := Path(row["file"])).is_file():  # an object in a store
        return f"{row['file']}, row {int(row['record']) + 1}"
    return open_table(path).place(int(row["record"])).removeprefix(f"{base}/")


def _column(columns: Columns, kind: str) -> str:
    return str(getattr(columns, OF_COLUMN.get(kind, "confidence")))


def values(table: Any, clock: rules.Clock, name: str, interval: Interval, *, most: int) -> Any:
    """The texts of a column in an interval, the most frequent ones, with how many rows hold each."""
    inside = table.filter(clock.within(interval.start, interval.end).fill_null(False))
    rows = inside.select(word=rules.text_of(inside[name]))
    counted = rows.group_by("word").agg(n=rows.count())
    return counted.order_by([ibis.desc("n"), "word"]).limit(most)


def short(text: str | None) -> str:
    """A text by the one rule in at most `SHOWN` characters; empty where it is missing."""
    return one_line(redacted(text))[:SHOWN] if text is not None else ""


def by_meaning(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, int], str | None]:
    """Rows by what their word says of an answer, and the most frequent word that says nothing known."""
    counts = dict.fromkeys(("correct", "incorrect", "not_yet_known", "not_an_answer"), 0)
    first = None
    for row in rows:
        answer = "unknown" if row["word"] is None else meaning(row["word"])
        if answer in ("correct", "incorrect"):
            counts[answer] += int(row["n"])
        elif answer == "unknown":
            counts["not_yet_known"] += int(row["n"])
        else:
            counts["not_an_answer"] += int(row["n"])
            first = first or shown(row["word"])
    return counts, first
