"""The schema: which one stands in a database, whose it is, and how it is brought up to date.

The tables are counted by a version table of our own, `calibwatch_alembic_version`. `alembic_version` belongs
to whoever else uses Alembic in the same database: it is read once, to find out whether calibwatch 0.1.0
kept its count there, and never changed.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, column, func, inspect, select, table, text

from calib.db.adoption import revision_of_first_version
from calib.db.engine import file_of, open_engine, schema_of, without_limits
from calib.db.tables import metadata
from calib.errors import InvalidInput, SourceError
from calib.redaction import shown

LOG = logging.getLogger(__name__)
VERSION_TABLE = "calibwatch_alembic_version"
MIGRATIONS = Path(__file__).parent / "migrations"
# Oldest first, as the scripts there have them. Every verb looks at them, and Alembic takes long to import.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
LOCK = 0x63616C6962  # "calib": the advisory lock of PostgreSQL under which the schema changes
MIGRATE = "run `calib db migrate`"
_migrating = threading.Lock()  # Alembic's environment is one for the whole process


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in a database.

    `empty`: none of our tables; `foreign`: tables of our names that are not ours, which are named. `revision`
    is the schema's own. `adopted`: its count is still kept in `alembic_version`, as calibwatch 0.1.0 did.
    """

    state: Literal["empty", "foreign", "older", "newest", "newer"]
    revision: str | None = None
    adopted: bool = False
    foreign: tuple[str, ...] = ()


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Bring the schema up to date, as one transaction: the revision before, None for none, and now.

    Doing it again changes nothing; of several processes that begin at once one migrates and the others wait
    for it. Raises `InvalidInput` for a schema newer than this version knows and for tables of our names that
    are not ours, and `SourceError` where the database refuses.
    """
    with _migrating, engine.connect() as connection, _keys_put_off(connection), connection.begin():
        _stand_in_line(connection)
        before = standing(connection)
        _refuse(engine, _name(engine), before, accept=("empty", "older", "newest"))
        if before.state != "newest" or before.adopted:
            _upgrade(connection, before)
            _keys_hold(connection)
    if before.state != "newest" or before.adopted:
        keys = {"event": "migrated", "before": before.revision, "now": newest()}
        LOG.info("the schema was brought from %s to %s", before.revision or "nothing", newest(), extra=keys)
    return before.revision, newest()


def make_ready(engine: Engine) -> None:
    """Make the tables of a database that has none; leave one that is up to date as it is.

    Raises `InvalidInput` for an older schema, which is upgraded by `calib db migrate` alone, and for whatever
    `migrate` refuses.
    """
    with engine.connect() as connection:
        present = standing(connection)
    if present.state == "empty":
        migrate(engine)
        return
    _refuse(engine, _name(engine), present, accept=("newest",))


def check(url: str, *, schema: str | None = None) -> str:
    """What stands in the database, in words; nothing in it is changed, and nothing is made.

    Raises `SourceError` where it does not answer or cannot be written, and `InvalidInput` where its schema is
    not the one that this version works with.
    """
    path = file_of(url)
    if path is not None and not path.exists():
        open_engine("sqlite://", schema=schema).dispose()  # what is wrong with the settings comes first
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise SourceError(
                f"database {shown(url)} cannot be made: the folder {path.parent} is missing or may not be "
                "written. Make it, or name another file in `database`"
            )
        return f"{shown(url)}, no schema yet: `calib db migrate` makes it, or the first verb that needs it"
    engine = open_engine(url, schema=schema, reads_only=True)
    try:
        with engine.connect() as connection:
            present = standing(connection)
            _refuse(engine, shown(url), present, accept=("empty", "newest"))
            if present.state == "newest" and not present.adopted:
                _complete(shown(url), connection)
            _writable(shown(url), connection, path)
    finally:
        engine.dispose()
    place = shown(url) if schema is None else f"{shown(url)}, PostgreSQL schema {schema}"
    if present.state == "empty":
        return f"{place}, no schema yet: `calib db migrate` makes it, or the first verb that needs it"
    return f"{place}, schema {present.revision} is up to date"


def open_to_read(url: str, *, schema: str | None = None) -> Engine | None:
    """The database for reading alone, nothing in it changed; None where it has no tables of this version yet.

    Raises `SourceError` where it does not answer, and `InvalidInput` for a URL that is not understood.
    """
    path = file_of(url)
    if path is not None and not path.exists():
        return None
    engine = open_engine(url, schema=schema, reads_only=True)
    with engine.connect() as connection:
        present = standing(connection)
    if present.state == "newest" and not present.adopted:
        return engine
    engine.dispose()
    return None


def standing(connection: Connection) -> Standing:
    """What stands in the database that a connection leads to."""
    schema = schema_of(connection.engine)
    names = set(inspect(connection).get_table_names(schema))
    if VERSION_TABLE in names:
        count = table(VERSION_TABLE, column("version_num"), schema=schema)
        revision = connection.execute(select(count.c.version_num)).scalar()
        if revision is not None:
            return _counted(str(revision), adopted=False)
    ours = tuple(sorted(set(metadata.tables) & names))
    if not ours:
        return Standing("empty")
    adopted = revision_of_first_version(connection, schema)
    if adopted is not None:
        return _counted(adopted, adopted=True)
    return Standing("foreign", foreign=ours)


def newest() -> str:
    """The revision that this version of calibwatch works with."""
    return REVISIONS[-1]


def _counted(revision: str, *, adopted: bool) -> Standing:
    if revision == newest():
        return Standing("newest", revision, adopted)
    return Standing("older" if revision in REVISIONS else "newer", revision, adopted)


def _name(engine: Engine) -> str:
    return shown(engine.url.render_as_string(hide_password=True))


def _refuse(engine: Engine, name: str, present: Standing, *, accept: tuple[str, ...]) -> None:
    """Raise `InvalidInput` where what stands is not among what is accepted."""
    if present.state in accept:
        return
    where = f"database {name}"
    if present.state == "foreign":
        remedy = 'Give calibwatch a database of its own in `database`, or write schema = "calib"'
        if engine.dialect.name == "sqlite":
            remedy = "Give calibwatch a file of its own in `database`"
        elif schema_of(engine) is not None:
            remedy = "Give calibwatch a schema of its own in `schema`"
        raise InvalidInput(
            f"{where} has tables of calibwatch's names that calibwatch did not make: "
            f"{', '.join(present.foreign)}. Nothing was changed. {remedy}"
        )
    if present.state == "newer":
        raise InvalidInput(
            f"{where} has schema {present.revision}, written by a newer calibwatch than this one, which "
            f"knows {newest()}: upgrade this one"
        )
    raise InvalidInput(f"{where} has schema {present.revision}, this calibwatch needs {newest()}: {MIGRATE}")


@contextmanager
def _keys_put_off(connection: Connection) -> Iterator[None]:
    """On SQLite: do not enforce foreign keys, as its own procedure for changing a table asks for.

    There a constraint is changed by making the table anew, and rows of other tables refer to the old one. The
    switch works outside a transaction alone, so that it goes past SQLAlchemy, which would begin one.
    """
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _keys_hold(connection: Connection) -> None:
    """Raise `SourceError`, which undoes the migration, where a row refers to one that is not there."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.execute(text("PRAGMA foreign_key_check")).first()
    if broken is not None:
        raise SourceError(
            f"a row of the table {broken[0]} refers to a row of {broken[2]} that is not there: the database "
            "is damaged. Nothing was changed. Restore it from a backup"
        )


