"""What reviewers see of a row, and write beside an answer: which streams keep it, and erasing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, distinct, func, select, update

from calib.db import tables, windows
from calib.db.windows import Window

t, answers = tables.items, tables.labels


def streams_with_context(conn: Connection) -> list[str]:
    """The streams of which what reviewers see, or have written, is still kept, by name."""
    w = tables.windows
    query = select(distinct(w.c.stream)).where(_has_texts()).order_by(w.c.stream)
    return list(conn.execute(query).scalars())


def erase_context(conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False) -> int:
    """Erase what reviewers saw, and wrote, of windows that closed, or were discarded, before a moment.

    With `unclosed` also of windows that nobody closed, though their labels were due before that moment. How
    many rows had either.
    """
    w = tables.windows
    old = select(w.c.id).where(w.c.stream == stream, _is_old(closed_before, unclosed=unclosed))
    ids = list(conn.execute(old.where(_has_texts())).scalars())
    commented = select(answers.c.item_id).where(answers.c.comment.is_not(None))
    has_text = t.c.context.is_not(None) | t.c.id.in_(commented)
    rows = select(func.count()).select_from(t).where(t.c.window_id.in_(ids), has_text)
    erased = int(conn.execute(rows).scalar_one())
    _erase_comments(conn, ids)
    where = t.c.window_id.in_(ids) & t.c.context.is_not(None)
    conn.execute(update(t).where(where).values(context=None))
    return erased


def windows_to_erase(
    conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False
) -> list[Window]:
    """The windows of which `erase_context` would erase something."""
    w = tables.windows
    query = select(w.c.id).where(w.c.stream == stream, _is_old(closed_before, unclosed=unclosed))
    ids = list(conn.execute(query.where(_has_texts()).order_by(w.c.id)).scalars())
    return windows.by_ids(conn, ids)


def blank(conn: Connection, window_ids: Sequence[int]) -> None:
    """Take the texts out of what is still to be erased in another program: contexts stay, empty."""
    _erase_comments(conn, window_ids)
    where = t.c.window_id.in_(list(window_ids)) & t.c.context.is_not(None)
    conn.execute(update(t).where(where).values(context={}))


def _has_texts() -> ColumnElement[bool]:
    """As a condition: a window that has contexts or comments."""
    w = tables.windows
    with_context = select(t.c.window_id).where(t.c.context.is_not(None))
    with_comment = select(t.c.window_id).join(answers, answers.c.item_id == t.c.id)
    return w.c.id.in_(with_context) | w.c.id.in_(with_comment.where(answers.c.comment.is_not(None)))


def _erase_comments(conn: Connection, window_ids: Sequence[int]) -> None:
    theirs = answers.c.item_id.in_(select(t.c.id).where(t.c.window_id.in_(list(window_ids))))
    conn.execute(update(answers).where(theirs, answers.c.comment.is_not(None)).values(comment=None))


def _is_old(closed_before: datetime, *, unclosed: bool) -> ColumnElement[bool]:
    w = tables.windows
    is_old = (w.c.closed_at < closed_before) | (w.c.discarded_at < closed_before)
    if unclosed:
        is_old |= w.c.closed_at.is_(None) & (w.c.closes_at < closed_before)
    return is_old
