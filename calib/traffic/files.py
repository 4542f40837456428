"""Traffic in files, local ones or objects in a store: Parquet, CSV and JSON Lines, all read by DuckDB."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from calib.errors import CalibError, InvalidInput, SourceError
from calib.local_paths import local_path
from calib.tabular.many import PLACE, quoted
from calib.traffic.duckdb_connection import duckdb_connection
from calib.traffic.partitions import needed
from calib.traffic.place import place_of

if TYPE_CHECKING:
    from calib.tabular.object_files import StoredFiles
    from calib.traffic.values import Interval

PARQUET = b"PAR1"  # what each Parquet file begins with
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """An Ibis table. `whole`: no file of another time was left out of it, so that it serves any interval.

    `rejected`: how many lines of its files are no rows, by kind: `cut_line`, `repeated_header`. `lacking`: by
    column the files that do not have it, beside others that do.
    """

    table: Any
    whole: bool = True
    rejected: Mapping[str, int] = field(default_factory=dict)
    lacking: Mapping[str, Sequence[Path | str]] = field(default_factory=dict)


def opened(
    kind: str,
    pattern: str,
    *,
    base: Path,
    where: str,
    columns: Sequence[str],
    numbers: Sequence[str],
    timezone: str,
    interval: Interval | None,
    late: timedelta,
    places: bool,
) -> OpenedTable:
    """The files that a pattern matches as one table; what `calib.traffic.connect.table_of` promises.

    `where` names the stream and its traffic in errors.
    """
    import ibis

    from calib.tabular import load
    from calib.tabular.object_files import is_stored, list_stored

    # Files with naive times beside files with aware ones become one column of text: in this time zone.
    connection = duckdb_connection(timezone)
    try:
        if is_stored(pattern):
            stored = list_stored(pattern)
            names: Sequence[str] = [file.url for file in stored.files]
        else:
            pattern = _local(pattern, base)
            names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  patterns may be absolute
        if not names:
            raise InvalidInput(f"no file matches {pattern}")
        indices = _needed_indices(names, pattern, interval, late)
        if is_stored(pattern):
            needed_only = _only(stored, indices)
            loaded = _load_stored(
                connection, kind, needed_only, columns=columns, numbers=numbers, places=places
            )
        else:
            paths = [Path(names[i]) for i in indices]
            if kind == "parquet":
                for path in paths:
                    _refuse_other_than_parquet(path)
            loaded = load(connection.con, paths, columns=columns, numbers=numbers, places=places)
    except InvalidInput as error:
        raise InvalidInput(f"{where} cannot be read: {error}") from None
    except SourceError as error:
        raise SourceError(f"{where} cannot be read: {error}").at(place_of(f"{kind}:{pattern}")) from None
    whole = len(indices) == len(names)
    if len(loaded.columns) < len(set(columns)):
        return OpenedTable(ibis.table(dict.fromkeys(loaded.names, "string")), whole)  # to say what is there
    return OpenedTable(connection.table(loaded.table), whole, loaded.rejected, loaded.lacking)


def _needed_indices(
    names: Sequence[str], pattern: str, interval: Interval | None, late: timedelta
) -> list[int]:
    """Which of the files are read: those that the interval needs, one at least, for its columns."""
    if interval is None:
        return list(range(len(names)))
    indices = [i for i, need in enumerate(needed(names, interval, pattern=pattern, late=late)) if need]
    return indices or [len(names) - 1]


def _local(pattern: str, base: Path) -> str:
    """The pattern of local files, a relative one below `base`, `~` being the home of whoever runs this."""
    scheme, separator, _ = pattern.partition("://")
    if separator:
        raise InvalidInput(
            f"files cannot be listed at {scheme}://; write a local pattern, s3://BUCKET/…, gs://… or az://…"
        )
    return str(local_path(pattern, base=base))


def _only(stored: StoredFiles, indices: Sequence[int]) -> StoredFiles:
    return replace(stored, files=tuple(stored.files[i] for i in indices))


def _load_stored(
    connection: Any,
    kind: str,
    stored: StoredFiles,
    *,
    columns: Sequence[str],
    numbers: Sequence[str],
    places: bool,
) -> Any:
    """Parquet is read in place, by its columns; text is copied, for it is read twice and whole."""
    from calib.tabular import load
    from calib.tabular.file import parquet_table
    from calib.tabular.formats import TemporaryFolder
    from calib.tabular.object_files import DuckdbFiles, copy_stored

    if kind == "parquet":
        connection.con.register_filesystem(DuckdbFiles.of(stored))
        files = [parquet_table(connection.con, file.url) for file in stored.files]
        return load(connection.con, files, columns=columns, numbers=numbers, places=places)
    folder = TemporaryFolder()  # what DuckDB keeps is a table: the copies go when this ends
    copies = copy_stored(stored, folder.path)
    try:
        loaded = load(connection.con, list(copies), columns=columns, numbers=numbers, places=places)
        for path, file in copies.items() if places else ():
            named = f"UPDATE {quoted(loaded.table)} SET {quoted(PLACE[0])} = ? WHERE {quoted(PLACE[0])} = ?"  # noqa: S608
            connection.con.execute(named, [file.url, str(path)])
        lacking = {
            name: tuple(copies[path].url for path in copies if path in paths)
            for name, paths in loaded.lacking.items()
        }
        return replace(loaded, lacking=lacking)
    except CalibError as error:
        message = str(error)
        for path, file in copies.items():
            message = message.replace(str(path), file.url)
        raise type(error)(message) from None


def _refuse_other_than_parquet(path: Path) -> None:
    """What a URL calls Parquet must be Parquet: text under that name may be a page that says "not found"."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(PARQUET))
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from None
    if begins != PARQUET:
        raise InvalidInput(
            f"{path} is not a Parquet file; write csv: or jsonl: for text, or make the file anew"
        )
