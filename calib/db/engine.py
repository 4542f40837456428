"""Opening the database: one way for SQLite and PostgreSQL, whose errors are ours."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from calib.db.faults import speak_as_ours
from calib.errors import InvalidInput
from calib.redaction import ESCAPES, redacted, shown, unescaped

BUSY_MS = 30_000
# For PostgreSQL. A job works with one connection at a time and opens no other. What the pages open they keep:
# to sign in at the server takes longer than most of their queries.
POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 0, "pool_timeout": 30, "pool_recycle": 1_800}
CONNECT_SECONDS = 10
# In each transaction, where the server or the user's own settings say nothing: 0 is PostgreSQL's "never".
LIMITS = {
    "lock_timeout": "30s",
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "5min",  # of a process that was stopped while it held a lock
}
FORMS = "sqlite:///FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME with calibwatch[postgres] installed"


def open_engine(url: str, *, schema: str | None = None, reads_only: bool = False) -> Engine:
    """An engine for a database that answers.

    `schema` is the PostgreSQL schema that the tables live in; None: the connection's own. It is put into each
    statement and not into the session, so that a pooler between us and the server changes nothing.
    `reads_only` opens a SQLite file such that nothing in it, or beside it, is made or changed.

    Every error of the engine, later ones too, is a `SourceError` without the password, a statement or a row.
    Raises `InvalidInput` for a URL that SQLAlchemy cannot read, and `SourceError` for a database that cannot
    be reached or a folder that cannot be written.

    >>> open_engine("sqlite://").dialect.name
    'sqlite'
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and schema is not None:
        raise InvalidInput("`schema` in calib.toml belongs to PostgreSQL; SQLite has none: take it out")
    if reads_only and file_of(url) is not None:
        parsed = _to_read(parsed)
    options: dict[str, Any] = {}
    if schema is not None:
        options["execution_options"] = {"schema_translate_map": {None: schema}}
    if parsed.get_backend_name() == "postgresql":
        # prepared statements belong to a session, which a pooler changes between transactions
        connecting = {"connect_timeout": CONNECT_SECONDS, "prepare_threshold": None}
        own = {name: value for name, value in connecting.items() if name not in parsed.query}
        options |= POOL | {"connect_args": own, "pool_pre_ping": True}  # a server may have gone meanwhile
    try:
        engine = create_engine(parsed, hide_parameters=True, **options)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise _not_understood(url, redacted(str(error), url)) from None
    if engine.dialect.is_async:
        raise InvalidInput(
            f"`database` in calib.toml names the asynchronous driver {engine.dialect.driver}; "
            "write postgresql+psycopg:// or sqlite:///"
        )
    speak_as_ours(engine, url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _settle_sqlite if reads_only else _prepare_sqlite)
        event.listen(engine, "begin", _begin_plainly if reads_only else _begin_immediately)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _limit)
    with engine.connect():
        pass
    return engine


def without_limits(connection: Connection) -> None:
    """Let this transaction take as long as it needs and wait for others, as a migration has to."""
    if connection.dialect.name == "postgresql":
        values = ", ".join(f"set_config('{name}', '0', true)" for name in LIMITS)
        connection.exec_driver_sql(f"SELECT {values}")


def schema_of(engine: Engine) -> str | None:
    """The PostgreSQL schema that the engine's tables live in; None: the connection's own."""
    names = engine.get_execution_options().get("schema_translate_map") or {}
    schema: str | None = names.get(None)
    return schema


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; None for any other, and for one in memory."""
    with suppress(ArgumentError, ValueError):
        parsed = make_url(url)
        name = parsed.database
        if parsed.get_backend_name() == "sqlite" and "uri" not in parsed.query:
            return Path(name) if name and name != ":memory:" else None
    return None


def _parsed(url: str) -> URL:
    if unescaped(url):
        raise InvalidInput(
            f"`database` in calib.toml, {shown(url)!r}: the password holds a character that ends it; "
            f"{ESCAPES}"
        )
    try:
        parsed = make_url(url)
        parsed.get_backend_name()
    except ArgumentError:
        raise _not_understood(url, "it is not the URL of a database") from None
    except ValueError:  # its text may quote a piece of the password
        raise _not_understood(url, "the port is not a number") from None
    return parsed


def _to_read(url: URL) -> URL:
    from urllib.parse import quote

    return url.set(database=f"file:{quote(str(url.database))}", query={"mode": "ro", "uri": "true"})


def _not_understood(url: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"`database` in calib.toml, {shown(url)!r}, is not understood: {why}. Write {FORMS}; "
        f"in a password {ESCAPES}"
    )


def _settle_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Wait for others instead of failing; transactions are begun by us."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    """Readers beside a writer, keys that hold, and nothing left of an erased row in the file."""
    _settle_sqlite(connection, record)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")


def _limit(connection: Connection) -> None:
    """Set the limits for one transaction: those of a session would not survive a pooler."""
    values = ", ".join(
        f"set_config('{name}', CASE current_setting('{name}') WHEN '0' THEN '{limit}' "
        f"ELSE current_setting('{name}') END, true)"
        for name, limit in LIMITS.items()
    )
    connection.exec_driver_sql(f"SELECT {values}")


def _begin_plainly(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediately(connection: Connection) -> None:
    """Take the write lock at the start, for reading too: who reads and then writes would be refused half-way.

    So transactions stand in line; each is short, for nothing is computed inside one.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")
