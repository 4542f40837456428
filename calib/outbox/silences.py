"""Silences: of a stream or of all, a person wants to hear nothing for a while. What they cover is kept.

Who made one and why stays with it, and each step is written into `alert_actions`. No silence covers what a
person did about an alert that was heard: whoever reads its thread has to know that somebody takes care of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, FromClause, and_, exists, func, insert, or_, select, update

from calib.alerts import NOTE, Alert
from calib.db import tables

PRODUCT = "calibwatch"  # who silences what has been overtaken
t, alerts, actions, deliveries = tables.silences, tables.outbox, tables.alert_actions, tables.deliveries


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A silence; `stream` is None for every stream, `kind` None for every kind of alert."""

    id: int
    stream: str | None
    kind: str | None
    since: datetime
    until: datetime
    by: str
    reason: str


def silence_over(conn: Connection, alert: Alert, *, at: datetime) -> int | None:
    """The id of the silence that covers an alert at a moment; None where none does."""
    if alert.kind == NOTE:
        first = alerts.alias("first")
        whose = first.c.id == alert.about if alert.episode is None else first.c.episode == alert.episode
        if conn.execute(select(_was_heard(first, whose))).scalar():
            return None
    stream, kind = alert.stream, alert.kind
    query = (
        select(t.c.id)
        .where(t.c.since <= at, t.c.until > at)
        .where(or_(t.c.stream.is_(None), t.c.stream == stream), or_(t.c.kind.is_(None), t.c.kind == kind))
        .order_by(t.c.id)
    )
    return conn.execute(query.limit(1)).scalar()


def silence(
    conn: Connection,
    *,
    stream: str | None,
    kind: str | None,
    until: datetime,
    by: str,
    reason: str,
    now: datetime,
) -> tuple[Silence, int]:
    """Begin a silence, which covers what waits already; it, and how many alerts waited."""
    values = {"stream": stream, "kind": kind, "since": now, "until": until, "by": by, "reason": reason}
    id_ = int(conn.execute(insert(t).values(**values).returning(t.c.id)).scalar_one())
    record(conn, "silenced", by=by, at=now, reason=reason, silence_id=id_)
    first = alerts.alias("first")
    whose = or_(first.c.id == alerts.c.about, first.c.episode == alerts.c.episode)
    covers = [
        alerts.c.state == "pending",
        or_(alerts.c.kind != NOTE, ~_was_heard(first, whose)),
    ]
    if stream is not None:
        covers.append(alerts.c.stream == stream)
    if kind is not None:
        covers.append(alerts.c.kind == kind)
    waiting = select(func.count()).select_from(alerts).where(*covers, alerts.c.kind != NOTE)
    covered = int(conn.execute(waiting).scalar_one())
    conn.execute(update(alerts).where(*covers).values(state="silenced", silence_id=id_))
    return Silence(id=id_, **values), covered  # type: ignore[arg-type]


def _was_heard(first: FromClause, whose: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether any place has an alert of the thread that a note belongs to."""
    return (
        exists()
        .select_from(first.join(deliveries, deliveries.c.alert_id == first.c.id))
        .where(whose, and_(first.c.kind != NOTE, deliveries.c.state == "delivered"))
        .correlate(alerts)
    )


def keep_back(
    conn: Connection,
    stream: str,
    period: str,
    *,
    revision: int,
    kinds: Sequence[str],
    reason: str,
    now: datetime,
) -> int:
    """Silence a window's alerts of these kinds that nobody was sent yet; how many there were.

    For what has been overtaken before the relay ran. The silence is over at once and covers nothing else; one
    that a relay has tried already may have arrived, and is left as it is.
    """
    tried = exists().where(deliveries.c.alert_id == alerts.c.id, deliveries.c.attempts > 0)
    mine = [
        alerts.c.stream == stream,
        alerts.c.period == period,
        alerts.c.revision == revision,
        alerts.c.kind.in_(kinds),
        alerts.c.state == "pending",
        ~tried,
    ]
    if conn.execute(select(alerts.c.id).where(*mine).limit(1)).first() is None:
        return 0
    values = {"stream": stream, "kind": None, "since": now, "until": now, "by": PRODUCT, "reason": reason}
    id_ = int(conn.execute(insert(t).values(**values).returning(t.c.id)).scalar_one())
    record(conn, "silenced", by=PRODUCT, at=now, reason=reason, silence_id=id_)
    return conn.execute(update(alerts).where(*mine).values(state="silenced", silence_id=id_)).rowcount


def in_force(conn: Connection, *, at: datetime, stream: str | None = None) -> list[Silence]:
    """The silences that hold at a moment, oldest first; `stream`: those of this stream alone."""
    query = select(t).where(t.c.since <= at, t.c.until > at).order_by(t.c.id)
    if stream is not None:
        query = query.where(t.c.stream == stream)
    return [Silence(**row._mapping) for row in conn.execute(query)]


def end(conn: Connection, stream: str | None, *, by: str, reason: str, now: datetime) -> list[Silence]:
    """End the silences of a stream, None for those of every stream; what they covered stays silenced."""
    ended = [one for one in in_force(conn, at=now) if one.stream == stream]
    for one in ended:
        conn.execute(update(t).where(t.c.id == one.id).values(until=now))
        record(conn, "unsilenced", by=by, at=now, reason=reason, silence_id=one.id)
    return ended


def record(
    conn: Connection,
    action: str,
    *,
    by: str,
    at: datetime,
    reason: str,
    alert_id: str | None = None,
    silence_id: int | None = None,
) -> None:
    """Keep who did what with an alert or a silence, when and why."""
    values = {"action": action, "by": by, "at": at, "reason": reason}
    conn.execute(insert(actions).values(**values, alert_id=alert_id, silence_id=silence_id))
