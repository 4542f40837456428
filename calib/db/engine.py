"""Opening the database and bringing its schema up to date."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from calib.errors import InvalidInput, SourceError

BUSY_MS = 30_000
MIGRATIONS = Path(__file__).parent / "migrations"
_migrating = threading.Lock()  # Alembic's environment is one for the whole process


def open_engine(url: str) -> Engine:
    """An engine for a database that answers.

    Raises `InvalidInput` for a URL that SQLAlchemy cannot read and `SourceError`, without the password, for
    a database that cannot be reached or a folder that cannot be written.

    >>> open_engine("sqlite://").dialect.name
    'sqlite'
    """
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise _not_understood(url, str(error)) from None
    except ValueError:  # its text may quote a piece of the password
        raise _not_understood(url, "the port is not a number") from None
    if engine.dialect.is_async:
        raise InvalidInput(
            f"`database` in calib.toml names the asynchronous driver {engine.dialect.driver}; "
            "write postgresql+psycopg:// or sqlite:///"
        )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediately)
    try:
        with engine.connect():
            pass
    except (SQLAlchemyError, OSError) as error:
        raise _unreachable(engine, error) from None
    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; doing it again changes nothing.

    The whole upgrade is one transaction. Where two processes begin at once, one of them finds the other's
    tables in its way, starts over and finds nothing left to do. Raises `InvalidInput` for a schema newer
    than this version knows and `SourceError` where the database refuses.
    """
    with _migrating:
        try:
            _upgrade(engine)
        except SQLAlchemyError:
            try:
                _upgrade(engine)
            except SQLAlchemyError as error:
                raise _unreachable(engine, error) from None


def check(engine: Engine) -> str:
    """The revision of the schema, once the database has answered and turned out to be up to date.

    Raises `SourceError` where it does not answer, and `InvalidInput` where its schema is another one.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    try:
        with engine.begin() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise _unreachable(engine, error) from None
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if found != newest or newest is None:
        raise InvalidInput(
            f"database {_shown(engine)} has schema {found or 'none'}, this calibwatch needs {newest};"
            " an older one is brought up to date by any command, for a newer one upgrade calibwatch"
        )
    return newest


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise InvalidInput(
            f"database {_shown(engine)} was written by a newer calibwatch ({error}); upgrade this one"
        ) from None


def _not_understood(url: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"`database` in calib.toml, {url.split('@')[-1].split('?')[0]!r}, is not understood: {why}. Write "
        "sqlite:///FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME with calibwatch[postgres] installed"
    )


def _unreachable(engine: Engine, error: Exception) -> SourceError:
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return SourceError(
        f"database {_shown(engine)} cannot be used: {reason}. Check `database` in calib.toml, and that "
        "the server runs or the folder can be written"
    )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Wait for others instead of failing, and leave nothing of an erased row in the file."""
    connection.isolation_level = None  # transactions are begun by us, below
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")


def _begin_immediately(connection: Connection) -> None:
    """Take the write lock at the start, for reading too: who reads and then writes would be refused half-way.

    So transactions stand in line; each is short, for nothing is computed inside one.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")
