"""Alerts and episodes as the pages list them: what was said, what waits, and what is parked and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from calib.alerts import OF_A_DAY
from calib.alerts.message import message
from calib.db import episodes, tables
from calib.errors import CalibError
from calib.redaction import redacted
from calib.wording.episodes import how_it_ended
from calib.wording.numbers import counted

SHOWN = 50  # the latest alerts; what waits or is parked is shown besides, however old
t = tables.outbox
STATES = {
    "pending": ("waiting", "warning"),
    "delivered": ("delivered", "plain"),
    "parked": ("parked", "bad"),
    "silenced": ("silenced", "plain"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAlert:
    """An alert in words. `window`: the period of the window that it is about; None where it is about none."""

    kind: str
    stream: str
    title: str
    lines: tuple[str, ...]
    tone: str
    state: str
    state_tone: str
    why: str
    created: str
    window: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEpisode:
    """An episode: what opened it and when, what each window said, and how it ended."""

    began: str
    open: bool
    ended: str
    said: tuple[tuple[str, str], ...]
    by: str | None
    reason: str


def alerts_of(
    conn: Connection, *, stream: str | None, streams: frozenset[str], shown: int = SHOWN
) -> tuple[list[ListedAlert], bool]:
    """The latest alerts, of a stream or of all, and whether there are more; the newest first.

    `streams`: those that have pages; other alerts are of probes.
    """
    columns = (t.c.id, t.c.kind, t.c.stream, t.c.period, t.c.payload, t.c.created_at, t.c.state)
    query = select(*columns, t.c.attempts, t.c.next_at, t.c.last_error).order_by(
        t.c.created_at.desc(), t.c.id
    )
    if stream is not None:
        query = query.where(t.c.stream == stream)
    latest = conn.execute(query.limit(shown + 1)).all()
    waits = or_(t.c.state == "pending", t.c.state == "parked")
    stuck = [row for row in conn.execute(query.where(waits).limit(10 * shown)) if row not in latest[:shown]]
    rows = [*latest[:shown], *stuck]
    listed = [_listed(row, row.stream in streams) for row in rows]
    return listed, len(latest) > shown


def episodes_of(conn: Connection, stream: str) -> list[ListedEpisode]:
    """A stream's episodes, the latest first."""
    known = episodes.all_of(conn, stream)
    said = episodes.said_in(conn, [episode.id for episode in known])
    return [
        ListedEpisode(
            began=f"{episode.opened_in}, {episode.opened_by.replace('_', ' ')}",
            open=episode.ended_by is None,
            ended="" if episode.ended_by is None else _ended(episode.ended_by, episode.ended_in),
            said=tuple((period, word.replace("_", " ")) for period, word in said[episode.id]),
            by=episode.by,
            reason=episode.reason or "",
        )
        for episode in reversed(known)
    ]


def _ended(by: str, period: str | None) -> str:
    return how_it_ended(by) + ("" if period is None else f", {period}")


def _listed(row: Row[Any], has_page: bool) -> ListedAlert:
    title, lines = _words(row)
    state, state_tone = STATES.get(row.state, (row.state, "plain"))
    return ListedAlert(
        kind=row.kind.replace("_", " "),
        stream=row.stream,
        title=title,
        lines=lines,
        tone=str(row.payload.get("severity", "plain")),
        state=state,
        state_tone=state_tone,
        why=_why(row),
        created=f"{row.created_at:%Y-%m-%d %H:%M}",
        window=row.period if has_page and row.kind not in OF_A_DAY else None,
    )


def _words(row: Row[Any]) -> tuple[str, tuple[str, ...]]:
    """The alert as it is sent; what this version has no words for is named by its kind."""
    try:
        title, *lines = message(row.payload).text.splitlines()
    except CalibError:
        return f"{row.stream} {row.period}: {row.kind.replace('_', ' ')}", ()
    return title, tuple(lines)


def _why(row: Row[Any]) -> str:
    """Why an alert has not been delivered."""
    parts = []
    if row.state == "pending" and row.attempts:
        tries = counted(row.attempts, "time")
        parts.append(f"Tried {tries}; the next attempt is due at {row.next_at:%Y-%m-%d %H:%M} UTC.")
    if row.last_error and row.state != "delivered":
        parts.append(redacted(row.last_error))
    return " ".join(parts)
