"""One's own answers: listed, corrected and taken back, until their window is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, func, select, update

from calib.db import tables, windows
from calib.errors import QueueError
from calib.json_object import Json
from calib.review.claims import LEASE
from calib.review.labelling import PERSONS, Answer, LabelOutcome, count_people, label_all, lock

t, answers, w = tables.items, tables.labels, tables.windows
TakenBack = Literal["taken_back", "late", "nothing"]
BY_A_PERSON = answers.c.source.in_(PERSONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswer:
    """What somebody said of an item last. `counts`: it is its label. `open`: it can still be changed."""

    item_id: int
    prediction_id: str
    period: str
    answer: str
    comment: str | None
    at: datetime
    raw: float
    counts: bool
    open: bool
    context: Json


def own_answers(
    conn: Connection, *, stream: str, by: str, limit: int = 50, offset: int = 0
) -> list[OwnAnswer]:
    """The last answer of one person to each item of a stream, the newest first."""
    query = (
        select(
            t.c.id.label("item_id"),
            t.c.prediction_id,
            w.c.period,
            answers.c.answer,
            answers.c.comment,
            answers.c.at,
            t.c.raw,
            (t.c.label_id == answers.c.id).label("counts"),
            windows.WAITING.label("open"),
            t.c.context,
        )
        .join(t, t.c.id == answers.c.item_id)
        .join(w, w.c.id == t.c.window_id)
        .where(answers.c.by == by, w.c.stream == stream, BY_A_PERSON)
        .where(answers.c.current, answers.c.taken_back_at.is_(None))
        .order_by(answers.c.at.desc(), answers.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [
        OwnAnswer(
            **{
                **row._mapping,
                "counts": bool(row.counts),
                "open": bool(row.open),
                "context": row.context or {},
            }
        )
        for row in conn.execute(query)
    ]


def correct(
    conn: Connection, *, item_id: int, answer: str, by: str, at: datetime, comment: str | None = None
) -> LabelOutcome:
    """Change one's own answer; what became of the new one.

    `corrected`: it counts. `conflict` and `same`: somebody else's answer counts, and this one is kept beside
    it in the place of one's earlier one. `late`: the window has been evaluated; nothing was changed. Raises
    `QueueError` where this person has not answered the item.
    """
    lock(conn, [item_id])
    if not _own(conn, item_id, by):
        raise QueueError(f"there is no answer of yours to item {item_id} to correct")
    if not _waits(conn, item_id):
        return "late"
    said = Answer(item_id=item_id, answer=answer, by=by, at=at, comment=comment)
    return label_all(conn, [said], source="review")[0]


def take_back(
    conn: Connection, *, item_id: int, by: str, at: datetime, lease: timedelta = LEASE
) -> TakenBack:
    """Take one's own answer back, and have the item in hand again, so that the next claim gives it.

    Where somebody else has answered too, their answer counts from now on. The history keeps what was taken
    back, and agreement does not count it. `late`: the window has been evaluated; `nothing`: there is no
    answer of this person. Nothing is changed then.
    """
    lock(conn, [item_id])
    own = _own(conn, item_id, by)
    if not own:
        return "nothing"
    if not _waits(conn, item_id):
        return "late"
    conn.execute(update(answers).where(answers.c.id.in_(own)).values(taken_back_at=at))
    others = select(func.min(answers.c.id)).where(
        answers.c.item_id == item_id, answers.c.current, answers.c.taken_back_at.is_(None)
    )
    counted = (t.c.id == item_id) & t.c.label_id.in_(own)
    conn.execute(update(t).where(counted).values(label_id=others.scalar_subquery()))
    in_nobodys = t.c.lease_until.is_(None) | (t.c.lease_until <= at) | (t.c.leased_by == by)
    take = update(t).where(t.c.id == item_id, in_nobodys)
    conn.execute(take.values(leased_by=by, lease_until=at + lease, lease_token=t.c.lease_token + 1))
    count_people(conn, [item_id])
    return "taken_back"


def _own(conn: Connection, item_id: int, by: str) -> list[int]:
    """The ids of this person's answers to an item that were not taken back."""
    query = select(answers.c.id).where(answers.c.item_id == item_id, answers.c.by == by, BY_A_PERSON)
    return list(conn.execute(query.where(answers.c.taken_back_at.is_(None))).scalars())


def _waits(conn: Connection, item_id: int) -> bool:
    """Whether labels of the item's window still count."""
    query = select(t.c.id).join(w, w.c.id == t.c.window_id).where(t.c.id == item_id, windows.WAITING)
    return conn.execute(query).first() is not None
