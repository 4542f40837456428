"""Leases: who has which drawn row in hand. A claim reads indexes, with a limit, however large the cohort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    TextClause,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from calib.db import tables, windows
from calib.json_object import Json

t, answers, skipped, w = tables.items, tables.labels, tables.skipped_items, tables.windows
LEASE = timedelta(minutes=30)
SKIPPED_FOR = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An item leased to a reviewer; the answer must come back with the token.

    `second`: somebody else has answered it already, which the reviewer is not told. `raw`: the confidence
    that the model stated, which is shown after the answer.
    """

    item_id: int
    token: int
    prediction_id: str
    period: str
    stream: str
    context: Json
    window_id: int
    raw: float
    trace: str | None = None
    second: bool = False


def claim(
    conn: Connection, *, stream: str, by: str, now: datetime, lease: timedelta = LEASE, n: int = 1
) -> list[Claim]:
    """Lease up to `n` items, oldest window first, each window in the order of its draw.

    Unanswered ones first; when there are none left, those of the share `double_review` of the window's
    settings that one other person has answered: how far two people agree says how good the labels are. An
    item whose lease has run out is given to the next who asks; who asks again, as by loading a page anew,
    keeps their own items and tokens. An item that this person skipped is left out for a while. Taken by
    compare-and-set: of two who reach for one item, one gets it.
    """
    waiting = list(conn.execute(_waiting_windows(stream)))
    claims = _take(conn, conn.execute(_in_hand(waiting, by, now).limit(n)).all(), waiting, by, now, lease)
    for second in (False, True):
        for window in waiting:
            if second and not window.settings.get("double_review", 0.0):
                continue
            while len(claims) < n:
                rows = conn.execute(_free(window.id, by, now, second).limit(n - len(claims))).all()
                if not rows:
                    break
                claims += _take(conn, rows, waiting, by, now, lease)
    return claims


def claimable(conn: Connection, *, stream: str, by: str) -> int:
    """How many items this person could still answer: those without an answer, and second looks.

    Counted whoever has them in hand at the moment, and skipped ones too.
    """
    ids = [window.id for window in conn.execute(_waiting_windows(stream))]
    mine = select(func.count()).select_from(t).where(t.c.window_id.in_(ids))
    unanswered = mine.where(t.c.label_id.is_(None))  # two counts, each by its index
    second = mine.where(looked_at_once(), ~answered_by(by))
    return sum(int(conn.execute(query).scalar_one()) for query in (unanswered, second))


def release(conn: Connection, *, item_id: int, token: int, by: str) -> bool:
    """Give an item back at once; False where the lease is not this person's any more."""
    mine = (t.c.id == item_id) & (t.c.lease_token == token) & (t.c.leased_by == by)
    return conn.execute(update(t).where(mine).values(leased_by=None, lease_until=None)).rowcount == 1


def skip(
    conn: Connection,
    *,
    item_id: int,
    token: int,
    by: str,
    now: datetime,
    wait: timedelta = SKIPPED_FOR,
) -> bool:
    """Give an item back and do not offer it to the same person before `wait` is over; others get it at once.

    False where the lease is not this person's any more; nothing is changed then.
    """
    if not release(conn, item_id=item_id, token=token, by=by):
        return False
    conn.execute(delete(skipped).where(skipped.c.item_id == item_id, skipped.c.by == by))
    conn.execute(insert(skipped).values(item_id=item_id, by=by, until=now + wait))
    return True


def looked_at_twice(draw_order: str, share: float) -> bool:
    """Whether a row is of the share that two people look at: by the last digits of its place in the draw,
    which say nothing of the first ones.

    >>> looked_at_twice("00000000000010a3", 0.1), looked_at_twice("000000000000f0a3", 0.1)
    (True, False)
    """
    return int(draw_order[-4:], 16) < share * 16**4


def _waiting_windows(stream: str) -> Select[Any]:
    columns = (w.c.id, w.c.period, w.c.stream, w.c.settings)
    return select(*columns).where(w.c.stream == stream, windows.WAITING).order_by(w.c.ends_at, w.c.id)


def _rows(by: str, now: datetime) -> Select[Any]:
    columns = (t.c.id, t.c.window_id, t.c.prediction_id, t.c.context, t.c.trace, t.c.raw, t.c.label_id)
    leases = (t.c.lease_token, t.c.leased_by, t.c.lease_until)
    skips = select(skipped.c.id).where(skipped.c.item_id == t.c.id, skipped.c.by == by, skipped.c.until > now)
    return select(*columns, *leases).where(~skips.exists()).order_by(t.c.draw_order, t.c.id)


def _in_hand(waiting: Sequence[Any], by: str, now: datetime) -> Select[Any]:
    """The rows that this person has in hand already and has not answered."""
    mine = (t.c.leased_by == by) & (t.c.lease_until > now) & t.c.window_id.in_([row.id for row in waiting])
    unanswered = or_(t.c.label_id.is_(None), and_(looked_at_once(), ~answered_by(by)))
    return _rows(by, now).where(mine, unanswered)


def _free(window_id: int, by: str, now: datetime, second: bool) -> Select[Any]:
    """The next rows of a window that nobody has in hand. The conditions are those of the partial indexes.

    Rows that somebody is taking at this moment are passed over where the engine can do that: twenty people
    who ask at once do not wait for each other. Where it cannot, as in SQLite, transactions stand in line.
    """
    free = t.c.lease_until.is_(None) | (t.c.lease_until <= now)
    query = _rows(by, now).where(t.c.window_id == window_id, free).with_for_update(skip_locked=True)
    return query.where(looked_at_once(), ~answered_by(by)) if second else query.where(t.c.label_id.is_(None))


def looked_at_once() -> TextClause:
    """As a condition: a row that two people look at, and that one has answered; in the words of its index."""
    return text(tables.ONE_HAS_LOOKED)


def answered_by(by: str) -> ColumnElement[bool]:
    """As a condition: a row that this person has answered, and has not taken the answer back."""
    own = (answers.c.item_id == t.c.id) & (answers.c.by == by) & answers.c.taken_back_at.is_(None)
    return select(answers.c.id).where(own).exists()


def _take(
    conn: Connection, rows: Iterable[Any], waiting: Sequence[Any], by: str, now: datetime, lease: timedelta
) -> list[Claim]:
    as_read = (t.c.id == bindparam("read_id")) & (t.c.lease_token == bindparam("read_token"))
    as_read &= t.c.label_id.is_not_distinct_from(bindparam("read_label"))
    take = update(t).where(as_read).values(leased_by=by, lease_until=now + lease)
    window_by_id = {window.id: window for window in waiting}
    claims: list[Claim] = []
    for row in rows:
        still_leased = row.leased_by == by and row.lease_until is not None and row.lease_until > now
        token = row.lease_token if still_leased else row.lease_token + 1
        read = {"read_id": row.id, "read_token": row.lease_token, "read_label": row.label_id}
        if conn.execute(take, read | {"lease_token": token}).rowcount == 1:
            window = window_by_id[row.window_id]
            claims.append(
                Claim(
                    item_id=row.id,
                    token=token,
                    prediction_id=row.prediction_id,
                    period=window.period,
                    stream=window.stream,
                    context=row.context or {},
                    window_id=window.id,
                    raw=row.raw,
                    trace=row.trace,
                    second=row.label_id is not None,
                )
            )
    return claims
