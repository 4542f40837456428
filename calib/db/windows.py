"""Windows: one stream in one period, from opening to closing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from calib.db import tables
from calib.errors import ConstraintViolated
from calib.json_object import Json

t = tables.windows
LABELLED = ("sampled", "in_review")  # labels still come in
OPEN = (*LABELLED, "evaluated")
STEPS = {"sampled": 0, "in_review": 1, "evaluated": 2, "closed": 3, "insufficient": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A row of `windows`; what it means is said in calib/db/tables.py."""

    id: int
    stream: str
    period: str
    channel: str
    replay: bool
    starts_at: datetime
    ends_at: datetime
    as_of: datetime
    closes_at: datetime
    opened_at: datetime
    state: str
    settings: Json
    design: Json
    baseline: Json
    population: int
    rejected: dict[str, int]
    sample_digest: str
    resets_baseline: bool
    evaluated_at: datetime | None
    closed_at: datetime | None
    result: Json | None


def find(conn: Connection, stream: str, period: str) -> Window | None:
    """The window of a stream and period; None where it was never opened."""
    row = conn.execute(select(t).where(t.c.stream == stream, t.c.period == period)).first()
    return None if row is None else _window(row)


def timezone(conn: Connection, window_id: int) -> str:
    """The time zone that bounds the window's period; UTC for a window that does not say."""
    settings = conn.execute(select(t.c.settings).where(t.c.id == window_id)).scalar_one()
    return str(settings.get("timezone", "UTC"))


def insert_new(conn: Connection, **columns: Any) -> int | None:
    """Insert a window and return its id; None where somebody else opened it first."""
    try:
        with conn.begin_nested():
            new = insert(t).values(resets_baseline=False, **columns).returning(t.c.id)
            return int(conn.execute(new).scalar_one())
    except ConstraintViolated:
        if find(conn, columns["stream"], columns["period"]) is None:
            raise
        return None


def advance(
    conn: Connection,
    window_id: int,
    *,
    expect: str,
    state: str,
    decided: Json | None = None,
    **columns: Any,
) -> bool:
    """Move a window forward, if it is still in the state that was seen; False where it is not.

    `decided`: the stored result that this step rests on; where another run has stored a different one since,
    nothing is moved. An evaluated window may be evaluated again. Raises `ValueError` for a step that would
    take a window back: a closed or insufficient window stays what it is.
    """
    again = expect == state == "evaluated"
    if STEPS[state] <= STEPS[expect] and not again:
        raise ValueError(f"a window cannot go from {expect} to {state}")
    where = (t.c.id == window_id) & (t.c.state == expect)
    if decided is not None:
        stored = conn.execute(select(t.c.result).where(where).with_for_update()).scalar()
        if stored != decided:
            return False
    return conn.execute(update(t).where(where).values(state=state, **columns)).rowcount == 1


def earlier(conn: Connection, stream: str, *, before: datetime) -> list[Window]:
    """The stream's windows that end at or before a moment, newest first."""
    query = select(t).where(t.c.stream == stream, t.c.ends_at <= before).order_by(t.c.ends_at.desc())
    return [_window(row) for row in conn.execute(query)]


def latest(conn: Connection, stream: str) -> Window | None:
    """The stream's window that ends last; None where it never had one."""
    query = select(t).where(t.c.stream == stream).order_by(t.c.ends_at.desc()).limit(1)
    row = conn.execute(query).first()
    return None if row is None else _window(row)


def unfinished(conn: Connection, stream: str) -> list[Window]:
    """The stream's windows that are neither closed nor insufficient, oldest first."""
    query = select(t).where(t.c.stream == stream, t.c.state.in_(OPEN)).order_by(t.c.ends_at)
    return [_window(row) for row in conn.execute(query)]


def named(conn: Connection, stream: str, periods: Iterable[str]) -> list[Window]:
    """The stream's windows of the given periods, oldest first."""
    query = select(t).where(t.c.stream == stream, t.c.period.in_(list(periods))).order_by(t.c.ends_at)
    return [_window(row) for row in conn.execute(query)]


def by_ids(conn: Connection, ids: Iterable[int]) -> list[Window]:
    """Windows by id, oldest first."""
    query = select(t).where(t.c.id.in_(list(ids))).order_by(t.c.ends_at)
    return [_window(row) for row in conn.execute(query)]


def _window(row: Row[Any]) -> Window:
    return Window(**{field.name: getattr(row, field.name) for field in fields(Window)})
