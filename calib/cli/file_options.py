"""What every verb on files has in common: its options, and what it says of a file that it read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

Confidence = Annotated[str | None, typer.Option(help="The column of confidences in [0, 1].")]
Correct = Annotated[
    str | None, typer.Option(help="The column of answers, 1 or 0; with --answer, of right answers.")
]
Weight = Annotated[str | None, typer.Option(help="A column of weights.")]
Prediction = Annotated[
    str | None,
    typer.Option(
        "--prediction",
        metavar="COLUMN",
        help="The predicted class: right where it is the same as `label`.",
    ),
]
Answer = Annotated[
    str | None,
    typer.Option(
        "--answer",
        metavar="COLUMN",
        help="The model's answer: right where it is what `correct` holds.",
    ),
]
Scale = Annotated[float, typer.Option("--scale", help="What confidences are out of: 100 for percent.")]
AllowRejected = Annotated[
    float | None,
    typer.Option(
        "--allow-rejected", metavar="SHARE", help="The share of rows that may be unreadable; default 0.05."
    ),
]


def columns_line(read: Mapping[str, Any]) -> str:
    """Which columns were used for what; a guess is said.

    >>> columns_line({"columns": {"confidence": "score", "correct": "correct"}, "guessed": ["confidence"]})
    "confidence 'score' (guessed), correct 'correct'"
    """
    return ", ".join(
        f"{role} {name!r}{' (guessed)' if role in read['guessed'] else ''}"
        for role, name in read["columns"].items()
    )


def left_out(read: Mapping[str, Any]) -> str:
    """The rows that are not counted, by kind, and those that were rounded; empty where there are none.

    >>> left_out({"rejected": {"cut_line": 1}, "rounded": 2})
    '1 cut line; 2 confidences just beyond 0 or 1 were taken as the end'
    """
    kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in read["rejected"].items())
    n = read["rounded"]
    ends = f"{n:,} confidences just beyond 0 or 1 were taken as the end" if n else ""
    return "; ".join(filter(None, (kinds, ends)))
