"""A look at what a database holds: its rows, and whether they are whole. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select, text

from calib.db.schema import standing
from calib.db.tables import metadata
from calib.errors import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The server with its version, and how many rows each table has; none where there is no schema yet."""

    server: str
    rows: dict[str, int]


def look(engine: Engine) -> Health:
    """Count the rows; raises `SourceError` for a damaged file and for a row that refers to none."""
    with engine.connect() as connection:
        server = _server(connection)
        _check_file(connection)
        if standing(connection).state == "empty":
            return Health(server=server, rows={})
        rows = {
            table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in metadata.sorted_tables
        }
        _check_references(connection)
    return Health(server=server, rows=rows)


def _server(connection: Connection) -> str:
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.dialect.name, "")
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    return f"{name} {version}"


def _check_file(connection: Connection) -> None:
    """SQLite alone can look; PostgreSQL checks its pages while it reads them, where it was told to."""
    if connection.dialect.name == "sqlite":
        says = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
        if says != "ok":
            raise SourceError("the database's file is damaged. Restore it from a backup")


def _check_references(connection: Connection) -> None:
    """Every row that refers to another has it: a copy that was made by hand may be torn."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            parent = key.column.table.alias()
            there = parent.c[key.column.name]
            lonely = select(func.count()).select_from(table).outerjoin(parent, key.parent == there)
            n = connection.execute(lonely.where(key.parent.is_not(None), there.is_(None))).scalar_one()
            if n:
                raise SourceError(
                    f"{n} rows of the table {table.name} refer to rows of {key.column.table.name} that are "
                    "not there: the database is damaged. Restore it from a backup"
                )
