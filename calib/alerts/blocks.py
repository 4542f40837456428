"""Slack's Block Kit within its limits: what is too long is split, what is too much is cut. Pure.

Limits: 50 blocks, 3,000 characters in a section, 150 in a header, about 13,200 in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from calib.alerts.words import Table
from calib.json_object import Json

SECTION, HEADER, TOTAL, MOST_BLOCKS = 3_000, 150, 13_000, 50
MOST_PART = 9_000  # characters of one part: a hostile one leaves room for the others
WIDEST = 24  # characters of a table's cell
CUT = "…(cut)"
HARMLESS = str.maketrans("`<>&", "'‹›+")  # in a table, where an escape would spoil the columns


def escaped(text: str) -> str:
    """Slack's own three characters escaped, so that no text calls a channel or makes a link.

    >>> escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, length: int, *, sign: str = "…") -> str:
    """At most `length` characters, and no half of an escaped one."""
    if len(text) <= length:
        return text
    if length < len(sign):
        return ""
    return re.sub(r"&[a-z]{0,3}$", "", text[: length - len(sign)]) + sign


def header(text: str) -> Json:
    """The header: one line of plain text."""
    plain = {"type": "plain_text", "text": cut(text, HEADER), "emoji": True}
    return {"type": "header", "text": plain}


def sections(texts: Iterable[str], *, room: int, blocks: int) -> list[Json]:
    """Escaped texts as sections, in their order, within so many characters and blocks."""
    made: list[Json] = []
    for text in texts:
        for piece in _pieces(cut(text, MOST_PART, sign=CUT)):
            if len(made) == blocks:
                return made
            fitting = cut(piece, room, sign=CUT)
            if not fitting:
                return made
            room -= len(fitting)
            made.append(section(fitting))
    return made


def section(text: str) -> Json:
    """One section of Slack's markup, taken as it is: nothing in it becomes a link or a mention by itself."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def drawn(table: Table) -> str:
    """A table in a fixed pitch, of plain text: columns aligned, numbers to the right.

    >>> print(drawn(Table(heads=("segment", "labels"), rows=(("billing", "212"), ("other", "1,288")))))
    segment  labels
    billing     212
    other     1,288
    """
    lines = [[_cell(cell) for cell in row] for row in (table.heads, *table.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.heads))]
    right = [
        i > 0 and all(re.fullmatch(r"[+\-–]?[\d.,]*", line[i]) for line in lines[1:])
        for i in range(len(table.heads))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def preformatted(text: str) -> str:
    """Escaped text in a fixed pitch."""
    return f"```{text}```"


def _cell(text: str) -> str:
    return cut(text.translate(HARMLESS), WIDEST)


def _pieces(text: str) -> Sequence[str]:
    """Pieces that fit into a section, divided between words and never inside an escaped character."""
    pieces = []
    while len(text) > SECTION:
        at = max(text.rfind(" ", 0, SECTION), text.rfind("\n", 0, SECTION))
        if at < SECTION // 2:
            at = SECTION
            half = re.search(r"&[a-z]{0,3}$", text[:at])
            at = half.start() if half else at
        pieces.append(text[:at])
        text = text[at:].lstrip(" ")
    return [*pieces, text] if text else pieces
