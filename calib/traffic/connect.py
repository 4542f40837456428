"""From a URL to an Ibis table: the only place that knows one engine from another."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from calib.errors import InvalidInput, SourceError

KINDS = "parquet:GLOB, csv:GLOB, duckdb:FILE#TABLE, sqlite:FILE#TABLE, postgresql://HOST/DB#TABLE"


def table_of(url: str, *, base: Path, stream: str, columns: tuple[str, ...]) -> Any:
    """The traffic table behind `url`; relative paths start at `base`.

    `columns` are the ones that will be asked for, all that a CSV file has to be read for. Raises
    `InvalidInput` for a URL of no known kind, a glob without files or a file that is no table, and
    `SourceError` for an engine that cannot be reached.
    """
    kind, _, rest = url.partition(":")
    where = f"{stream}: traffic {redacted(url)!r}"
    if kind in ("parquet", "csv"):
        return _files(kind, rest, base=base, where=where, columns=columns)
    place, _, table = url.partition("#")
    if not table or not rest:
        raise InvalidInput(f"{where} is not understood; write one of {KINDS}")
    if kind in ("duckdb", "sqlite"):
        path = base / place.partition(":")[2].removeprefix("//")
        if not path.is_file():
            raise InvalidInput(f"{where}: there is no file {path}")
        place = f"{kind}://{quote(str(path.resolve()))}"
        if kind == "duckdb":
            place += "?read_only=True"
    return _engine(kind, place, table, where=where)


def redacted(url: str) -> str:
    """The URL without its password."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return "(a malformed URL)"
    return url if not password else url.replace(f":{password}@", ":***@", 1)


def _files(kind: str, pattern: str, *, base: Path, where: str, columns: tuple[str, ...]) -> Any:
    import duckdb
    import ibis

    paths = sorted(glob.glob(str(base / pattern), recursive=True))  # noqa: PTH207  patterns may be absolute
    if not paths:
        raise InvalidInput(f"{where}: no file matches {base / pattern}")
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")
    try:
        if kind == "parquet":
            return _known_times(connection, connection.read_parquet(paths, union_by_name=True))
        # Everything is read as text and interpreted by our own rules. The text is stored before it is
        # used: DuckDB 2.0 moves a TRY_CAST into its CSV reader, where a failing cast is an error.
        text = connection.read_csv(paths, all_varchar=True, union_by_name=True, header=True)
        asked = [name for name in text.columns if name in columns]
        return connection.create_table("traffic", text.select(asked) if asked else text, temp=True)
    except duckdb.Error as error:
        raise InvalidInput(f"{where} cannot be read: {str(error).splitlines()[0]}") from None


def _known_times(connection: Any, table: Any) -> Any:
    """Aware times in nanoseconds as microseconds: DuckDB 2 has a type for them that ibis 12 does not know."""
    strange = [
        name.replace('"', '""')
        for name, kind in table.schema().items()
        if kind.is_unknown() and "TIMESTAMPTZ_NS" in str(kind)
    ]
    if not strange:
        return table
    casts = ", ".join(f'CAST("{name}" AS TIMESTAMPTZ) AS "{name}"' for name in strange)
    view = f'CREATE TEMP VIEW traffic AS SELECT * REPLACE ({casts}) FROM "{table.get_name()}"'  # noqa: S608
    connection.raw_sql(view)
    return connection.table("traffic")


def _engine(kind: str, place: str, table: str, *, where: str) -> Any:
    import ibis

    try:
        connection = ibis.connect(place)
    except (ValueError, ModuleNotFoundError, ImportError) as error:
        raise InvalidInput(f"{where}: no engine for {kind!r} ({error}); write one of {KINDS}") from None
    except Exception as error:  # noqa: BLE001  every engine has errors of its own
        raise SourceError(f"{where} cannot be reached: {_first_line(error)}") from None
    if kind == "duckdb":
        connection.raw_sql("SET TimeZone = 'UTC'")
    if kind == "sqlite":
        _teach_md5(connection)
    try:
        names = connection.list_tables()
    except Exception as error:  # noqa: BLE001
        raise SourceError(f"{where} cannot be read: {_first_line(error)}") from None
    if table not in names:
        raise InvalidInput(
            f"{where} has no table {table!r}; it has {', '.join(sorted(names)[:10]) or 'none'}"
        )
    return connection.table(table)


def _teach_md5(connection: Any) -> None:
    """SQLite has no md5 of its own."""
    import hashlib

    def md5(text: str | None) -> str | None:
        return None if text is None else hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    connection.con.create_function("md5", 1, md5, deterministic=True)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
