"""Alerts and episodes as the pages list them: what was said, what waits, and what is parked and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from calib.alerts import OF_A_DAY
from calib.alerts.message import message
from calib.db import episodes, tables
from calib.outbox import queue as outbox
from calib.redaction import redacted
from calib.wording.episodes import how_it_ended
from calib.wording.numbers import counted

SHOWN = 50  # the latest alerts; what waits or is parked is shown besides, however old
t, d = tables.outbox, tables.deliveries
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
    query = select(t.c.id, t.c.kind, t.c.stream, t.c.period, t.c.payload, t.c.created_at, t.c.state)
    query = query.where(outbox.ALERTS).order_by(t.c.created_at.desc(), t.c.id)
    if stream is not None:
        query = query.where(t.c.stream == stream)
    latest = conn.execute(query.limit(shown + 1)).all()
    waits = query.where(t.c.state.in_(("pending", "parked"))).limit(10 * shown)
    known = {row.id for row in latest[:shown]}
    rows = [*latest[:shown], *(row for row in conn.execute(waits) if row.id not in known)]
    reasons = _reasons(conn, [row.id for row in rows if row.state in ("pending", "parked")])
    listed = [_listed(row, reasons.get(row.id, ""), row.stream in streams) for row in rows]
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


def _listed(row: Row[Any], why: str, has_page: bool) -> ListedAlert:
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
        why=why,
        created=f"{row.created_at:%Y-%m-%d %H:%M}",
        window=row.period if has_page and row.kind not in OF_A_DAY else None,
    )


def _words(row: Row[Any]) -> tuple[str, tuple[str, ...]]:
    """The alert as it is sent; what this version has no words for is named by its kind."""
    try:
        title, *lines = message(row.payload).text.splitlines()
    except Exception:  # noqa: BLE001  another version wrote it, whatever it lacks
        return f"{row.stream} {row.period}: {row.kind.replace('_', ' ')}", ()
    return title, tuple(lines)


def _reasons(conn: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Why alerts have not been delivered, by id: what each place where they go has answered."""
    query = select(d.c.alert_id, d.c.place, d.c.state, d.c.attempts, d.c.next_at, d.c.last_error)
    query = query.where(d.c.alert_id.in_(ids), d.c.state != "delivered").order_by(d.c.alert_id, d.c.place)
    reasons: dict[str, list[str]] = {}
    for row in conn.execute(query):
        parts = []
        if row.state == "waiting" and row.attempts:
            tries = counted(row.attempts, "time")
            parts.append(f"{row.place}: tried {tries}, next at {row.next_at:%Y-%m-%d %H:%M} UTC.")
        if row.last_error:
            parts.append(f"{row.place}: {redacted(row.last_error)}")
        reasons.setdefault(row.alert_id, []).extend(parts)
    return {alert_id: " ".join(parts) for alert_id, parts in reasons.items()}
