"""The outbox: alerts wait here from the transaction that made them until somebody has them.

What became of an alert at each place where it goes is in `deliveries`; its own `state` sums that up:
`pending` while a delivery waits or none was made yet, `parked` where one failed for good, else `delivered`.
`silenced`: a person wanted to hear nothing of it, and it goes nowhere.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select

from calib.alerts import NOTE, OF_NO_WINDOW, Alert
from calib.db import tables
from calib.errors import ConstraintViolated
from calib.json_object import Json
from calib.outbox.deployment import identity
from calib.outbox.silences import silence_over

t = tables.outbox
ALERTS: ColumnElement[bool] = t.c.kind != NOTE  # as a condition: notes are said, and are no alerts


def put(conn: Connection, alert: Alert, *, now: datetime) -> bool:
    """Put an alert in, to be sent if the caller's transaction commits; False where it is there already.

    Where a silence covers it, it is kept and goes nowhere.
    """
    silence = silence_over(conn, alert, at=now)
    row = {
        "id": alert.id,
        "kind": alert.kind,
        "stream": alert.stream,
        "period": alert.period,
        "revision": alert.revision,
        "payload": asdict(alert),
        "created_at": now,
        "state": "pending" if silence is None else "silenced",
        "episode": alert.episode,
        "about": alert.about,
        "deployment": identity(conn, now=now),
        "silence_id": silence,
    }
    try:
        with conn.begin_nested():
            conn.execute(insert(t).values(**row))
    except ConstraintViolated:
        if not holds(conn, alert.id):
            raise
        return False
    return True


def holds(conn: Connection, alert_id: str) -> bool:
    """Whether an alert was put in, whatever became of it."""
    return conn.execute(select(t.c.id).where(t.c.id == alert_id)).first() is not None


def of_window(conn: Connection, stream: str, period: str, *, revision: int = 1) -> list[Json]:
    """The alerts of one revision of a window, as the command line shows them.

    Alerts that belong to a day, or to a backfill, and to no window are left out.
    """
    query = (
        select(t.c.kind, t.c.id, t.c.state, t.c.episode)
        .where(t.c.stream == stream, t.c.period == period, t.c.revision == revision)
        .where(t.c.kind.not_in(OF_NO_WINDOW), ALERTS)
        .order_by(t.c.created_at, t.c.kind)
    )
    return [
        {"kind": row.kind, "id": row.id, "delivered": row.state == "delivered", "episode": row.episode}
        for row in conn.execute(query)
    ]


def raised(conn: Connection, stream: str, *, until: datetime) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """Kind and id of the alerts that were raised until a moment, by period and revision, in their order."""
    alerts_by_window: dict[tuple[str, int], list[tuple[str, str]]] = {}
    query = (
        select(t.c.period, t.c.revision, t.c.kind, t.c.id)
        .where(t.c.stream == stream, t.c.created_at <= until, t.c.kind.not_in(OF_NO_WINDOW), ALERTS)
        .order_by(t.c.created_at, t.c.kind, t.c.id)
    )
    for row in conn.execute(query):
        alerts_by_window.setdefault((row.period, row.revision), []).append((row.kind, row.id))
    return alerts_by_window


def counts(conn: Connection, stream: str) -> dict[str, int]:
    """How many of a stream's alerts are in each state: pending, delivered, parked, silenced."""
    query = select(t.c.state, func.count()).where(t.c.stream == stream, ALERTS).group_by(t.c.state)
    return {state: int(n) for state, n in conn.execute(query)}


def open_counts(conn: Connection, stream: str | None = None) -> dict[str, dict[str, int]]:
    """How many alerts of each stream, or of one, have not been delivered: pending, parked."""
    query = select(t.c.stream, t.c.state, func.count()).where(t.c.state.in_(("pending", "parked")), ALERTS)
    if stream is not None:
        query = query.where(t.c.stream == stream)
    by_stream: dict[str, dict[str, int]] = {}
    for name, state, n in conn.execute(query.group_by(t.c.stream, t.c.state)):
        by_stream.setdefault(name, {})[state] = int(n)
    return by_stream
