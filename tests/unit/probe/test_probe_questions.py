"""Question files are read whole, or refused with the remedy."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from probes import questions, write_questions

from calib.errors import InvalidInput
from calib.probe import read_questions


def test_csv_and_parquet_hold_the_same_questions(tmp_path: Path) -> None:
    there = questions(tmp_path, 25)
    assert (len(there), there[3].id, there[3].text, there[3].answer) == (25, "q003", "What is 3 + 6?", "9")
    table = pa.table(
        {
            "id": [q.id for q in there],
            "question": [q.text for q in there],
            "answer": [int(q.answer) for q in there],
        }
    )
    pq.write_table(table, tmp_path / "sums.parquet")
    assert read_questions(tmp_path / "sums.parquet") == there


def test_an_edited_question_is_another_one(tmp_path: Path) -> None:
    one, other = questions(tmp_path, 25)[:2]
    assert len({one.digest, other.digest}) == 2
    assert len(one.digest) == 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("id,question\n1,a\n", "no column 'answer'"),
        ("id,question,answer\n1,a,b\n", "has 1 questions; a probe needs 20"),
        ("id,question,answer\n1,a,\n", "answer is empty in row 1"),
        ("id,question,answer\n1\n", "line 2: 1 cells where the first line names 3"),
        ("id,question,answer\n1,a,b\n1,c,d\n", "'1' occurs twice"),
        ('id,question,answer\n1,"a,b\n1,a,b\n', "line 2: a quotation mark"),
        ("PAR1 and nothing else", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "questions.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_questions(path)


def test_no_file_and_no_text_are_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"is not a file|zero bytes"):
        read_questions(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\x00\xfeid\n")
    with pytest.raises(InvalidInput, match=r"is not a file|zero bytes"):
        read_questions(tmp_path / "binary.csv")
    assert write_questions(tmp_path / "x.csv").exists()
