"""The labelled questions of a probe, from a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from calib.errors import InvalidInput
from calib.tabular import Texts, open_table

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
    table = open_table(path)
    rows = table.read(
        {"id": Texts("id"), "question": Texts("question", raw=True), "answer": Texts("answer", raw=True)}
    )
    if rows.rejected.get("cut_line"):
        raise InvalidInput(f"{path}: its last row was not written to its end: write the file anew")
    cells = [rows[name].values.tolist() for name in COLUMNS]
    return _checked(path, [dict(zip(COLUMNS, row, strict=True)) for row in zip(*cells, strict=True)])


def _checked(path: Path, rows: list[dict[str, str | None]]) -> tuple[Question, ...]:
    by_id: dict[str, Question] = {}
    for number, row in enumerate(rows, 1):
        values = {name: (row[name] or "").strip() for name in COLUMNS}
        for name in COLUMNS:
            if not values[name]:
                raise InvalidInput(f"{path}: {name} is empty in row {number}; fill it in or take the row out")
        if values["id"] in by_id:
            raise InvalidInput(
                f"{path}: the id {values['id']!r:.80} occurs twice; each question needs its own"
            )
        by_id[values["id"]] = Question(id=values["id"], text=values["question"], answer=values["answer"])
    if len(by_id) < FEWEST:
        raise InvalidInput(
            f"{path} has {len(by_id)} questions; a probe needs {FEWEST}, and some hundreds to see much"
        )
    return tuple(by_id.values())
