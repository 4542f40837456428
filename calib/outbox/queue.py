"""The outbox: alerts wait here from the transaction that made them until somebody has them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from calib.alerts import Alert
from calib.db import tables

t = tables.outbox
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An alert whose turn it is; `attempts` counts the ones before."""

    id: str
    payload: dict[str, Any]
    created_at: datetime
    attempts: int


def put(conn: Connection, alert: Alert, *, now: datetime) -> bool:
    """Put an alert in; False where it is there already."""
    row = {
        "id": alert.id,
        "kind": alert.kind,
        "stream": alert.stream,
        "period": alert.period,
        "payload": asdict(alert),
        "created_at": now,
        "state": "pending",
        "attempts": 0,
        "next_at": now,
    }
    try:
        with conn.begin_nested():
            conn.execute(insert(t).values(**row))
    except IntegrityError:
        return False
    return True


def claim_next(conn: Connection, *, now: datetime) -> Pending | None:
    """Lease the alert that has waited longest; None where none is due."""
    query = (
        select(t)
        .where(t.c.state == "pending", t.c.next_at <= now)
        .where(t.c.lease_until.is_(None) | (t.c.lease_until <= now))
        .order_by(t.c.next_at, t.c.created_at, t.c.id)
        .limit(10)
    )
    for row in conn.execute(query).all():
        same = (t.c.id == row.id) & (t.c.state == "pending") & (t.c.attempts == row.attempts)
        free = t.c.lease_until.is_(None) | (t.c.lease_until <= now)
        values = {"attempts": row.attempts + 1, "lease_until": now + LEASE}
        if conn.execute(update(t).where(same & free).values(**values)).rowcount == 1:
            return Pending(id=row.id, payload=row.payload, created_at=row.created_at, attempts=row.attempts)
    return None


def delivered(conn: Connection, id_: str, *, at: datetime, remote: dict[str, Any]) -> None:
    """Somebody has it; `remote` says where."""
    values = {"state": "delivered", "delivered_at": at, "remote": remote, "lease_until": None}
    conn.execute(update(t).where(t.c.id == id_).values(**values, last_error=None))


def again(conn: Connection, id_: str, *, at: datetime, error: str) -> None:
    """Not now: try again at a moment."""
    values = {"next_at": at, "lease_until": None, "last_error": error[:500]}
    conn.execute(update(t).where(t.c.id == id_, t.c.state == "pending").values(**values))


def park(conn: Connection, id_: str, *, error: str) -> None:
    """It cannot be delivered as it stands; it stays visible and blocks nothing."""
    values = {"state": "parked", "lease_until": None, "last_error": error[:500]}
    conn.execute(update(t).where(t.c.id == id_, t.c.state == "pending").values(**values))


def of_window(conn: Connection, stream: str, period: str) -> list[dict[str, Any]]:
    """The alerts of one window, as the command line shows them."""
    query = (
        select(t.c.kind, t.c.id, t.c.state)
        .where(t.c.stream == stream, t.c.period == period)
        .order_by(t.c.created_at, t.c.kind)
    )
    return [
        {"kind": row.kind, "id": row.id, "delivered": row.state == "delivered"} for row in conn.execute(query)
    ]


def kinds_of(conn: Connection, stream: str) -> dict[str, set[str]]:
    """The kinds of alert that each period of a stream has had."""
    found: dict[str, set[str]] = {}
    for row in conn.execute(select(t.c.period, t.c.kind).where(t.c.stream == stream)):
        found.setdefault(row.period, set()).add(row.kind)
    return found
