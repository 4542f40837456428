"""Files of labelled rows as people have them: every dialect, and the same rows in all of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from typing import Any

from backports import zstd
from hypothesis import strategies as st

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")
WORDS = [
    ("1", "0"),
    ("1.0", "0.0"),
    ("true", "false"),
    ("Yes", "NO"),
    ("correct", "wrong"),
    ("✓", "✗"),
    ("t", "f"),
]
HEADERS = [
    ("confidence", "correct"),
    (" Confidence ", "CORRECT"),
    ("Raw_Confidence", "is_correct"),
    ("score", "label"),
]
CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), max_size=40
) | st.sampled_from(
    [
        "",
        'say "hi", ok',
        "a\nb",
        "a\r\nb\n\nc",
        "x,0.9,1\ny,0.1,0",
        "0,5;1",
        "=1+1",
        "\t",
        '"',
        '""',
        "é",
        "'",
    ]
)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str
    quoting: int
    ends: str
    encoding: str
    packed: str
    decimal_comma: bool


DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(ENCODINGS),
    packed=st.sampled_from(["", "gz", "zst"]),
    decimal_comma=st.booleans(),
)


@dataclass(frozen=True)
class Row:
    """A row and what is right of it."""

    text: str
    confidence: float
    right: bool


ROWS = st.lists(
    st.builds(
        Row,
        text=CELLS,
        confidence=st.integers(0, 1000).map(lambda k: k / 1000),
        right=st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def number(value: float, dialect: Dialect) -> str:
    """The number as the dialect writes it."""
    text = repr(value)
    return text.replace(".", ",") if dialect.decimal_comma and dialect.delimiter != "," else text


def csv_bytes(rows: list[Row], dialect: Dialect, header: tuple[str, str], words: tuple[str, str]) -> bytes:
    """The rows as a CSV file, packed."""
    text = io.StringIO(newline="")
    # before Python 3.13 its writer leaves a character that ends lines elsewhere unquoted
    lone = any(end not in dialect.ends and end in row.text for row in rows for end in "\r\n")
    quoting = csv.QUOTE_ALL if lone else dialect.quoting
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator=dialect.ends, quoting=quoting)
    writer.writerow([header[0], "question", header[1]])
    writer.writerows([number(row.confidence, dialect), row.text, words[not row.right]] for row in rows)
    return packed(text.getvalue().encode(dialect.encoding), dialect.packed)


def jsonl_bytes(rows: list[Row], words: tuple[Any, Any]) -> bytes:
    """The rows as JSON Lines, with the confidence one field deeper."""
    return b"".join(
        json.dumps(
            {"reply": {"confidence": row.confidence}, "q": row.text, "correct": words[not row.right]}
        ).encode()
        + b"\n"
        for row in rows
    )


def packed(content: bytes, how: str) -> bytes:
    """The bytes, compressed."""
    if how == "gz":
        return gzip.compress(content, 1)
    return zstd.compress(content) if how == "zst" else content
