"""The first rows of a table of predictions, before anybody has said what its columns mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calib.errors import CalibError, InvalidInput
from calib.redaction import reason, shown
from calib.traffic.connect import table_of

ROWS = 1_000
_NO_COLUMN = ("",)  # there is none of this name: what comes back names those that there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """The names of a table's columns, in their order, and the values of its first rows by column."""

    columns: tuple[str, ...]
    values: dict[str, list[Any]]


def peek(url: str, *, base: Path, rows: int = ROWS) -> Peek:
    """Look at a table; relative paths start at `base`.

    Values have the types of the engine; CSV and SQLite give text. Raises `InvalidInput`, without the
    password, for whatever keeps the table from being read.
    """
    try:
        columns = tuple(table_of(url, base=base, stream="--traffic", columns=_NO_COLUMN).columns)
        table = table_of(url, base=base, stream="--traffic", columns=columns)
        values = table.limit(rows).to_pyarrow().to_pydict()
    except CalibError as error:
        raise InvalidInput(str(error)) from None
    except Exception as error:  # noqa: BLE001  every engine has errors of its own
        message = reason(error, url)
        raise InvalidInput(f"--traffic: {shown(url)!r} cannot be read: {message}") from None
    if not any(values.values()):
        raise InvalidInput(f"--traffic: {shown(url)!r} holds no row: there is nothing to guess columns from")
    return Peek(columns=columns, values=values)
