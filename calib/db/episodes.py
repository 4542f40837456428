"""Episodes in the database: what began, which windows it went through, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from calib.alerts.episodes import Degradation, Ending, Episode, Turn
from calib.db import tables
from calib.errors import ConstraintViolated

t, windows_of = tables.episodes, tables.episode_windows


def open_of(conn: Connection, stream: str, *, until: datetime | None = None) -> list[Episode]:
    """The stream's open episodes, oldest first; `until`: those that began in a period that ends by then.

    The rows are locked where the database can do so: of two windows that close at once, one sees what the
    other did.
    """
    query = select(t).where(t.c.stream == stream, t.c.ended_by.is_(None)).order_by(t.c.since, t.c.id)
    if until is not None:
        query = query.where(t.c.since <= until)
    return [_episode(row) for row in conn.execute(query.with_for_update())]


def all_of(conn: Connection, stream: str) -> list[Episode]:
    """The stream's episodes, oldest first."""
    query = select(t).where(t.c.stream == stream).order_by(t.c.opened_at, t.c.since, t.c.id)
    return [_episode(row) for row in conn.execute(query)]


def count_open(conn: Connection, stream: str | None = None) -> dict[str, int]:
    """How many open episodes each stream has, or one; streams without any are left out."""
    query = select(t.c.stream, func.count()).where(t.c.ended_by.is_(None)).group_by(t.c.stream)
    if stream is not None:
        query = query.where(t.c.stream == stream)
    return {name: int(n) for name, n in conn.execute(query)}


def said_in(conn: Connection, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """What each window said of each episode, in the order in which it was said: (period, said)."""
    words_by_id: dict[str, list[tuple[str, str]]] = {id_: [] for id_ in ids}
    query = select(windows_of).where(windows_of.c.episode_id.in_(ids)).order_by(windows_of.c.id)
    for row in conn.execute(query):
        words_by_id[row.episode_id].append((row.period, row.said))
    return words_by_id


def begin(conn: Connection, episode: Episode, word: str) -> None:
    """Store a new episode with what its window said; one that is there already stays as it is."""
    try:
        with conn.begin_nested():
            conn.execute(insert(t).values(**asdict(episode)))
    except ConstraintViolated:
        if conn.execute(select(t.c.id).where(t.c.id == episode.id)).first() is None:
            raise
    _say(conn, episode.id, episode.opened_in, word)


def record(conn: Connection, turn: Turn, period: str) -> None:
    """Store what a window did to the stream's episodes. One that has ended meanwhile is not touched."""
    for episode in turn.episodes:
        values = asdict(episode)
        known = conn.execute(select(t.c.id).where(t.c.id == episode.id)).first()
        if known is None:
            begin(conn, episode, turn.said[episode.id])
            continue
        conn.execute(update(t).where(t.c.id == episode.id, t.c.ended_by.is_(None)).values(**values))
        _say(conn, episode.id, period, turn.said[episode.id])


def end_open(
    conn: Connection, stream: str, how: Ending, *, by: str, reason: str, now: datetime
) -> list[Episode]:
    """End every open episode of a stream, because a person did or said so; the episodes as they ended."""
    ended = [episode.ended(how, now, by=by, reason=reason) for episode in open_of(conn, stream)]
    for episode in ended:
        conn.execute(update(t).where(t.c.id == episode.id).values(**asdict(episode)))
    return ended


def _say(conn: Connection, id_: str, period: str, word: str) -> None:
    row = {"episode_id": id_, "period": period, "said": word}
    where = [windows_of.c[name] == value for name, value in row.items()]
    if conn.execute(select(windows_of.c.id).where(*where)).first() is None:
        conn.execute(insert(windows_of).values(**row))


def _episode(row: Row[Any]) -> Episode:
    values = {field.name: getattr(row, field.name) for field in fields(Episode)}
    stored = values["degradation"]
    if stored is not None:
        values["degradation"] = Degradation(
            ece=stored["ece"], segments=stored["segments"], curves=tuple(stored["curves"])
        )
    return Episode(**values)
