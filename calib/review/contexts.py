"""What reviewers see of a row, question and answer: which streams keep it, and erasing it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, distinct, select, update

from calib.db import tables

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
    is_old = (w.c.closed_at < closed_before) | (w.c.discarded_at < closed_before)
    if unclosed:
        is_old |= w.c.closed_at.is_(None) & (w.c.closes_at < closed_before)
    old = select(w.c.id).where(w.c.stream == stream, is_old)
    where = t.c.window_id.in_(old) & t.c.context.is_not(None)
    return conn.execute(update(t).where(where).values(context=None)).rowcount
