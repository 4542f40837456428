"""The review queue: drawn rows wait here, are leased to reviewers, and get the one label that counts.

Leases are in `calib.review.claims`, answers in `calib.review.labelling`, both reached from here; taking back
and correcting in `calib.review.own_answers`, where people differ in `calib.review.conflicts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, distinct, func, insert, select

from calib.db import tables, windows
from calib.json_object import Json
from calib.review.claims import LEASE, Claim, claim, claimable, looked_at_twice, release, skip
from calib.review.labelling import (
    ANSWERS,
    AT_ONCE,
    PERSONS,
    Answer,
    LabelOutcome,
    answer,
    answer_all,
    label,
    label_all,
)

if TYPE_CHECKING:
    from calib.review.cohort import Cohort

__all__ = [
    "ANSWERS",
    "AT_ONCE",
    "LEASE",
    "Answer",
    "Claim",
    "LabelOutcome",
    "Progress",
    "ReviewerProgress",
    "answer",
    "answer_all",
    "begun",
    "claim",
    "claimable",
    "cohort",
    "enqueue",
    "items_of",
    "label",
    "label_all",
    "progress",
    "progress_by_reviewer",
    "release",
    "skip",
    "unlabelled",
]
t, answers = tables.items, tables.labels
USED = [column for column in t.c if column is not t.c.context]  # which is long, and not needed
COHORT = (
    select(*USED, answers.c.answer, answers.c.at.label("answered_at"), answers.c.source)
    .outerjoin(answers, answers.c.id == t.c.label_id)
    .where(t.c.window_id == bindparam("window"))
    .order_by(t.c.stratum, t.c.draw_order, t.c.prediction_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a window's labels are: its drawn rows, by their answers."""

    drawn: int
    correct: int
    incorrect: int
    unsure: int

    @property
    def missing(self) -> int:
        """Rows that nobody has answered."""
        return self.drawn - self.correct - self.incorrect - self.unsure

    @property
    def complete(self) -> bool:
        """Whether every drawn row has an answer, unsure ones included."""
        return self.missing == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerProgress:
    """What one person has answered of a window: rows, those of them unsure, and when last."""

    by: str
    answered: int
    unsure: int
    last_at: datetime


def enqueue(conn: Connection, window_id: int, drawn: Sequence[Json]) -> None:
    """Put a window's drawn rows up for review; rows that are there already are left as they are.

    Which of them two people look at is settled here, by the window's `double_review`.
    """
    queued = set(conn.execute(select(t.c.prediction_id).where(t.c.window_id == window_id)).scalars())
    new = [row for row in drawn if row["prediction_id"] not in queued]
    if new:
        w = tables.windows
        settings = conn.execute(select(w.c.settings).where(w.c.id == window_id)).scalar_one()
        share = settings.get("double_review", 0.0)
        rows = [
            {"window_id": window_id, "lease_token": 0, "twice": looked_at_twice(row["draw_order"], share)}
            | row
            for row in new
        ]
        conn.execute(insert(t), rows)


def begun(conn: Connection, window_id: int) -> bool:
    """Whether anybody has answered any of the window's rows."""
    query = select(t.c.id).where(t.c.window_id == window_id, t.c.label_id.is_not(None)).limit(1)
    return conn.execute(query).first() is not None


def progress(conn: Connection, window_id: int) -> Progress:
    """How many of the window's rows have which answer."""
    query = (
        select(answers.c.answer, func.count().label("rows"))
        .select_from(t)
        .outerjoin(answers, answers.c.id == t.c.label_id)
        .where(t.c.window_id == window_id)
        .group_by(answers.c.answer)
    )
    rows = {row.answer: int(row.rows) for row in conn.execute(query)}
    return Progress(drawn=sum(rows.values()), **{word: rows.get(word, 0) for word in ANSWERS})


def progress_by_reviewer(conn: Connection, window_id: int) -> list[ReviewerProgress]:
    """What each person has answered of a window, whoever's answer counts; most answers first."""
    unsure = func.count(distinct(answers.c.item_id)).filter(answers.c.answer == "unsure")
    query = (
        select(
            answers.c.by,
            func.count(distinct(answers.c.item_id)).label("answered"),
            unsure.label("unsure"),
            func.max(answers.c.at, type_=answers.c.at.type).label("last_at"),
        )
        .join(t, t.c.id == answers.c.item_id)
        .where(t.c.window_id == window_id, answers.c.current, answers.c.taken_back_at.is_(None))
        .where(answers.c.source.in_(PERSONS))
        .group_by(answers.c.by)
    )
    rows = [ReviewerProgress(**row._mapping) for row in conn.execute(query)]
    return sorted(rows, key=lambda row: (-row.answered, row.by))


def unlabelled(conn: Connection, window_id: int) -> list[str]:
    """The ids of the window's rows that have no label yet."""
    query = select(t.c.prediction_id).where(t.c.window_id == window_id, t.c.label_id.is_(None))
    return list(conn.execute(query).scalars())


def items_of(conn: Connection, window_id: int) -> dict[str, int]:
    """The queue's item for each prediction id that the window drew."""
    query = select(t.c.prediction_id, t.c.id).where(t.c.window_id == window_id)
    return {row.prediction_id: row.id for row in conn.execute(query)}


def cohort(
    conn: Connection, window_id: int, *, late: Sequence[int] = (), timezone: str | None = None
) -> Cohort:
    """The window's rows and labels as arrays. `late`: labels that count too, by id (`late_labels`).

    `timezone`: the window's own, looked up where None.
    """
    import numpy as np

    from calib.review.cohort import Cohort, day_columns

    rows = _answers(conn, window_id)
    value = {"correct": 1.0, "incorrect": 0.0}
    too = _answers_by_item(conn, late)
    answered = [too.get(row.id) if row.answer is None else row.answer for row in rows]
    return Cohort(
        id=tuple(row.prediction_id for row in rows),
        raw=np.array([row.raw for row in rows], dtype=np.float64),
        served=np.array([row.served for row in rows], dtype=np.float64),
        mapping=tuple(row.mapping for row in rows),
        stratum=np.array([row.stratum for row in rows], dtype=np.intp),
        probability=np.array([row.probability for row in rows], dtype=np.float64),
        correct=np.array([value.get(word or "", np.nan) for word in answered], dtype=np.float64),
        segment=tuple(row.segment for row in rows),
        cluster=tuple(row.cluster for row in rows),
        judge=np.array([np.nan if row.judge is None else row.judge for row in rows], dtype=np.float64),
        order=tuple(row.draw_order for row in rows),
        answered=np.array([word is not None for word in answered], dtype=bool),
        **day_columns(rows, timezone or windows.timezone(conn, window_id)),
    )


def _answers_by_item(conn: Connection, label_ids: Sequence[int]) -> dict[int, str]:
    words: dict[int, str] = {}
    for start in range(0, len(label_ids), AT_ONCE):
        some = list(label_ids[start : start + AT_ONCE])
        query = select(answers.c.item_id, answers.c.answer).where(answers.c.id.in_(some))
        words |= {row.item_id: row.answer for row in conn.execute(query)}
    return words


def _answers(conn: Connection, window_id: int) -> Sequence[Any]:
    return conn.execute(COHORT, {"window": window_id}).all()
