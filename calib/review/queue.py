"""The review queue: drawn rows wait here, are leased to reviewers, and get the one label that counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, distinct, func, insert, select, update

from calib.db import tables, windows
from calib.errors import QueueError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

t, answers = tables.items, tables.labels
ANSWERS = ("correct", "incorrect", "unsure")
LEASE = timedelta(minutes=30)

# `new`: it counts. `same`: that answer counts already. `conflict`: another one does. `fenced`: the item has
# gone to somebody else. `late`: the window has been evaluated. Whatever it is, who said what is kept.
Outcome = Literal["new", "same", "conflict", "fenced", "late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An item leased to a reviewer; the answer must come back with the token."""

    item_id: int
    token: int
    prediction_id: str
    period: str
    stream: str
    context: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a window's labels are; `conflicts` counts rows on which people differ."""

    drawn: int
    correct: int
    incorrect: int
    unsure: int
    conflicts: int

    @property
    def missing(self) -> int:
        """Rows that nobody has answered."""
        return self.drawn - self.correct - self.incorrect - self.unsure

    @property
    def begun(self) -> bool:
        """Whether anybody has answered anything."""
        return self.missing < self.drawn

    @property
    def complete(self) -> bool:
        """Whether every drawn row has an answer, unsure ones included."""
        return self.missing == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A window's drawn rows with their labels; arrays of shape (n,) in the order of the draw.

    `correct` is 1, 0, or NaN where the answer is missing or unsure; `answered` tells the two apart. `judge`
    is NaN where it has not scored. `order` is a row's place in the draw, over all strata.
    """

    id: tuple[str, ...]
    raw: npt.NDArray[np.float64]
    served: npt.NDArray[np.float64]
    mapping: tuple[str | None, ...]
    stratum: npt.NDArray[np.intp]
    probability: npt.NDArray[np.float64]
    correct: npt.NDArray[np.float64]
    segment: tuple[str | None, ...]
    cluster: tuple[str | None, ...]
    judge: npt.NDArray[np.float64]
    order: tuple[str, ...]
    answered: npt.NDArray[np.bool_]

    @property
    def unsure(self) -> int:
        """How many rows somebody looked at and could not tell."""
        return int((self.answered & (self.correct != self.correct)).sum())  # NaN


def enqueue(conn: Connection, window_id: int, drawn: Sequence[dict[str, Any]]) -> None:
    """Put a window's drawn rows up for review; rows that are there already are left as they are."""
    there = set(conn.execute(select(t.c.prediction_id).where(t.c.window_id == window_id)).scalars())
    new = [row for row in drawn if row["prediction_id"] not in there]
    if new:
        conn.execute(insert(t), [{"window_id": window_id, "lease_token": 0} | row for row in new])


def claim(
    conn: Connection, *, stream: str, by: str, now: datetime, lease: timedelta = LEASE, n: int = 1
) -> list[Claim]:
    """Lease up to `n` items, oldest window first, each window in the order of its draw.

    Unanswered ones first; when there are none left, those of the share `double_review` of the window's
    settings that one other person has answered: how far two people agree says how good the labels are. An
    item whose lease has run out is given to the next who asks; who asks again, as by loading a page anew,
    keeps their own items and tokens. Taken by compare-and-set: of two who reach for one item, one gets it.
    """
    claims = _take(conn, _waiting(stream, by, now).where(t.c.label_id.is_(None)), by, now, lease, n)
    if len(claims) < n:
        twice = _waiting(stream, by, now).where(t.c.label_id.is_not(None))
        claims += _take(conn, twice.where(_answered_by_one_other(by)), by, now, lease, n - len(claims))
    return claims


def looked_at_twice(draw_order: str, share: float) -> bool:
    """Whether a row is of the share that two people look at: by the last digits of its place in the draw,
    which say nothing of the first ones.

    >>> looked_at_twice("00000000000010a3", 0.1), looked_at_twice("000000000000f0a3", 0.1)
    (True, False)
    """
    return int(draw_order[-4:], 16) < share * 16**4


def _waiting(stream: str, by: str, now: datetime) -> Select[Any]:
    w = tables.windows
    return (
        select(t, w.c.period, w.c.stream, w.c.settings)
        .join(w, w.c.id == t.c.window_id)
        .where(w.c.stream == stream, w.c.state.in_(windows.LABELLED))
        .where((t.c.lease_until.is_(None)) | (t.c.lease_until <= now) | (t.c.leased_by == by))
        .order_by(w.c.ends_at, t.c.draw_order, t.c.id)
    )


