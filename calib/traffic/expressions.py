"""Ibis expressions over the traffic table: how a cell of it is read, whatever its type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.datatypes as dt

from calib.measure import GRID
from calib.period import naive_bound
from calib.sampling.draw import HEX_DIGITS
from calib.traffic.connect import engine_of, md5_of
from calib.traffic.values import Columns

REJECTS = ("out_of_scope", "missing_id", "missing", "not_a_number", "out_of_range", "bad_timestamp")
NUMBER = r"^[+-]?(\d{1,60}\.?\d{0,60}|\.\d{1,60})([eE]([+-]?\d{1,2}|-[12]\d\d))?$"
INFINITE = r"^[+-]?inf(inity)?$"
DAY, CLOCK = r"\d{4}-\d\d-\d\d", r"[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?"
NAIVE = rf"^{DAY}({CLOCK})?$"
AWARE = rf"^{DAY}{CLOCK} ?(Z|z|UTC|[+-]\d\d(:?\d\d)?)$"
NANOSECONDS = 9


def number(column: Any) -> Any:
    """A column as float64; text that is no decimal number, NaN, infinities and booleans become null."""
    kind = column.type()
    nothing = ibis.null("float64")
    if kind.is_string():
        text = column.strip()
        # the pattern first: not every engine has a cast that fails softly, and what fails differs
        return text.re_search(NUMBER).ifelse(text, ibis.null("string")).try_cast("float64")
    if not kind.is_numeric():
        return nothing
    value = column.cast("float64")
    # Not isnan: DuckDB 2 answers it, and every comparison, from a Parquet file's statistics, which leave
    # NaN out. The difference is 0 for finite numbers and NaN for all others.
    return (value - value == 0).ifelse(value, nothing) if kind.is_floating() else value


def share(column: Any) -> Any:
    """A column as float64 in [0, 1]; null where it holds anything else."""
    value = number(column)
    return ((value >= 0) & (value <= 1)).ifelse(value, ibis.null("float64"))


def served(table: Any, columns: Columns) -> Any:
    """What production used; the raw confidence where it logged nothing that is a confidence."""
    return share(table[columns.served]).fill_null(share(table[columns.confidence]))


def answer(column: Any) -> Any:
    """A column of answers as lower-case text; null where it is blank or NaN."""
    kind = column.type()
    plain = column.cast("float64") if kind.is_numeric() and not kind.is_boolean() else column
    text = plain.cast("string").strip().lower()
    return text.nullif("").nullif("nan")


def equals(column: Any, value: bool | int | float | str) -> Any:
    """Whether the column holds `value` of the settings; `TypeError` where it can hold none like it."""
    kind = column.type()
    if kind.is_string():
        if isinstance(value, bool):
            return column.strip().lower().isin(("true", "t", "1") if value else ("false", "f", "0"))
        return column == str(value)
    if kind.is_boolean():
        words: dict[object, bool] = {"true": True, "false": False, 1: True, 0: False}
        if (meant := words.get(value)) is not None:
            return column == meant
    elif kind.is_numeric() and not isinstance(value, bool):
        try:
            return column == (float(value) if isinstance(value, str) else value)
        except ValueError:
            pass
    raise TypeError(f"a column of type {kind} never equals {value!r}")


def reject(table: Any, columns: Columns, scope: Mapping[str, str]) -> Any:
    """0 for a row that counts, else 1 + the index in `REJECTS` of the first reason why not."""
    confidence, id_ = table[columns.confidence], table[columns.id]
    value = number(confidence)
    code = {kind: 1 + index for index, kind in enumerate(REJECTS)}
    return ibis.cases(
        *((rule, code["out_of_scope"]) for rule in _outside(table, columns, scope)),
        (_nameless(id_), code["missing_id"]),
        (confidence.isnull(), code["missing"]),
        (value.isnull(), _infinite(confidence).ifelse(code["out_of_range"], code["not_a_number"])),
        ((value < 0) | (value > 1), code["out_of_range"]),
        else_=0,
    )


def usable(table: Any, columns: Columns, scope: Mapping[str, str]) -> Any:
    """Whether `reject` gives 0 for a row, said in fewer steps."""
    found = share(table[columns.confidence]).notnull() & ~_nameless(table[columns.id])
    for rule in _outside(table, columns, scope):
        found = found & ~rule
    return found


def _outside(table: Any, columns: Columns, scope: Mapping[str, str]) -> list[Any]:
    return [
        (table[column].cast("string") != scope[key]).fill_null(True) for key, column in columns.scope.items()
    ]


def _nameless(id_: Any) -> Any:
    return (id_.isnull() | (id_ == "")) if id_.type().is_string() else id_.isnull()


def _infinite(column: Any) -> Any:
    kind = column.type()
    if not (kind.is_string() or kind.is_floating()):
        return ibis.literal(False)
    return column.cast("string").strip().lower().re_search(INFINITE)


def grid_cell(value: Any) -> Any:
    """The same formula as `calib.measure.cell`, of a number in [0, 1] or null."""
    return (value * float(GRID) + 0.5).floor().cast("int64")


def order_of(table: Any, id_: str, seed: str, period: str) -> Any:
    """The row's place in the draw, as `calib.sampling.order_key` has it."""
    text = ibis.literal(f"{seed}:{period}:") + table[id_].cast("string")
    return md5_of(text, engine_of(table)).left(HEX_DIGITS)


