"""The whole database as one file of JSON lines, and back, from whichever engine into whichever.

The first line says what the file is: `{"format", "schema", "at"}`. Then comes a line for each row,
`[table, {column: value}]`, tables after those that they refer to; times are ISO 8601 in UTC. The last line
counts: `{"rows": {table: n}}`, so that a file that was cut is recognised.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from sqlalchemy import Connection, Engine, Integer, Table, delete, func, insert, select

from calib.db.engine import without_limits
from calib.db.schema import make_ready, migrate, newest, standing
from calib.db.tables import Moment, deployment, metadata
from calib.errors import InvalidInput
from calib.json_object import Json

FORMAT = "calibwatch.dump/1"
AT_ONCE = 500  # rows for one statement


def dump(engine: Engine, file: IO[str], *, now: datetime) -> dict[str, int]:
    """Write every row of every table, as they were at one moment; how many rows each table has.

    Raises `InvalidInput` where the schema is not the one of this version, and `SourceError` where the
    database fails: what was written until then is of no use.
    """
    make_ready(engine)
    counts: dict[str, int] = {}
    with _at_one_moment(engine) as connection:
        head = {"format": FORMAT, "schema": newest(), "at": now.isoformat()}
        file.write(json.dumps(head) + "\n")
        for table in metadata.sorted_tables:
            counts[table.name] = 0
            query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=AT_ONCE)
            for row in connection.execute(query):
                values = {name: _plain(value) for name, value in row._mapping.items()}
                file.write(json.dumps([table.name, values], ensure_ascii=False) + "\n")
                counts[table.name] += 1
    file.write(json.dumps({"rows": counts}) + "\n")
    return counts


def restore(engine: Engine, lines: Iterable[str], *, name: str) -> dict[str, int]:
    """Put a dump into a database that holds nothing; how many rows each table has then.

    All of it is one transaction: it is there, or nothing is. The deployment's identity becomes that of the
    copy, so that its alerts are recognised where they were sent. `name` is the file's, for messages. Raises
    `InvalidInput` for a file that is not a whole dump of this version's schema and for a database that holds
    rows, and `SourceError` where the database refuses.
    """
    reader = iter(lines)
    _check_head(next(reader, ""), name)
    with engine.connect() as connection:
        empty = standing(connection).state == "empty"
    if empty:
        migrate(engine)
    make_ready(engine)
    with engine.begin() as connection:
        without_limits(connection)
        _refuse_rows(connection)
        connection.execute(delete(deployment))  # the identity that was made with the tables
        counts = _insert(connection, reader, name)
        _count_on(connection)
    return counts


@contextmanager
def _at_one_moment(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees nothing of what others commit meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            without_limits(connection)
            yield connection


def _check_head(line: str, name: str) -> None:
    head = _parsed(line, name, 1)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise InvalidInput(f"{name} is not a dump of calibwatch: `calib db dump` writes one")
    if head.get("schema") != newest():
        raise InvalidInput(
            f"{name} was written with schema {head.get('schema')}, and this calibwatch has {newest()}: "
            "restore it with the version that wrote it, then run `calib db migrate` with this one"
        )


def _refuse_rows(connection: Connection) -> None:
    tables = [table for table in metadata.sorted_tables if table is not deployment]
    held = [table.name for table in tables if connection.execute(select(table).limit(1)).first()]
    if held:
        raise InvalidInput(
            f"the database holds rows already ({', '.join(held[:3])}): nothing was changed. Name an "
            "empty one in `database`"
        )


def _insert(connection: Connection, lines: Iterator[str], name: str) -> dict[str, int]:
    counts: Counter[str] = Counter({table.name: 0 for table in metadata.sorted_tables})
    waiting: list[Json] = []
    of: Table | None = None
    for number, line in enumerate(lines, start=2):
        entry = _parsed(line, name, number)
        if isinstance(entry, dict) and "rows" in entry:
            _flush(connection, of, waiting)
            if entry["rows"] != counts or next(lines, None) is not None:
                raise InvalidInput(f"{name} holds other rows than it counts. Nothing was restored")
            return dict(counts)
        table, values = _row(entry, name, number)
        if table is not of or len(waiting) == AT_ONCE:
            _flush(connection, of, waiting)
            of, waiting = table, []
        waiting.append(values)
        counts[table.name] += 1
    raise InvalidInput(f"{name} ends in the middle: it was cut. Nothing was restored")


def _flush(connection: Connection, table: Table | None, rows: list[Json]) -> None:
    if table is not None and rows:
        connection.execute(insert(table), rows)


def _row(entry: Any, name: str, number: int) -> tuple[Table, Json]:
    match entry:
        case [str(table_name), dict(values)] if table_name in metadata.tables:
            table = metadata.tables[table_name]
            if set(values) == set(table.columns.keys()):
                return table, {key: _typed(table, key, value) for key, value in values.items()}
    raise InvalidInput(f"{name}: line {number} is not a row of a table. Nothing was restored")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(table: Table, column: str, value: Any) -> Any:
    if value is not None and isinstance(table.columns[column].type, Moment):
        return datetime.fromisoformat(value)
    return value


def _parsed(line: str, name: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise InvalidInput(f"{name}: line {number} is not JSON: it is cut, or not a dump") from None


def _count_on(connection: Connection) -> None:
    """Let the next id that PostgreSQL gives follow those that were restored; SQLite looks by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        for column in table.primary_key.columns:
            if not isinstance(column.type, Integer):
                continue
            highest = connection.execute(select(func.max(column))).scalar()
            if highest is not None:
                place = connection.dialect.identifier_preparer.format_table(_in_schema(connection, table))
                sequence = func.pg_get_serial_sequence(place, column.name)
                connection.execute(select(func.setval(sequence, highest)))


def _in_schema(connection: Connection, table: Table) -> Table:
    from calib.db.engine import schema_of

    schema = schema_of(connection.engine)
    return table if schema is None else table.to_metadata(type(metadata)(), schema=schema)