def _answered_by_one_other(by: str) -> ColumnElement[bool]:
    said = select(answers.c.item_id).where(answers.c.item_id == t.c.id)
    people = select(func.count(distinct(answers.c.by))).where(answers.c.item_id == t.c.id).scalar_subquery()
    return ~said.where(answers.c.by == by).exists() & (people == 1)


def _take(
    conn: Connection, query: Select[Any], by: str, now: datetime, lease: timedelta, n: int
) -> list[Claim]:
    claims: list[Claim] = []
    for row in conn.execute(query):
        if len(claims) == n:
            break
        again = row.label_id is not None
        if again and not looked_at_twice(row.draw_order, row.settings.get("double_review", 0.0)):
            continue
        kept = row.leased_by == by and row.lease_until is not None and row.lease_until > now
        token = row.lease_token if kept else row.lease_token + 1
        free = (t.c.id == row.id) & (t.c.lease_token == row.lease_token)
        free &= t.c.label_id.is_not(None) if again else t.c.label_id.is_(None)
        taken = {"lease_token": token, "leased_by": by, "lease_until": now + lease}
        if conn.execute(update(t).where(free).values(**taken)).rowcount == 1:
            claims.append(
                Claim(
                    item_id=row.id,
                    token=token,
                    prediction_id=row.prediction_id,
                    period=row.period,
                    stream=row.stream,
                    context=row.context or {},
                )
            )
    return claims


def release(conn: Connection, *, item_id: int, token: int) -> bool:
    """Give an item back unanswered; False where the lease is no longer the caller's."""
    mine = (t.c.id == item_id) & (t.c.lease_token == token) & t.c.lease_until.is_not(None)
    return conn.execute(update(t).where(mine).values(leased_by=None, lease_until=None)).rowcount == 1


def answer(conn: Connection, *, item_id: int, token: int, answer: str, by: str, at: datetime) -> Outcome:
    """Label a leased item.

    The lease's token is a fence: where the item has gone to somebody else meanwhile, the answer is kept in
    the history but does not count. Raises `QueueError` for an item or an answer that there is not.
    """
    row = conn.execute(select(t.c.lease_token, t.c.leased_by).where(t.c.id == item_id)).first()
    if row is None:
        raise QueueError(f"there is no item {item_id} in the queue; take the next one")
    if row.lease_token != token or row.leased_by != by:
        _write(conn, item_id, _checked(answer), by=by, at=at, source="review")
        return "fenced"
    return label(conn, item_id=item_id, answer=answer, by=by, at=at, source="review")


def label(
    conn: Connection,
    *,
    item_id: int,
    answer: str,
    by: str,
    at: datetime,
    source: str,
    overwrite: bool = False,
) -> Outcome:
    """Give an item its label.

    Every differing answer is kept; the first one counts, or with `overwrite` the last. No label changes once
    the window has been evaluated: what was published rests on those that it had. Raises `QueueError` for a
    word that is no answer.
    """
    there = _counting(conn, item_id, _checked(answer))
    key = _write(conn, item_id, answer, by=by, at=at, source=source)
    if there is not None and not overwrite:
        return there
    w = tables.windows
    labelled = select(w.c.id).where(w.c.state.in_(windows.LABELLED))
    free = (t.c.id == item_id) & t.c.window_id.in_(labelled)
    if not overwrite:
        free &= t.c.label_id.is_(None)
    if conn.execute(update(t).where(free).values(label_id=key, lease_until=None)).rowcount == 1:
        return "same" if there == "same" else "new"
    return _counting(conn, item_id, answer) or "late"


def _checked(answer: str) -> str:
    if answer not in ANSWERS:
        raise QueueError(f"{answer!r:.40} is no answer; there are {', '.join(ANSWERS)}")
    return answer


def _counting(conn: Connection, item_id: int, answer: str) -> Literal["same", "conflict"] | None:
    """How an answer stands to the one that counts; None where none does yet."""
    query = select(answers.c.answer).join(t, t.c.label_id == answers.c.id).where(t.c.id == item_id)
    there = conn.execute(query).scalar()
    return None if there is None else "same" if there == answer else "conflict"


def _write(conn: Connection, item_id: int, answer: str, *, by: str, at: datetime, source: str) -> int:
    """Keep an answer; the same one by the same person is kept once."""
    same = select(answers.c.id).where(
        answers.c.item_id == item_id, answers.c.answer == answer, answers.c.by == by
    )
    found = conn.execute(same).scalar()
    if found is not None:
        return int(found)
    row = {"item_id": item_id, "answer": answer, "by": by, "at": at, "source": source}
    return int(conn.execute(insert(answers).values(**row).returning(answers.c.id)).scalar_one())