class Clock:
    """A time column of any type, compared with aware times.

    Aware values are compared as they are. Naive ones are read in the stream's time zone by moving the
    bound into it, so that no engine's idea of time zones matters. Text may hold both, in ISO 8601; the
    name of a zone other than UTC is not understood. Raises `TypeError` for a column without times.
    """

    def __init__(self, column: Any, timezone: str) -> None:
        kind = column.type()
        self.zone = ZoneInfo(timezone)
        self.aware = self.naive = None
        if kind.is_string():
            text, nothing = column.strip(), ibis.null("string")
            aware = text.re_search(AWARE).ifelse(text.upper(), nothing)
            self.aware = aware.try_cast("timestamp('UTC')")
            self.naive = text.re_search(NAIVE).ifelse(text, nothing).try_cast("timestamp")
        elif kind.is_date():
            self.naive = column.cast("timestamp")
        elif kind.is_timestamp() and kind.timezone is not None:
            self.aware = column
        elif kind.is_timestamp():
            self.naive = column
        else:
            raise TypeError(f"a column of type {kind} holds no times")
        self.text = kind.is_string()
        self.fine = kind.is_timestamp() and kind.scale == NANOSECONDS

    def reached(self, moment: datetime) -> Any:
        """Whether the row's time is at or after `moment`; null where it has none."""
        found = []
        if self.aware is not None:
            found.append(self.aware >= ibis.literal(moment.astimezone(UTC)))
        if self.naive is not None:
            found.append(self.naive >= ibis.literal(naive_bound(moment, self.zone)))
        return found[0] if len(found) == 1 else ibis.coalesce(*found)

    def within(self, start: datetime, end: datetime) -> Any:
        """Whether the row's time lies in [start, end)."""
        return self.reached(start) & ~self.reached(end)

    def unreadable(self) -> Any:
        """Whether a text is there that is no time."""
        return self.aware.isnull() & self.naive.isnull()  # type: ignore[union-attr]

    def selected(self, prefix: str) -> dict[str, Any]:
        """Columns from which `read` makes the time in Python."""
        both = {f"{prefix}_aware": self.aware, f"{prefix}_naive": self.naive}
        found = {name: value for name, value in both.items() if value is not None}
        if self.fine:  # Python's times end at microseconds
            zone = None if self.aware is None else "UTC"
            found = {name: value.cast(dt.Timestamp(zone, 6)) for name, value in found.items()}
        return found

    def read(self, row: dict[str, Any], prefix: str) -> datetime | None:
        """The row's time in UTC."""
        aware, naive = row.get(f"{prefix}_aware"), row.get(f"{prefix}_naive")
        if aware is not None:
            return _in_zone(aware, UTC)
        return None if naive is None else _in_zone(naive, self.zone)


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The time in UTC; a naive one is read in `zone`."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
