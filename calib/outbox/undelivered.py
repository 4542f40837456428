"""Alerts that nobody has: given up for now, or waiting for longer than delivery ever takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from calib.db import tables

t = tables.outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """How many alerts are `parked`, how many have been `waiting` too long, and the time of the oldest."""

    parked: int
    waiting: int
    oldest: datetime


def undelivered(conn: Connection, *, before: datetime) -> Undelivered | None:
    """What lies in the outbox: all that is parked, and what has waited since `before`; None for nothing.

    The alert that says so is itself left out: while nothing is delivered it would count itself.
    """
    lying = (t.c.state == "parked") | ((t.c.state == "pending") & (t.c.created_at <= before))
    query = (
        select(t.c.state, func.count(), func.min(t.c.created_at))
        .where(lying, t.c.kind != "alerts_parked")
        .group_by(t.c.state)
    )
    rows = {state: (int(n), oldest) for state, n, oldest in conn.execute(query)}
    if not rows:
        return None
    count = {state: n for state, (n, _) in rows.items()}
    return Undelivered(
        parked=count.get("parked", 0),
        waiting=count.get("pending", 0),
        oldest=min(oldest for _, oldest in rows.values()),
    )
