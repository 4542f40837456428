"""What reviewers see of a row, question and answer: which streams keep it, and erasing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, distinct, select, update

from calib.db import tables, windows
from calib.db.windows import Window

t = tables.items


def streams_with_context(conn: Connection) -> list[str]:
    """The streams of which reviewers' context is still kept, by name."""
    w = tables.windows
    with_context = select(t.c.window_id).where(t.c.context.is_not(None))
    query = select(distinct(w.c.stream)).where(w.c.id.in_(with_context)).order_by(w.c.stream)
    return list(conn.execute(query).scalars())


def erase_context(conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False) -> int:
    """Erase what reviewers saw of windows that closed, or were discarded, before a moment; how many rows.

    With `unclosed` also of windows that nobody closed, though their labels were due before that moment.
    """
    w = tables.windows
    old = select(w.c.id).where(w.c.stream == stream, _is_old(closed_before, unclosed=unclosed))
    where = t.c.window_id.in_(old) & t.c.context.is_not(None)
    return conn.execute(update(t).where(where).values(context=None)).rowcount


def windows_to_erase(
    conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False
) -> list[Window]:
    """The windows of which `erase_context` would erase something."""
    w = tables.windows
    with_context = select(t.c.window_id).where(t.c.context.is_not(None))
    query = select(w.c.id).where(w.c.stream == stream, _is_old(closed_before, unclosed=unclosed))
    ids = list(conn.execute(query.where(w.c.id.in_(with_context)).order_by(w.c.id)).scalars())
    return windows.by_ids(conn, ids)


def blank(conn: Connection, window_ids: Sequence[int]) -> None:
    """Take the texts out of contexts that are still to be erased in another program: they stay, empty."""
    where = t.c.window_id.in_(list(window_ids)) & t.c.context.is_not(None)
    conn.execute(update(t).where(where).values(context={}))


def _is_old(closed_before: datetime, *, unclosed: bool) -> ColumnElement[bool]:
    w = tables.windows
    is_old = (w.c.closed_at < closed_before) | (w.c.discarded_at < closed_before)
    if unclosed:
        is_old |= w.c.closed_at.is_(None) & (w.c.closes_at < closed_before)
    return is_old
