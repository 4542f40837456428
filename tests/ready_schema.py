"""Empty SQLite databases of tests get their tables at once, as the migrations left them in a first one.

All migrations one after another take 45 ms, and a test run makes more than a thousand databases. So the
first one of a process is migrated, and what it holds then makes the others. Tests of migrations ask for the
fixture `real_migrations`. PostgreSQL, databases that hold something, and other processes are always migrated
for real.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, create_engine

from calib.db import schema
from calib.db.schema import Standing

MIGRATE = schema._upgrade
OF_A_TRANSACTION = {"BEGIN TRANSACTION;", "COMMIT;"}


@cache
def statements() -> tuple[tuple[str, ...], str]:
    """What makes a database as the migrations leave it, and the identity that this one was given."""
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            MIGRATE(connection, Standing("empty"))
            identity = str(connection.exec_driver_sql("SELECT identity FROM deployment").scalar_one())
            driver: Any = connection.connection.driver_connection
            made = tuple(line for line in driver.iterdump() if line not in OF_A_TRANSACTION)
    finally:
        engine.dispose()
    return made, identity


def make_at_once(connection: Connection, before: Standing) -> None:
    """Stands in for the migrations; a database that is not empty, or not SQLite's, is left to them."""
    if before.state != "empty" or connection.dialect.name != "sqlite":
        MIGRATE(connection, before)
        return
    made, identity = statements()
    own = str(uuid.uuid4())
    for statement in made:
        connection.exec_driver_sql(statement.replace(identity, own))


def switch_on() -> None:
    """From now on in this process."""
    schema._upgrade = make_at_once


@contextmanager
def migrated_for_real() -> Iterator[None]:
    """Every database is migrated step by step while this lasts."""
    schema._upgrade = MIGRATE
    try:
        yield
    finally:
        switch_on()