def progress(conn: Connection, window_id: int) -> Progress:
    """How many of the window's rows have which answer."""
    values = [row.answer for row in _answers(conn, window_id)]
    found = {word: values.count(word) for word in ANSWERS}
    return Progress(drawn=len(values), conflicts=len(conflicts(conn, window_id)), **found)


def conflicts(conn: Connection, window_id: int) -> dict[str, tuple[str, ...]]:
    """The window's rows on which people differ: every answer to each, the one that counts first."""
    query = (
        select(t.c.prediction_id, answers.c.answer)
        .join(t, t.c.id == answers.c.item_id)
        .where(t.c.window_id == window_id, t.c.label_id.is_not(None))
        .order_by(t.c.prediction_id, (answers.c.id == t.c.label_id).desc(), answers.c.id)
    )
    found: dict[str, dict[str, None]] = {}
    for row in conn.execute(query):
        found.setdefault(row.prediction_id, {})[row.answer] = None
    return {id_: tuple(words) for id_, words in found.items() if len(words) > 1}


def answered_twice(conn: Connection, window_id: int) -> list[tuple[str, str]]:
    """The first answers of the first two people, of each row of the window that two have answered."""
    query = (
        select(answers.c.item_id, answers.c.by, answers.c.answer)
        .join(t, t.c.id == answers.c.item_id)
        .where(t.c.window_id == window_id)
        .order_by(answers.c.item_id, answers.c.id)
    )
    said: dict[int, dict[str, str]] = {}
    for row in conn.execute(query):
        said.setdefault(row.item_id, {}).setdefault(row.by, row.answer)
    pairs = [tuple(people.values())[:2] for people in said.values() if len(people) > 1]
    return [(first, second) for first, second in pairs]


def unlabelled(conn: Connection, window_id: int) -> list[str]:
    """The ids of the window's rows that have no label yet."""
    query = select(t.c.prediction_id).where(t.c.window_id == window_id, t.c.label_id.is_(None))
    return list(conn.execute(query).scalars())


def items_of(conn: Connection, window_id: int) -> dict[str, int]:
    """The queue's item for each prediction id that the window drew."""
    query = select(t.c.prediction_id, t.c.id).where(t.c.window_id == window_id)
    return {row.prediction_id: row.id for row in conn.execute(query)}


def cohort(conn: Connection, window_id: int) -> Cohort:
    """The window's rows and labels as arrays."""
    import numpy as np

    found = _answers(conn, window_id)
    value = {"correct": 1.0, "incorrect": 0.0}
    return Cohort(
        id=tuple(row.prediction_id for row in found),
        raw=np.array([row.raw for row in found], dtype=np.float64),
        served=np.array([row.served for row in found], dtype=np.float64),
        mapping=tuple(row.mapping for row in found),
        stratum=np.array([row.stratum for row in found], dtype=np.intp),
        probability=np.array([row.probability for row in found], dtype=np.float64),
        correct=np.array([value.get(row.answer, np.nan) for row in found], dtype=np.float64),
        segment=tuple(row.segment for row in found),
        cluster=tuple(row.cluster for row in found),
        judge=np.array([np.nan if row.judge is None else row.judge for row in found], dtype=np.float64),
        order=tuple(row.draw_order for row in found),
        answered=np.array([row.answer is not None for row in found], dtype=bool),
    )


def streams_with_context(conn: Connection) -> list[str]:
    """The streams of which reviewers' context is still kept, by name."""
    w = tables.windows
    kept = select(t.c.window_id).where(t.c.context.is_not(None))
    query = select(distinct(w.c.stream)).where(w.c.id.in_(kept)).order_by(w.c.stream)
    return list(conn.execute(query).scalars())


def erase_context(conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False) -> int:
    """Erase what reviewers saw of windows that closed before a moment; how many rows that were.

    With `unclosed` also of windows that nobody closed, though their labels were due before that moment.
    """
    w = tables.windows
    is_old = w.c.closed_at < closed_before
    if unclosed:
        is_old |= w.c.closed_at.is_(None) & (w.c.closes_at < closed_before)
    old = select(w.c.id).where(w.c.stream == stream, is_old)
    where = t.c.window_id.in_(old) & t.c.context.is_not(None)
    return conn.execute(update(t).where(where).values(context=None)).rowcount


def _answers(conn: Connection, window_id: int) -> Sequence[Any]:
    query = (
        select(t, answers.c.answer)
        .outerjoin(answers, answers.c.id == t.c.label_id)
        .where(t.c.window_id == window_id)
        .order_by(t.c.stratum, t.c.draw_order, t.c.prediction_id)
    )
    return conn.execute(query).all()