def _stand_in_line(connection: Connection) -> None:
    """One after the other: SQLite's transactions are so anyway, PostgreSQL has a lock that ends with one."""
    if connection.dialect.name == "postgresql":
        without_limits(connection)
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))


def _upgrade(connection: Connection, before: Standing) -> None:
    from alembic import command
    from alembic.config import Config

    schema = schema_of(connection.engine)
    if schema is not None:
        quoted = connection.dialect.identifier_preparer.quote(schema)
        if not inspect(connection).has_schema(schema):
            connection.execute(text(f"CREATE SCHEMA {quoted}"))
        # For statements of migrations that are plain SQL; the transaction's end undoes it.
        connection.execute(text(f"SET LOCAL search_path TO {quoted}"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = {"version_table": VERSION_TABLE, "version_table_schema": schema}
    if before.adopted:
        command.stamp(config, str(before.revision))
    command.upgrade(config, "head")


def _complete(name: str, connection: Connection) -> None:
    """Refuse a database that says it is up to date and lacks a table or a column."""
    schema, look = schema_of(connection.engine), inspect(connection)
    names = set(look.get_table_names(schema))
    lacks = sorted(set(metadata.tables) - names)
    for known in sorted(set(metadata.tables) & names):
        columns = {one["name"] for one in look.get_columns(known, schema)}
        lacks += sorted(
            f"{known}.{one.name}" for one in metadata.tables[known].columns if one.name not in columns
        )
    if lacks:
        raise InvalidInput(
            f"database {name} says that its schema is {newest()}, and lacks {', '.join(lacks[:5])}: somebody "
            "took it away, or a copy was cut short. Restore a backup of it"
        )


def _writable(name: str, connection: Connection, path: Path | None) -> None:
    """Raise `SourceError` where a connection that answers could not write."""
    where = f"database {name}"
    if path is not None and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise SourceError(
            f"{where} is read-only: {path} or its folder may not be written. Change that, or name another "
            "file in `database`"
        )
    if connection.dialect.name == "postgresql":
        standby = connection.execute(select(func.pg_is_in_recovery())).scalar_one()
        read_only = connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"
        if standby or read_only:
            reason = "is a standby" if standby else "makes read-only transactions"
            raise SourceError(f"{where} {reason}, which cannot be written. Name the primary in `database`")
