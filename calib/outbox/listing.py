"""Alerts as people ask for them: what was raised, what became of each, and what is stored of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from calib.alerts import NOTE
from calib.db import tables
from calib.errors import InvalidInput
from calib.json_object import Json

t, d, s, a = tables.outbox, tables.deliveries, tables.silences, tables.alert_actions
LEAST_ID = 6  # characters that an id is found by
SHOWN_AS = {"pending": "waiting"}  # the others are called what they are stored as


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alert and what became of it; `state` is waiting, delivered, parked or silenced."""

    id: str
    kind: str
    stream: str
    period: str
    revision: int
    state: str
    reason: str | None
    raised_at: datetime
    episode: str | None
    payload: Json
    deliveries: tuple[Delivery, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of an alert at one place."""

    place: str
    state: str
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    remote: Json | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a person did with an alert."""

    action: str
    by: str
    at: datetime
    reason: str


def raised(
    conn: Connection, *, stream: str | None = None, state: str | None = None, limit: int | None = None
) -> list[Raised]:
    """Alerts, the newest first; of one stream, in one state, at most `limit`.

    Notes are left out, but for those that are parked: people have to see why, to send them again.
    """
    listed = or_(t.c.kind != NOTE, t.c.state == "parked")
    query = select(t).where(listed).order_by(t.c.created_at.desc(), t.c.kind, t.c.id)
    if stream is not None:
        query = query.where(t.c.stream == stream)
    if state is not None:
        stored = next((word for word, shown in SHOWN_AS.items() if shown == state), state)
        query = query.where(t.c.state == stored)
    return _completed(conn, conn.execute(query.limit(limit)).all())


def find(conn: Connection, ids: Sequence[str]) -> list[Raised]:
    """The alerts whose ids begin so, in this order; `InvalidInput` where one names none, or several."""
    found: list[Row[Any]] = []
    for start in ids:
        if len(start) < LEAST_ID:
            raise InvalidInput(
                f"{start!r:.80} is too short to find an alert by: give {LEAST_ID} characters of its "
                "id or more"
            )
        query = select(t).where(t.c.id.startswith(start, autoescape=True))
        rows = conn.execute(query).all()
        if len(rows) != 1:
            raise InvalidInput(
                f"{len(rows)} alerts have an id that begins with {start!r:.80}; `calib alerts list` "
                "shows them"
            )
        found += rows
    return _completed(conn, found)


def _completed(conn: Connection, rows: Sequence[Row[Any]]) -> list[Raised]:
    ids = [row.id for row in rows]
    by_alert: dict[str, list[Delivery]] = {id_: [] for id_ in ids}
    for part in conn.execute(select(d).where(d.c.alert_id.in_(ids)).order_by(d.c.place)):
        by_alert[part.alert_id].append(
            Delivery(
                place=part.place,
                state=part.state,
                attempts=part.attempts,
                next_at=part.next_at,
                delivered_at=part.delivered_at,
                remote=part.remote,
                reason=part.last_error,
            )
        )
    actions: dict[str, list[Action]] = {id_: [] for id_ in ids}
    for done in conn.execute(select(a).where(a.c.alert_id.in_(ids)).order_by(a.c.id)):
        actions[done.alert_id].append(Action(action=done.action, by=done.by, at=done.at, reason=done.reason))
    silences = {row.id: row for row in conn.execute(select(s))}
    return [
        Raised(
            id=row.id,
            kind=row.kind,
            stream=row.stream,
            period=row.period,
            revision=row.revision,
            state=SHOWN_AS.get(row.state, row.state),
            reason=_reason(row, by_alert[row.id], actions[row.id], silences),
            raised_at=row.created_at,
            episode=row.episode,
            payload=row.payload,
            deliveries=tuple(by_alert[row.id]),
            actions=tuple(actions[row.id]),
        )
        for row in rows
    ]


def _reason(
    row: Row[Any],
    deliveries: Sequence[Delivery],
    actions: Sequence[Action],
    silences: Mapping[int, Row[Any]],
) -> str | None:
    if row.state == "silenced":
        silence = silences[row.silence_id]
        return f"silenced by {silence.by} until {silence.until:%Y-%m-%d %H:%M} UTC: {silence.reason}"
    if row.state == "delivered":
        seen = [action for action in actions if action.action == "acknowledged"]
        return f"acknowledged by {seen[-1].by}: {seen[-1].reason}".rstrip(": ") if seen else None
    failed = [part for part in deliveries if part.reason and part.state != "delivered"]
    if failed:
        return "; ".join(f"{part.place}: {part.reason}" for part in failed)
    if not deliveries:
        return "the relay has not run since it was raised, or no place is set where anybody would see it"
    return "the relay has not tried it yet"
