"""What reviewers see of a row, and write beside an answer: which streams keep it, and erasing it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, distinct, func, select, update

from calib.db import tables

t = tables.items


def streams_with_context(conn: Connection) -> list[str]:
    """The streams of which what reviewers see, or have written, is still kept, by name."""
    w, answers = tables.windows, tables.labels
    with_context = select(t.c.window_id).where(t.c.context.is_not(None))
    with_comment = select(t.c.window_id).join(answers, answers.c.item_id == t.c.id)
    with_comment = with_comment.where(answers.c.comment.is_not(None))
    kept = w.c.id.in_(with_context) | w.c.id.in_(with_comment)
    return list(conn.execute(select(distinct(w.c.stream)).where(kept).order_by(w.c.stream)).scalars())


def erase_context(conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False) -> int:
    """Erase what reviewers saw of windows that closed, or were discarded, before a moment, and what they wrote
    beside their answers; how many rows had either.

    With `unclosed` also of windows that nobody closed, though their labels were due before that moment.
    """
    w = tables.windows
    is_old = (w.c.closed_at < closed_before) | (w.c.discarded_at < closed_before)
    if unclosed:
        is_old |= w.c.closed_at.is_(None) & (w.c.closes_at < closed_before)
    old = select(w.c.id).where(w.c.stream == stream, is_old)
    answers = tables.labels
    commented = select(answers.c.item_id).where(answers.c.comment.is_not(None))
    has_text = t.c.context.is_not(None) | t.c.id.in_(commented)
    rows = conn.execute(select(func.count()).select_from(t).where(t.c.window_id.in_(old), has_text))
    erased = int(rows.scalar_one())
    ours = answers.c.item_id.in_(select(t.c.id).where(t.c.window_id.in_(old)))
    conn.execute(update(answers).where(ours, answers.c.comment.is_not(None)).values(comment=None))
    where = t.c.window_id.in_(old) & t.c.context.is_not(None)
    conn.execute(update(t).where(where).values(context=None))
    return erased
