"""What becomes of each alert at each place: waiting, delivered or parked. One dead place blocks no other.

Within an episode a place gets one message after the other, the one that opens the thread first: what follows
waits until that one is there, or is parked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.expression import BindParameter, FromClause

from calib.alerts import NOTE, OPENS
from calib.backoff import back_off
from calib.db import tables
from calib.errors import ConstraintViolated
from calib.json_object import Json

t, alerts = tables.deliveries, tables.outbox
LEASE = timedelta(minutes=5)  # longer than any attempt takes
CANDIDATES = 20  # looked at in one go, should others be quicker with the first ones
SHOWN = 500  # characters of an error
UNSETTLED = ("pending", "parked")  # states of an alert that its deliveries still decide
RECHECK, LONGEST_RECHECK = 300.0, 6 * 3600.0  # seconds until a parked alert that was refused again is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A delivery that a relay has taken; `attempts` counts the earlier ones.

    `deployment`: whose alert it is; None where calibwatch 0.1.0 stored it. `thread`: where the message is
    that this one replies to; None where it begins its own.
    """

    id: str
    place: str
    payload: Json
    created_at: datetime
    attempts: int
    deployment: str | None
    thread: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A delivery that failed for good, and why."""

    id: str
    kind: str
    stream: str
    period: str
    place: str
    reason: str


def spread(conn: Connection, places: Iterable[str], *, now: datetime) -> None:
    """Let every pending alert wait at every place where it was not sent to yet."""
    for place in places:
        there = exists().where(t.c.alert_id == alerts.c.id, t.c.place == place)
        new = select(
            alerts.c.id, literal(place), literal("waiting"), literal(0), literal(now, t.c.next_at.type)
        ).where(alerts.c.state == "pending", ~there)
        columns = ["alert_id", "place", "state", "attempts", "next_at"]
        try:
            with conn.begin_nested():
                conn.execute(insert(t).from_select(columns, new))
        except ConstraintViolated:  # another relay did it
            continue


def claim_next(conn: Connection, place: str, *, now: datetime) -> Pending | None:
    """Take the alert that has waited longest for a place; None where none is due.

    Until the lease is over nobody else gets it. Then it stands behind all that were due before, so that one
    that kills whoever sends it does not hold up the rest. Taken by compare-and-set: of two who reach for one
    alert, one gets it.
    """
    for row in conn.execute(DUE, {"place": place, "now": now}).all():
        values = {"attempts": row.attempts + 1, "next_at": now + LEASE}
        claimed = update(t).where(_claimed_by(row.alert_id, place, row.attempts)).values(**values)
        if conn.execute(claimed).rowcount == 1:
            return Pending(
                id=row.alert_id,
                place=place,
                payload=row.payload,
                created_at=row.created_at,
                attempts=row.attempts,
                deployment=row.deployment,
                thread=_thread(conn, place, row.alert_id, episode=row.episode, about=row.about),
            )
    return None


def next_due(conn: Connection, place: str) -> datetime | None:
    """When the next alert for a place may be tried; None where nothing waits."""
    return conn.execute(NEXT_DUE, {"place": place}).scalar()


def waiting(conn: Connection) -> int:
    """How many alerts are still to come, whatever keeps them."""
    query = select(func.count()).select_from(alerts)
    return int(conn.execute(query.where(alerts.c.state == "pending", alerts.c.kind != NOTE)).scalar_one())


def delivered(conn: Connection, pending: Pending, *, at: datetime, remote: Json) -> None:
    """The place has it; `remote` says where."""
    values = {"state": "delivered", "delivered_at": at, "remote": remote, "last_error": None}
    conn.execute(update(t).where(_mine(pending.id, pending.place)).values(**values))
    settle(conn, pending.id)


def note_picture(conn: Connection, pending: Pending, *, remote: Json) -> None:
    """Keep what became of the picture of a delivered alert."""
    conn.execute(update(t).where(_mine(pending.id, pending.place)).values(remote=remote))


def again(conn: Connection, pending: Pending, *, at: datetime, error: str) -> None:
    """Not now: try again at a moment. Nothing happens where the alert has gone to somebody else."""
    claimed = _claimed_by(pending.id, pending.place, pending.attempts + 1)
    conn.execute(update(t).where(claimed).values(next_at=at, last_error=error[:SHOWN]))


def park(conn: Connection, pending: Pending, *, now: datetime, error: str, malformed: bool = False) -> None:
    """It cannot be delivered as it stands: it stays visible and blocks nothing.

    `malformed`: the alert itself is at fault, so that correcting the place does not help.
    """
    claimed = _claimed_by(pending.id, pending.place, pending.attempts + 1)
    wait = 0.0
    if pending.attempts:
        wait = back_off(pending.attempts - 1, first=RECHECK, longest=LONGEST_RECHECK)
    values = {
        "state": "parked",
        "last_error": error[:SHOWN],
        "next_at": now + timedelta(seconds=wait),
        "malformed": malformed,
    }
    conn.execute(update(t).where(claimed).values(**values))
    settle(conn, pending.id)


def may_be_mended(conn: Connection, place: str, *, now: datetime) -> list[str]:
    """The alerts that are parked at a place and would be worth another attempt, were the place well again."""
    return list(conn.execute(MENDABLE, {"place": place, "now": now}).scalars())


def unpark(conn: Connection, ids: Iterable[str], *, now: datetime, place: str | None = None) -> int:
    """Put parked deliveries of alerts up again; how many there were."""
    changed = 0
    for id_ in ids:
        mine = (t.c.alert_id == id_) & (t.c.state == "parked")
        if place is not None:
            mine &= t.c.place == place
        values = {"state": "waiting", "next_at": now, "malformed": False}
        changed += conn.execute(update(t).where(mine).values(**values)).rowcount
        settle(conn, id_)
    return changed


def hurry(conn: Connection, id_: str, *, now: datetime) -> None:
    """Let the waiting deliveries of an alert be tried at once."""
    conn.execute(update(t).where(t.c.alert_id == id_, t.c.state == "waiting").values(next_at=now))


def parked(conn: Connection) -> list[Parked]:
    """What could not be delivered and why, oldest first."""
    return [
        Parked(
            id=row.alert_id,
            kind=row.kind,
            stream=row.stream,
            period=row.period,
            place=row.place,
            reason=row.last_error or "",
        )
        for row in conn.execute(PARKED)
    ]


def settle(conn: Connection, id_: str) -> None:
    """Sum the deliveries of an alert up; one that is silenced, or that a person acknowledged, stays so."""
    states = set(conn.execute(select(t.c.state).where(t.c.alert_id == id_)).scalars())
    state = next((word for word in ("waiting", "parked", "delivered") if word in states), "waiting")
    values = {"state": "pending" if state == "waiting" else state}
    conn.execute(update(alerts).where(alerts.c.id == id_, alerts.c.state.in_(UNSETTLED)).values(**values))


def remote_place_known(conn: Connection) -> bool:
    """Whether an alert of this deployment ever went to, or was meant for, another place than a terminal."""
    return conn.execute(select(t.c.alert_id).where(t.c.place != "terminal").limit(1)).first() is not None


def _ready() -> Select[tuple[object, ...]]:
    """The deliveries that wait for a place and for no other message of their thread, in their order."""
    first, said = alerts.alias("first"), t.alias("said")
    before = or_(
        first.c.created_at < alerts.c.created_at,
        and_(first.c.created_at == alerts.c.created_at, _rank(first) < _rank(alerts)),
    )
    same_thread = or_(and_(first.c.episode == alerts.c.episode, before), and_(first.c.id == alerts.c.about))
    blocked = (
        exists()
        .select_from(said.join(first, first.c.id == said.c.alert_id))
        .where(said.c.place == PLACE, said.c.state == "waiting", first.c.state == "pending", same_thread)
        .correlate(alerts)
    )
    return (
        select(
            t.c.alert_id,
            t.c.attempts,
            t.c.next_at,
            alerts.c.payload,
            alerts.c.created_at,
            alerts.c.deployment,
            alerts.c.episode,
            alerts.c.about,
        )
        .join(alerts, alerts.c.id == t.c.alert_id)
        .where(t.c.place == PLACE, t.c.state == "waiting", alerts.c.state == "pending", ~blocked)
    )


def _rank(table: FromClause) -> ColumnElement[int]:
    """What opens a thread, then the findings, then the mix of scores, which explains, then notes."""
    kind = table.c.kind
    return case((kind.in_(OPENS), 0), (kind == "score_mix", 2), (kind == NOTE, 3), else_=1)


def _thread(conn: Connection, place: str, id_: str, *, episode: str | None, about: str | None) -> Json | None:
    """Where the first message of the thread is that an alert belongs to."""
    if episode is None and about is None:
        return None
    whose = alerts.c.id == about if episode is None else alerts.c.episode == episode
    query = (
        select(t.c.remote)
        .join(alerts, alerts.c.id == t.c.alert_id)
        .where(whose, t.c.place == place, t.c.state == "delivered", t.c.alert_id != id_)
        .order_by(t.c.delivered_at, alerts.c.created_at, _rank(alerts))
        .limit(1)
    )
    remote: Json | None = conn.execute(query).scalar()
    return remote


def _mine(id_: str, place: str) -> ColumnElement[bool]:
    return (t.c.alert_id == id_) & (t.c.place == place)


def _claimed_by(id_: str, place: str, attempts: int) -> ColumnElement[bool]:
    """The delivery, if nobody has taken it since its attempts were counted: they are its fence."""
    return _mine(id_, place) & (t.c.state == "waiting") & (t.c.attempts == attempts)


# Asked every five minutes: made once, for to build a statement takes longer than to run it.
PLACE: BindParameter[str] = bindparam("place")
NOW = bindparam("now", type_=t.c.next_at.type)
DUE = (
    _ready()
    .where(t.c.next_at <= NOW)
    .order_by(t.c.next_at, alerts.c.created_at, _rank(alerts), t.c.alert_id)
    .limit(CANDIDATES)
)
NEXT_DUE = select(func.min(_ready().subquery().c.next_at))
MENDABLE = (
    select(t.c.alert_id)
    .join(alerts, alerts.c.id == t.c.alert_id)
    .where(t.c.place == PLACE, t.c.state == "parked", ~t.c.malformed, t.c.next_at <= NOW)
    .where(alerts.c.state.in_(UNSETTLED))
)
PARKED = (
    select(t.c.alert_id, alerts.c.kind, alerts.c.stream, alerts.c.period, t.c.place, t.c.last_error)
    .join(alerts, alerts.c.id == t.c.alert_id)
    .where(t.c.state == "parked", alerts.c.state.in_(UNSETTLED))
    .order_by(alerts.c.created_at, t.c.alert_id, t.c.place)
)
