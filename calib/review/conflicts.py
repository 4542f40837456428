"""Where answers differ: people who differ, outcomes that were changed later; and who decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, exists, insert, select, update

from calib.db import tables, windows
from calib.errors import QueueError
from calib.review.labelling import ANSWERS, LONGEST_COMMENT, lock
from calib.text import storable

t, answers, w = tables.items, tables.labels, tables.windows
Decided = Literal["new", "same", "late"]
other, counting = answers.alias("other"), answers.alias("counting")
# Whoever corrects an own answer contradicts nobody; an outcome that was changed later contradicts itself.
STANDS = (answers.c.id == counting.c.id) | (
    answers.c.taken_back_at.is_(None)
    & ((answers.c.source == "outcome") | (answers.c.current & (answers.c.by != counting.c.by)))
)


class CountsMeanwhileError(QueueError):
    """Another answer counts than the one that somebody saw when they decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One answer to a row: whose it is, what they wrote beside it, and whether it is the one that counts.

    `decision`: it was given to settle a disagreement, with sight of the others.
    """

    by: str
    answer: str
    at: datetime
    comment: str | None
    counts: bool
    decision: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A drawn row with different answers: the one that counts first, the others in the order they came.

    `open`: the window waits for labels, so that the disagreement can still be decided. `counting`: the id of
    the answer that counts.
    """

    item_id: int
    counting: int
    period: str
    prediction_id: str
    opinions: tuple[Opinion, ...]
    open: bool

    @property
    def answers(self) -> tuple[str, ...]:
        """The different answers, the one that counts first."""
        return tuple(dict.fromkeys(opinion.answer for opinion in self.opinions))

    @property
    def decided_by(self) -> str | None:
        """Who settled it; None where nobody has."""
        return next((opinion.by for opinion in self.opinions if opinion.counts and opinion.decision), None)


def of_stream(
    conn: Connection, stream: str, *, period: str | None = None, undecided: bool = False
) -> list[Conflict]:
    """The stream's rows with different answers: the newest period first, then by id.

    `undecided`: only those that can be decided and were not.
    """
    differs = exists().where(other.c.item_id == t.c.id, other.c.answer != answers.c.answer)
    query = (
        select(
            t.c.id.label("item_id"),
            w.c.period,
            t.c.prediction_id,
            windows.WAITING.label("open"),
            t.c.label_id,
            answers,
        )
        .join(t, t.c.id == answers.c.item_id)
        .join(w, w.c.id == t.c.window_id)
        .join(counting, counting.c.id == t.c.label_id)
        .where(w.c.stream == stream, STANDS, differs)
        .order_by(w.c.ends_at.desc(), t.c.prediction_id, t.c.id, answers.c.id)
    )
    if period is not None:
        query = query.where(w.c.period == period)
    if undecided:  # so that the rows of one cohort are read, not those of every period
        query = query.where(windows.WAITING)
    opinions: dict[int, list[Opinion]] = {}
    items: dict[int, tuple[str, str, bool, int]] = {}
    for row in conn.execute(query):
        items[row.item_id] = (row.period, row.prediction_id, bool(row.open), row.label_id)
        opinions.setdefault(row.item_id, []).append(
            Opinion(
                by=row.by,
                answer=row.answer,
                at=row.at,
                comment=row.comment,
                counts=row.id == row.label_id,
                decision=row.source == "decision",
            )
        )
    all_of_them = [
        Conflict(
            item_id=item_id,
            counting=label_id,
            period=of_period,
            prediction_id=id_,
            opinions=tuple(sorted(opinions[item_id], key=lambda opinion: not opinion.counts)),
            open=is_open,
        )
        for item_id, (of_period, id_, is_open, label_id) in items.items()
    ]
    differing = [conflict for conflict in all_of_them if len(conflict.answers) > 1]
    return [c for c in differing if not undecided or (c.open and c.decided_by is None)]


def decide(
    conn: Connection,
    *,
    item_id: int,
    answer: str,
    by: str,
    at: datetime,
    comment: str | None = None,
    seen: int | None = None,
) -> Decided:
    """Settle a disagreement: this answer counts from now on, whoever gave which before.

    It is kept as a decision beside the answers, and agreement does not count it. `new`: it counts; `same`:
    the same person has decided so already; `late`: the window has been evaluated, and nothing was changed.
    `seen`: the id of the answer that counted when this person looked (`Conflict.counting`); where another one
    counts by now, nothing is changed, and `CountsMeanwhileError` is raised. None decides in any case.
    Raises `QueueError` for a word that is no answer, an item that there is not, and one without any answer.
    """
    if answer not in ANSWERS:
        raise QueueError(f"{answer!r:.40} is not an answer; the answers are {', '.join(ANSWERS)}")
    lock(conn, [item_id])
    query = select(t.c.label_id, windows.WAITING.label("open")).join(w, w.c.id == t.c.window_id)
    item = conn.execute(query.where(t.c.id == item_id)).first()
    if item is None:
        raise QueueError(f"the queue has no item {item_id}")
    if item.label_id is None:
        raise QueueError(f"item {item_id} has no answer yet: there is nothing to decide between")
    if not item.open:
        return "late"
    counting = conn.execute(select(answers).where(answers.c.id == item.label_id)).one()
    if (counting.source, counting.by, counting.answer) == ("decision", by, answer):
        return "same"
    if seen not in (None, item.label_id):
        raise CountsMeanwhileError(
            f"another answer to item {item_id} counts by now: read it, and decide again"
        )
    kept = storable(comment.strip(), LONGEST_COMMENT) or None if comment else None
    values = {"item_id": item_id, "answer": answer, "by": by, "at": at, "comment": kept}
    earlier = (answers.c.item_id == item_id) & (answers.c.source == "decision")
    conn.execute(update(answers).where(earlier).values(current=False))
    new = insert(answers).values(**values, source="decision", blind=False).returning(answers.c.id)
    conn.execute(update(t).where(t.c.id == item_id).values(label_id=conn.execute(new).scalar_one()))
    return "new"
