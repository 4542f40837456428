"""Forms of the web page that were posted: each is carried out once, however often it is sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert

from calib.db import tables
from calib.errors import ConstraintViolated

t = tables.posted_forms


def use(conn: Connection, key: str, *, now: datetime) -> bool:
    """Note that a form was posted, in the transaction that carries it out; False where it had been.

    Of two that come at once, the second waits for the first one's transaction, and sees how that ended.
    """
    try:
        with conn.begin_nested():
            conn.execute(insert(t).values(key=key, at=now))
    except ConstraintViolated:
        return False
    return True


def forget(conn: Connection, *, before: datetime) -> int:
    """Forget forms that nobody can post again, for the session that they were made for is over; how many."""
    return conn.execute(delete(t).where(t.c.at < before)).rowcount
