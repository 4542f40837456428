"""A table in a reply: Markdown or plain pipes, its heads in one row and their values in the next ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

RULE = re.compile(r"(?=[^-=\n]{0,40}[-=])[ \t|:+\-=]+")  # |---|:--:|
MOST_ROWS, MOST_CELLS = 50, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The heads of a table and its rows, each with as many cells; `start` is its place in the text.

    `ruled`: a rule stands below the heads. Without one, the first row may be no row of heads.
    """

    start: int
    ruled: bool
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(text: str) -> list[Table]:
    """All tables with at least two rows, and two columns unless a rule is drawn. Takes linear time.

    >>> [(t.heads, t.rows) for t in tables("| Answer | Confidence |\\n|---|---|\\n| Vienna | 0.9 |")]
    [(('Answer', 'Confidence'), (('Vienna', '0.9'),))]
    """
    if "|" not in text:
        return []
    tables_in_text: list[Table] = []
    start = 0
    block: list[str] = []
    at = 0
    for line in [*text.split("\n"), ""]:
        if "|" in line or (block and RULE.fullmatch(line.rstrip("\r"))):
            if not block:
                start = at
            block.append(line)
        elif block:
            if (table := _table(start, block)) is not None:
                tables_in_text.append(table)
            block = []
        at += len(line) + 1
    return tables_in_text


def _table(start: int, lines: list[str]) -> Table | None:
    """The table that neighbouring lines with bars make, if they make one."""
    rows = [_cells(line) for line in lines if not RULE.fullmatch(line.rstrip("\r"))]
    ruled = len(lines) > 1 and len(rows) < len(lines)
    piped = all(line.lstrip().startswith("|") for line in lines)
    if not (2 <= len(rows) <= MOST_ROWS and (ruled or piped)):
        return None
    heads, *values = rows
    if not (1 if ruled and piped else 2) <= len(heads) <= MOST_CELLS or any(
        len(row) != len(heads) for row in values
    ):
        return None
    return Table(start=start, ruled=ruled, heads=heads, rows=tuple(values))


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return tuple(cell.strip(" \t\r*_`") for cell in inner.split("|"))
