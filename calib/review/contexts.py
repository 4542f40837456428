"""What reviewers see of a row, and write beside an answer: which streams keep it, and erasing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, distinct, func, select, update

from calib.db import tables, windows
from calib.db.windows import Window

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
    old = select(w.c.id).where(w.c.stream == stream, _is_old(closed_before, unclosed=unclosed))
    rows = select(func.count()).select_from(t).where(t.c.window_id.in_(old), _has_text())
    erased = int(conn.execute(rows).scalar_one())
    _erase_comments(conn, old)
    where = t.c.window_id.in_(old) & t.c.context.is_not(None)
    conn.execute(update(t).where(where).values(context=None))
    return erased


def windows_to_erase(
    conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False
) -> list[Window]:
    """The windows of which `erase_context` would erase something."""
    w = tables.windows
    with_text = select(t.c.window_id).where(_has_text())
    query = select(w.c.id).where(w.c.stream == stream, _is_old(closed_before, unclosed=unclosed))
    ids = list(conn.execute(query.where(w.c.id.in_(with_text)).order_by(w.c.id)).scalars())
    return windows.by_ids(conn, ids)


def blank(conn: Connection, window_ids: Sequence[int]) -> None:
    """Take the texts out of contexts that are still to be erased in another program: they stay, empty."""
    ids = list(window_ids)
    _erase_comments(conn, select(tables.windows.c.id).where(tables.windows.c.id.in_(ids)))
    where = t.c.window_id.in_(ids) & t.c.context.is_not(None)
    conn.execute(update(t).where(where).values(context={}))


def _is_old(closed_before: datetime, *, unclosed: bool) -> ColumnElement[bool]:
    w = tables.windows
    is_old = (w.c.closed_at < closed_before) | (w.c.discarded_at < closed_before)
    if unclosed:
        is_old |= w.c.closed_at.is_(None) & (w.c.closes_at < closed_before)
    return is_old


def _has_text() -> ColumnElement[bool]:
    """Of a drawn row: a context is kept, or a comment beside an answer."""
    answers = tables.labels
    commented = select(answers.c.item_id).where(answers.c.comment.is_not(None))
    return t.c.context.is_not(None) | t.c.id.in_(commented)


def _erase_comments(conn: Connection, window_ids: Select[tuple[int]]) -> None:
    answers = tables.labels
    ours = answers.c.item_id.in_(select(t.c.id).where(t.c.window_id.in_(window_ids)))
    conn.execute(update(answers).where(ours, answers.c.comment.is_not(None)).values(comment=None))
