"""The deployment's identity, made with the database and kept in it: no other's alert is taken for ours.

Two deployments may watch streams of one name and post to one channel, such as staging and production. Their
alerts then have the same ids; what tells them apart stands beside the id wherever an alert goes.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Connection, insert, select

from calib.db import tables
from calib.errors import ConstraintViolated

t = tables.deployment


def identity(conn: Connection, *, now: datetime) -> str:
    """The identity; it is made where the database has none yet."""
    known = conn.execute(select(t.c.identity)).scalar()
    if known is not None:
        return str(known)
    try:
        with conn.begin_nested():
            conn.execute(insert(t).values(one=1, identity=str(uuid.uuid4()), made_at=now))
    except ConstraintViolated:  # somebody else was faster
        pass
    return str(conn.execute(select(t.c.identity)).scalar_one())
