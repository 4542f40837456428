"""Opening the database and bringing its schema up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from calib.errors import InvalidInput, SourceError

BUSY_MS = 30_000
MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str) -> Engine:
    """An engine for a database that answers.

    Raises `InvalidInput` for a URL that SQLAlchemy cannot read and `SourceError`, without the password, for
    a database that cannot be reached or a folder that cannot be written.
    """
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise InvalidInput(f"database {url.split('@')[-1]!r} is not understood: {error}") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediately)
    try:
        with engine.connect():
            pass
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        shown = parsed.render_as_string(hide_password=True)
        raise SourceError(
            f"database {shown} cannot be reached: {reason}. Check `database` in calib.toml, and that the "
            "server runs or the folder can be written"
        ) from None
    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; doing it again changes nothing."""
    from alembic import command

    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "head")


def _alembic(connection: Any) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Wait for other writers instead of failing, and read while they write."""
    connection.isolation_level = None  # transactions are begun by us, below
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_immediately(connection: Any) -> None:
    """Take the write lock at the start: a reader that turns writer half-way is refused at once."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
