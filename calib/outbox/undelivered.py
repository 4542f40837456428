"""Alerts that nobody has: given up for now, or waiting for longer than delivery ever takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, exists, func, select

from calib.alerts import NOTE
from calib.db import tables

t, d = tables.outbox, tables.deliveries


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
    given_up = exists().where(d.c.alert_id == t.c.id, d.c.state == "parked") & (t.c.state == "pending")
    state = case((given_up, "parked"), else_=t.c.state)  # though another place may still get it
    lying = (state == "parked") | ((t.c.state == "pending") & (t.c.created_at <= before))
    of_each = (
        select(state.label("word"), t.c.created_at)
        .where(lying, t.c.kind.not_in(("alerts_parked", NOTE)))
        .subquery()
    )
    word = of_each.c.word
    query = select(word, func.count(), func.min(of_each.c.created_at)).group_by(word)
    rows = {word: (int(n), oldest) for word, n, oldest in conn.execute(query)}
    if not rows:
        return None
    count = {word: n for word, (n, _) in rows.items()}
    return Undelivered(
        parked=count.get("parked", 0),
        waiting=count.get("pending", 0),
        oldest=min(oldest for _, oldest in rows.values()),
    )
