"""The labelled questions of a probe, from a CSV or Parquet file."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calib.errors import InvalidInput

COLUMNS = ("id", "question", "answer")
FEWEST = 20  # below that no test has anything to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question and the answer that counts as correct."""

    id: str
    text: str
    answer: str

    @property
    def digest(self) -> str:
        """SHA-256 of text and answer: an edited question is another one."""
        return hashlib.sha256(json.dumps([self.text, self.answer]).encode()).hexdigest()


def read_questions(path: Path) -> tuple[Question, ...]:
    """Read the columns id, question and answer.

    Raises `InvalidInput` for a file that cannot be read, a missing column, an empty cell, an id that is there
    twice, and fewer than 20 questions.
    """
    try:
        with path.open("rb") as file:
            parquet = file.read(4) == b"PAR1"
        rows = _parquet_rows(path) if parquet else _csv_rows(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as CSV or Parquet: {error}") from None
    return _checked(path, rows)


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        _have_columns(path, reader.fieldnames or ())
        return list(reader)


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        _have_columns(path, pyarrow.parquet.read_schema(path).names)
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path, columns=list(COLUMNS)).to_pylist()
    except pa.ArrowInvalid as error:
        raise InvalidInput(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    return rows


def _have_columns(path: Path, there: Iterable[str]) -> None:
    names = list(there)
    for name in COLUMNS:
        if name not in names:
            raise InvalidInput(
                f"{path} has no column {name!r}: questions have the columns id, question and answer; "
                f"it has {', '.join(map(repr, names)) or 'none'}"
            )


def _checked(path: Path, rows: list[dict[str, Any]]) -> tuple[Question, ...]:
    found: dict[str, Question] = {}
    for number, row in enumerate(rows, 1):
        values = {name: "" if row[name] is None else str(row[name]).strip() for name in COLUMNS}
        for name in COLUMNS:
            if not values[name]:
                raise InvalidInput(f"{path}: {name} is empty in row {number}; fill it in or take the row out")
        if values["id"] in found:
            raise InvalidInput(
                f"{path}: the id {values['id']!r:.80} is there twice; each question has its own"
            )
        found[values["id"]] = Question(id=values["id"], text=values["question"], answer=values["answer"])
    if len(found) < FEWEST:
        raise InvalidInput(
            f"{path} has {len(found)} questions; a probe needs {FEWEST}, and some hundreds to see much"
        )
    return tuple(found.values())
