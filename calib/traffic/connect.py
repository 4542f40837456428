"""From a URL to an Ibis table: the only place that knows one engine from another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from calib.errors import CalibError, InvalidInput, SourceError
from calib.local_paths import local_path
from calib.redaction import ESCAPES, reason, shown, unescaped
from calib.tabular.many import quoted
from calib.traffic import files
from calib.traffic.duckdb_connection import duckdb_connection
from calib.traffic.files import OpenedTable
from calib.traffic.place import FILES
from calib.traffic.postgres_types import with_plain_types

if TYPE_CHECKING:
    from calib.traffic.values import Interval

KINDS = "parquet:GLOB, csv:GLOB, jsonl:GLOB, duckdb:FILE#TABLE, sqlite:FILE#TABLE, postgresql://HOST/DB#TABLE"
ROWS_AT_ONCE = 50_000
# tables, partitioned ones, views, materialized ones, and tables of other servers
_RELATIONS = (
    "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = coalesce(%s, current_schema())"
)


def open_table_of(
    url: str,
    *,
    base: Path,
    stream: str,
    what: str = "traffic",
    columns: tuple[str, ...],
    numbers: tuple[str, ...] = (),
    timezone: str = "UTC",
    interval: Interval | None = None,
    late: timedelta = timedelta(),
    places: bool = False,
) -> OpenedTable:
    """The table behind `url`, which errors call `what`; relative paths start at `base`.

    `columns` are the ones that will be asked for, all that a CSV file or a SQLite table has to be read for;
    `numbers` are the ones among them that hold numbers. `timezone` is the one that naive times are read in.
    With `interval`, files of Hive partitions that hold none of its rows are left out:
    `calib.traffic.partitions.needed`, which says what `late` is. With `places` a table of files has the
    columns `calib.tabular.many.PLACE` too.

    Raises `InvalidInput` for a URL of no known kind, a glob without files or a file that is not a table, and
    `SourceError` for an engine that cannot be reached.
    """
    kind, _, rest = url.partition(":")
    where = f"{stream}: {what} {shown(url)!r}"
    if kind in FILES:
        return files.opened(
            kind,
            rest,
            base=base,
            where=where,
            columns=columns,
            numbers=numbers,
            timezone=timezone,
            interval=interval,
            late=late,
            places=places,
        )
    place, _, table = url.rpartition("#")
    if not table or not rest or not place:
        raise InvalidInput(f"{where} is not understood; write one of {KINDS}")
    return OpenedTable(_table_of_engine(url, kind, place, table, base=base, where=where, columns=columns))


def table_of(url: str, *, base: Path, stream: str, columns: tuple[str, ...]) -> Any:
    """The whole of the table that `open_table_of` opens."""
    return open_table_of(url, base=base, stream=stream, columns=columns).table


def _table_of_engine(
    url: str, kind: str, place: str, table: str, *, base: Path, where: str, columns: tuple[str, ...]
) -> Any:
    if kind in ("duckdb", "sqlite"):
        path = local_path(place.partition(":")[2].removeprefix("//"), base=base)
        if not path.is_file():
            raise InvalidInput(f"{where}: the file {path} does not exist")
        if kind == "sqlite":
            return _sqlite(path, table, where=where, columns=columns)
        return _engine(kind, str(path.resolve()), table, where=where)
    if kind in ("postgres", "postgresql") or kind.startswith("postgresql+"):
        kind, place = "postgresql", f"postgresql:{place.partition(':')[2]}"  # SQLAlchemy's way of writing it
    _refuse_unescaped(url, where)
    if kind == "spark":
        place = "pyspark://" + place.partition(":")[2].removeprefix("//")
    return _engine(kind, place, table, where=where)


def engine_of(table: Any) -> str:
    """The name of the engine behind a table; empty for a table that has none."""
    from ibis.common.exceptions import IbisError

    try:
        return str(table.get_backend().name)
    except IbisError:
        return ""


def md5_of(text: Any, engine: str) -> Any:
    """The md5 of a text expression as 32 lower-case hex digits, by the engine's own functions.

    DuckDB, PostgreSQL, Spark and Snowflake have a function from text to hex; in BigQuery and Trino md5 gives
    bytes, in Trino it also takes them.
    """
    import ibis

    def function(name: str, argument: Any, result: str) -> Any:
        kind = argument.type().copy(nullable=True)
        declared = ibis.udf.scalar.builtin(name=name, signature=((kind,), result))(lambda _: None)
        return declared(argument)

    if engine in ("bigquery", "trino"):
        source = function("to_utf8", text, "binary") if engine == "trino" else text
        return function("to_hex", function("md5", source, "binary"), "string").lower()
    return function("md5", text, "string")


def _engine(kind: str, place: str, table: str, *, where: str) -> Any:
    import ibis

    try:
        connection = (
            duckdb_connection(path=place, read_only=True) if kind == "duckdb" else ibis.connect(place)
        )
    except (ValueError, ModuleNotFoundError, ImportError) as error:
        raise InvalidInput(
            f"{where}: no engine for {kind!r} ({reason(error, place)}); write one of {KINDS}"
        ) from None
    except Exception as error:  # noqa: BLE001  every engine has errors of its own
        raise SourceError(f"{where} cannot be reached: {reason(error, place)}").at(shown(place)) from None
    try:
        return _named(connection, table, where=where)
    except CalibError:
        _close(connection)
        raise
    except Exception as error:  # noqa: BLE001
        _close(connection)
        raise SourceError(f"{where} cannot be read: {reason(error, place)}").at(shown(place)) from None


def _named(connection: Any, table: str, *, where: str) -> Any:
    names = _tables(connection, None)
    schema, _, name = table.rpartition(".")
    if table not in names and schema and name in _tables(connection, schema):
        return _table(connection, name, schema)
    if table not in names:
        raise InvalidInput(
            f"{where} has no table {table!r}; it has {', '.join(sorted(names)[:10]) or 'none'}"
        )
    return _table(connection, table, None)


def _table(connection: Any, table: str, schema: str | None) -> Any:
    if connection.name == "postgres":
        return with_plain_types(connection, table, schema)
    return connection.table(table, database=schema)


def _close(connection: Any) -> None:
    with suppress(Exception):  # what went wrong before is what has to be said
        connection.disconnect()


def _refuse_unescaped(url: str, where: str) -> None:
    """Raise `InvalidInput` where a password ends the part of the URL that it stands in."""
    if unescaped(url):
        raise InvalidInput(f"{where}: the password holds a character that ends it; {ESCAPES}")


def _tables(connection: Any, schema: str | None) -> list[str]:
    if connection.name == "postgres":
        # ibis asks information_schema, which leaves materialized views out
        return [name for (name,) in connection.con.execute(_RELATIONS, [schema]).fetchall()]
    if connection.name != "duckdb":
        return list(connection.list_tables(database=schema))
    # ibis 12 lists them through a method that DuckDB 2 has dropped
    query = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = coalesce(?, current_schema())"
    )
    return [name for (name,) in connection.con.execute(query, [schema]).fetchall()]


def _sqlite(path: Path, table: str, *, where: str, columns: tuple[str, ...]) -> Any:
    """A copy as text in memory: SQLite's own values have no types, and none of them is a time."""
    import sqlite3

    import pyarrow as pa

    source = None
    try:
        source = sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, check_same_thread=False
        )
        source.text_factory = lambda raw: raw.decode("utf-8", "replace")
        tables = source.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        names = [name for (name,) in tables]
        if table not in names:
            raise InvalidInput(
                f"{where} has no table {table!r}; it has {', '.join(sorted(names)[:10]) or 'none'}"
            )
        first = source.execute(f"SELECT * FROM {quoted(table)} LIMIT 0")  # noqa: S608
        column_names = [column[0] for column in first.description]
        chosen = (
            [name for name in column_names if name in columns]
            if set(columns) <= set(column_names)
            else column_names
        )
        column_list = ", ".join(map(quoted, chosen))
        rows = source.execute(f"SELECT {column_list} FROM {quoted(table)}")  # noqa: S608
        schema = pa.schema([(name, pa.string()) for name in chosen])
        connection = duckdb_connection()
        connection.con.register("rows", pa.RecordBatchReader.from_batches(schema, _as_text(rows, schema)))
        connection.raw_sql("CREATE TEMP TABLE traffic AS SELECT * FROM rows")
        connection.con.unregister("rows")
        return connection.table("traffic")
    except sqlite3.OperationalError as error:
        raise SourceError(f"{where} cannot be read: {reason(error)}").at(shown(f"sqlite:{path}")) from None
    except sqlite3.Error as error:
        raise InvalidInput(f"{where} cannot be read: {reason(error)}") from None
    finally:
        if source is not None:
            source.close()


def _as_text(rows: Any, schema: Any) -> Iterator[Any]:
    import pyarrow as pa

    while block := rows.fetchmany(ROWS_AT_ONCE):
        columns = [[_text(value) for value in column] for column in zip(*block, strict=True)]
        arrays = [pa.array(column, pa.string()) for column in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _text(value: Any) -> str | None:
    """Python writes a float such that it can be read back; SQLite would write 15 digits of it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, str) else repr(value)
