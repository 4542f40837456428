"""The outbox: alerts wait here from the transaction that made them until somebody has them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from calib.alerts import OF_A_DAY, Alert
from calib.db import tables
from calib.errors import ConstraintViolated
from calib.json_object import Json

t = tables.outbox
LEASE = timedelta(minutes=5)  # longer than any attempt takes
CANDIDATES = 20  # looked at in one go, should others be quicker with the first ones
SHOWN = 500  # characters of an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An alert that a relay has taken; `attempts` counts the earlier ones."""

    id: str
    payload: Json
    created_at: datetime
    attempts: int


def put(conn: Connection, alert: Alert, *, now: datetime) -> bool:
    """Put an alert in, to be sent if the caller's transaction commits; False where it is there already."""
    row = {
        "id": alert.id,
        "kind": alert.kind,
        "stream": alert.stream,
        "period": alert.period,
        "revision": alert.revision,
        "payload": asdict(alert),
        "created_at": now,
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "episode": alert.episode,
    }
    try:
        with conn.begin_nested():
            conn.execute(insert(t).values(**row))
    except ConstraintViolated:
        if conn.execute(select(t.c.id).where(t.c.id == alert.id)).first() is None:
            raise
        return False
    return True


def claim_next(conn: Connection, *, now: datetime) -> Pending | None:
    """Take the alert that has waited longest; None where none is due.

    Until the lease is over nobody else gets it. Then it stands behind all that were due before, so that one
    that kills whoever sends it does not hold up the rest. Taken by compare-and-set: of two who reach for one
    alert, one gets it.
    """
    query = (
        select(t)
        .where(t.c.state == "pending", t.c.next_at <= now)
        .order_by(t.c.next_at, t.c.created_at, t.c.id)
        .limit(CANDIDATES)
    )
    for row in conn.execute(query).all():
        values = {"attempts": row.attempts + 1, "next_at": now + LEASE}
        if conn.execute(update(t).where(_claimed_by(row.id, row.attempts)).values(**values)).rowcount == 1:
            return Pending(id=row.id, payload=row.payload, created_at=row.created_at, attempts=row.attempts)
    return None


def next_due(conn: Connection) -> datetime | None:
    """When the next pending alert may be tried; None where nothing waits."""
    return conn.execute(select(func.min(t.c.next_at)).where(t.c.state == "pending")).scalar()


def delivered(conn: Connection, id_: str, *, at: datetime, remote: Json) -> None:
    """Somebody has it; `remote` says where."""
    values = {"state": "delivered", "delivered_at": at, "remote": remote, "last_error": None}
    conn.execute(update(t).where(t.c.id == id_).values(**values))


def again(conn: Connection, pending: Pending, *, at: datetime, error: str) -> None:
    """Not now: try again at a moment. Nothing happens where the alert has gone to somebody else."""
    claimed = _claimed_by(pending.id, pending.attempts + 1)
    conn.execute(update(t).where(claimed).values(next_at=at, last_error=error[:SHOWN]))


def park(conn: Connection, pending: Pending, *, error: str) -> None:
    """It cannot be delivered as it stands: it stays visible and blocks nothing."""
    claimed = _claimed_by(pending.id, pending.attempts + 1)
    conn.execute(update(t).where(claimed).values(state="parked", last_error=error[:SHOWN]))


def unpark(conn: Connection, *, now: datetime) -> int:
    """Put every parked alert up again, once the cause has been corrected; how many there were."""
    return conn.execute(update(t).where(t.c.state == "parked").values(state="pending", next_at=now)).rowcount


def parked(conn: Connection) -> list[Json]:
    """The alerts that could not be delivered and why, oldest first."""
    query = (
        select(t.c.id, t.c.kind, t.c.stream, t.c.period, t.c.last_error)
        .where(t.c.state == "parked")
        .order_by(t.c.created_at, t.c.id)
    )
    return [dict(row._mapping) for row in conn.execute(query)]


def of_window(conn: Connection, stream: str, period: str, *, revision: int = 1) -> list[Json]:
    """The alerts of one revision of a window, as the command line shows them.

    A window may be a day: alerts that belong to that day and to no window are left out.
    """
    query = (
        select(t.c.kind, t.c.id, t.c.state, t.c.episode)
        .where(t.c.stream == stream, t.c.period == period, t.c.revision == revision)
        .where(t.c.kind.not_in(OF_A_DAY))
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
        .where(t.c.stream == stream, t.c.created_at <= until, t.c.kind.not_in(OF_A_DAY))
        .order_by(t.c.created_at, t.c.kind, t.c.id)
    )
    for row in conn.execute(query):
        alerts_by_window.setdefault((row.period, row.revision), []).append((row.kind, row.id))
    return alerts_by_window


def counts(conn: Connection, stream: str) -> dict[str, int]:
    """How many of a stream's alerts are in each state: pending, delivered, parked."""
    query = select(t.c.state, func.count()).where(t.c.stream == stream).group_by(t.c.state)
    return {state: int(n) for state, n in conn.execute(query)}


def open_counts(conn: Connection, stream: str | None = None) -> dict[str, dict[str, int]]:
    """How many alerts of each stream, or of one, have not been delivered: pending, parked."""
    query = select(t.c.stream, t.c.state, func.count()).where(t.c.state.in_(("pending", "parked")))
    if stream is not None:
        query = query.where(t.c.stream == stream)
    by_stream: dict[str, dict[str, int]] = {}
    for name, state, n in conn.execute(query.group_by(t.c.stream, t.c.state)):
        by_stream.setdefault(name, {})[state] = int(n)
    return by_stream


def _claimed_by(id_: str, attempts: int) -> ColumnElement[bool]:
    """The alert, if nobody has taken it since its attempts were counted: they are its fence."""
    return (t.c.id == id_) & (t.c.state == "pending") & (t.c.attempts == attempts)
