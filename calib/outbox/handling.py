"""What people do with alerts: send them again, and say that somebody has seen them. Each step is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, update

from calib.alerts.note import person_acted
from calib.db import tables
from calib.errors import InvalidInput
from calib.outbox import deliveries, listing, queue
from calib.outbox.listing import Action, Raised
from calib.outbox.silences import record

t = tables.outbox


def resend(conn: Connection, ids: Sequence[str], *, by: str, reason: str, now: datetime) -> list[str]:
    """Let alerts that are parked, silenced or waiting go out with the next relay; their ids.

    `ids` may be beginnings. Raises `InvalidInput` where one names none, or was delivered: then nothing is
    changed.
    """
    alerts = listing.find(conn, ids)
    for alert in alerts:
        if alert.state == "delivered":
            raise InvalidInput(
                f"alert {alert.id} was delivered: nothing is sent twice. `calib alerts show "
                f"{alert.id}` shows it"
            )
    return _resend(conn, alerts, by=by, reason=reason, now=now)


def resend_parked(conn: Connection, *, by: str, reason: str, now: datetime) -> list[str]:
    """Let everything that is parked go out with the next relay; the ids."""
    ids = list(dict.fromkeys(one.id for one in deliveries.parked(conn)))
    return _resend(conn, listing.find(conn, ids), by=by, reason=reason, now=now)


def _resend(conn: Connection, alerts: Iterable[Raised], *, by: str, reason: str, now: datetime) -> list[str]:
    ids = []
    for alert in alerts:
        conn.execute(update(t).where(t.c.id == alert.id).values(state="pending", silence_id=None))
        deliveries.unpark(conn, [alert.id], now=now)
        deliveries.hurry(conn, alert.id, now=now)
        record(conn, "resent", by=by, at=now, reason=reason, alert_id=alert.id)
        ids.append(alert.id)
    return ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """An alert that somebody takes care of: who, since when and why; `before`: the last one before this.

    `new` is False where the same person had acknowledged it already: then nothing was changed or said, and
    `by`, `at` and `reason` are those of that time.
    """

    id: str
    by: str
    at: datetime
    reason: str
    new: bool
    before: Action | None


def acknowledge(
    conn: Connection, ids: Sequence[str], *, by: str, reason: str, now: datetime
) -> list[Acknowledged]:
    """Somebody has seen these alerts: what was not delivered yet is not sent any more.

    The thread of each says who it is, once for each person. Raises `InvalidInput` where one of the `ids`
    names none.
    """
    return [_acknowledge(conn, alert, by=by, reason=reason, now=now) for alert in listing.find(conn, ids)]


def _acknowledge(conn: Connection, alert: Raised, *, by: str, reason: str, now: datetime) -> Acknowledged:
    earlier = [done for done in alert.actions if done.action == "acknowledged"]
    own = [done for done in earlier if done.by == by]
    before = earlier[-1] if earlier else None
    if own:
        first = own[0]
        return Acknowledged(id=alert.id, by=by, at=first.at, reason=first.reason, new=False, before=before)
    reached = alert.state == "delivered"
    conn.execute(update(t).where(t.c.id == alert.id).values(state="delivered", silence_id=None))
    record(conn, "acknowledged", by=by, at=now, reason=reason, alert_id=alert.id)
    if reached:
        note = person_acted(
            "acknowledge",
            stream=alert.stream,
            period=alert.period,
            by=by,
            reason=reason,
            key=f"{alert.id}/acknowledge/{by}",
            episode=alert.episode,
            about=alert.id,
        )
        queue.put(conn, note, now=now)
    return Acknowledged(id=alert.id, by=by, at=now, reason=reason, new=True, before=before)
