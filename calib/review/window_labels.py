"""The labels of whole windows: which count, where people differ, which came late, what is taken over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, distinct, func, insert, select, update

from calib.db import tables
from calib.review.conflicts import STANDS, counting
from calib.review.labelling import AT_ONCE, count_people
from calib.review.queue import items_of

t, answers = tables.items, tables.labels


def counting_labels(conn: Connection, window_ids: Sequence[int]) -> list[int]:
    """The ids of the labels that count in these windows, in order."""
    mine = t.c.window_id.in_(list(window_ids)) & t.c.label_id.is_not(None)
    return list(conn.execute(select(t.c.label_id).where(mine).order_by(t.c.label_id)).scalars())


def counting_words(conn: Connection, item_ids: Sequence[int]) -> dict[int, str]:
    """The answer that counts, by item; items without one are left out."""
    words_by_item: dict[int, str] = {}
    for start in range(0, len(item_ids), AT_ONCE):
        some = t.c.id.in_(list(item_ids[start : start + AT_ONCE]))
        query = select(t.c.id, answers.c.answer).join(answers, answers.c.id == t.c.label_id).where(some)
        words_by_item |= {row.id: row.answer for row in conn.execute(query)}
    return words_by_item


def late_labels(conn: Connection, window_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Of each row of the windows that no label counts for, the first answer that was kept all the same.

    Of a window that has been evaluated these are the labels that came too late. Their ids in order, by
    window; windows without any are left out.
    """
    first = func.min(answers.c.id).label("first")
    query = (
        select(t.c.window_id, first)
        .join(t, t.c.id == answers.c.item_id)
        .where(t.c.window_id.in_(list(window_ids)), t.c.label_id.is_(None), answers.c.taken_back_at.is_(None))
        .group_by(t.c.window_id, answers.c.item_id)
        .order_by(first)
    )
    by_window: dict[int, tuple[int, ...]] = {}
    for row in conn.execute(query):
        by_window[row.window_id] = (*by_window.get(row.window_id, ()), row.first)
    return by_window


def carry_over(conn: Connection, window_id: int, *, earlier: Sequence[int]) -> int:
    """Give a window's rows all answers that rows of the same ids have in earlier windows; how many count.

    `earlier`: windows by id, the newest first. The answer that counted there counts here, that of the newest
    where several did; where none did, the first that was kept. Who said what, when, and what they wrote
    beside it comes along; what somebody took back does not.
    """
    mine = items_of(conn, window_id)
    order = {id_: place for place, id_ in enumerate(earlier)}
    query = (
        select(t.c.window_id, t.c.prediction_id, t.c.label_id, answers)
        .join(answers, answers.c.item_id == t.c.id)
        .where(t.c.window_id.in_(list(earlier)), answers.c.taken_back_at.is_(None))
        .order_by(answers.c.id)
    )
    answers_by_item: dict[int, dict[tuple[str, str, bool], Any]] = {}
    counts: dict[int, tuple[tuple[int, int], tuple[str, str, bool]]] = {}
    for row in conn.execute(query).all():
        item = mine.get(row.prediction_id)
        if item is None:
            continue
        answers_by_item.setdefault(item, {}).setdefault(_said(row), row)
        rank = (0 if row.label_id == row.id else 1, order[row.window_id])
        if item not in counts or rank < counts[item][0]:
            counts[item] = (rank, _said(row))
    as_they_are = [name for name in answers.c.keys() if name not in ("id", "item_id")]  # noqa: SIM118
    rows = [
        {"item_id": item} | {name: getattr(answer, name) for name in as_they_are}
        for item, people in answers_by_item.items()
        for answer in people.values()
    ]
    for start in range(0, len(rows), AT_ONCE):
        conn.execute(insert(answers).values(rows[start : start + AT_ONCE]))
    items = sorted(answers_by_item)
    for start in range(0, len(items), AT_ONCE):
        count_people(conn, items[start : start + AT_ONCE])
    stored = select(answers.c.id, answers.c.item_id, answers.c.answer, answers.c.by, answers.c.source).join(
        t, t.c.id == answers.c.item_id
    )
    counts_now = [
        {"item": row.item_id, "counts": row.id}
        for row in conn.execute(stored.where(t.c.window_id == window_id)).all()
        if row.item_id in counts and counts[row.item_id][1] == _said(row)
    ]
    if counts_now:
        change = update(t).where(t.c.id == bindparam("item")).values(label_id=bindparam("counts"))
        conn.execute(change, counts_now)
    return len(counts_now)


def _said(row: Any) -> tuple[str, str, bool]:
    """An answer by what was said by whom, and whether it settled a disagreement."""
    return row.answer, row.by, row.source == "decision"


def serve_again(
    conn: Connection, window_id: int, at: Callable[[datetime, float, str | None], tuple[str | None, float]]
) -> None:
    """Give every row of a window what `at` says was served: from its time, raw confidence and segment."""
    rows = conn.execute(select(t.c.id, t.c.ts, t.c.raw, t.c.segment).where(t.c.window_id == window_id)).all()
    values = []
    for row in rows:
        mapping, served = at(row.ts, row.raw, row.segment)
        values.append({"item": row.id, "now_served": served, "now_mapping": mapping})
    if values:
        change = update(t).where(t.c.id == bindparam("item"))
        conn.execute(change.values(served=bindparam("now_served"), mapping=bindparam("now_mapping")), values)


def conflicts(conn: Connection, window_id: int) -> dict[str, tuple[str, ...]]:
    """The window's rows with different answers: every answer to each, the one that counts first."""
    query = (
        select(t.c.prediction_id, answers.c.answer)
        .join(t, t.c.id == answers.c.item_id)
        .join(counting, counting.c.id == t.c.label_id)
        .where(t.c.window_id == window_id, STANDS)
        .order_by(t.c.prediction_id, (answers.c.id == t.c.label_id).desc(), answers.c.id)
    )
    words_by_id: dict[str, dict[str, None]] = {}
    for row in conn.execute(query):
        words_by_id.setdefault(row.prediction_id, {})[row.answer] = None
    return {id_: tuple(words) for id_, words in words_by_id.items() if len(words) > 1}


def answered_twice(conn: Connection, *window_ids: int) -> list[tuple[str, str]]:
    """The first answers of the first two people, of each row of windows that two have answered blindly.

    Window after window, in the order given. An answer that was given with sight of another one, and one that
    was taken back, is not a second opinion.
    """
    given = t.c.window_id.in_(window_ids) & answers.c.blind & answers.c.taken_back_at.is_(None)
    mine = select(answers.c.item_id).join(t, t.c.id == answers.c.item_id).where(given)
    by_two = mine.group_by(answers.c.item_id).having(func.count(distinct(answers.c.by)) > 1)
    query = (
        select(t.c.window_id, answers.c.item_id, answers.c.by, answers.c.answer)
        .join(t, t.c.id == answers.c.item_id)
        .where(given, answers.c.item_id.in_(by_two))
        .order_by(answers.c.item_id, answers.c.id)
    )
    answers_by_item: dict[int, dict[int, dict[str, str]]] = {id_: {} for id_ in window_ids}
    for row in conn.execute(query):
        answers_by_item[row.window_id].setdefault(row.item_id, {}).setdefault(row.by, row.answer)
    people_of_item = [people for items in answers_by_item.values() for people in items.values()]
    pairs = [tuple(people.values())[:2] for people in people_of_item]
    return [(first, second) for first, second in pairs]
