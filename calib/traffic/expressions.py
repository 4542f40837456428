"""Ibis expressions over the traffic table: how a cell of it is read, whatever its type."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import ibis

from calib.measure import GRID
from calib.sampling.draw import HEX_DIGITS

REJECTS = ("out_of_scope", "missing_id", "missing", "not_a_number", "out_of_range", "bad_timestamp")
OFFSET = r"(Z|z|[+-]\d\d(:?\d\d)?)\s*$"


@ibis.udf.scalar.builtin(name="md5")  # type: ignore[untyped-decorator]
def md5(text: str) -> str:  # type: ignore[empty-body]
    """The engine's own md5, in hex."""


def number(column: Any) -> Any:
    """A column as float64; text that is not a number, and booleans, become null."""
    kind = column.type()
    if kind.is_string():
        return column.strip().try_cast("float64")
    if kind.is_numeric():
        return column.cast("float64")
    return ibis.null("float64")


def reject(table: Any, columns: Any, scope: dict[str, str]) -> Any:
    """0 for a row that counts, else 1 + the index in `REJECTS` of the first reason why not."""
    confidence = table[columns.confidence]
    value = number(confidence)
    outside = [
        (table[column].cast("string") != scope[key]).fill_null(True) for key, column in columns.scope.items()
    ]
    code = {kind: 1 + index for index, kind in enumerate(REJECTS)}
    # engines that know NaN put it above every number; few have a function that asks for it
    above = (value.cast("string").lower() == "nan").ifelse(code["not_a_number"], code["out_of_range"])
    return ibis.cases(
        *((rule, code["out_of_scope"]) for rule in outside),
        (table[columns.id].isnull(), code["missing_id"]),
        (confidence.isnull(), code["missing"]),
        (value.isnull(), code["not_a_number"]),
        (value < 0, code["out_of_range"]),
        (value > 1, above),
        else_=0,
    )


def grid_cell(value: Any) -> Any:
    """The same formula as `calib.measure.cell`; null outside [0, 1], where engines differ over NaN."""
    usable = ((value >= 0) & (value <= 1)).ifelse(value, ibis.null("float64"))
    return (usable * float(GRID) + 0.5).floor().cast("int64")


def order_of(table: Any, id_: str, seed: str, period: str) -> Any:
    """The row's place in the draw, as `calib.sampling.order_key` has it."""
    text = ibis.literal(f"{seed}:{period}:") + table[id_].cast("string")
    return md5(text).left(HEX_DIGITS)


class Clock:
    """A time column of any type, compared with aware times.

    Aware values are compared as they are. Naive ones are read in the stream's time zone by moving the
    bound into it, so that no engine's idea of time zones matters. Text may hold both.
    """

    def __init__(self, column: Any, timezone: str) -> None:
        kind = column.type()
        self.zone = ZoneInfo(timezone)
        self.aware = self.naive = None
        if kind.is_string():
            offset = column.re_search(OFFSET) & column.contains(":")
            self.aware = offset.ifelse(column, ibis.null("string")).try_cast("timestamp('UTC')")
            self.naive = offset.ifelse(ibis.null("string"), column).try_cast("timestamp")
        elif kind.is_date():
            self.naive = column.cast("timestamp")
        elif kind.is_timestamp() and kind.timezone is not None:
            self.aware = column
        elif kind.is_timestamp():
            self.naive = column
        else:
            raise TypeError(f"a column of type {kind} holds no times")
        self.text = kind.is_string()

    def reached(self, moment: datetime) -> Any:
        """Whether the row's time is at or after `moment`; null where it has none."""
        found = []
        if self.aware is not None:
            found.append(self.aware >= ibis.literal(moment.astimezone(UTC)))
        if self.naive is not None:
            local = moment.astimezone(self.zone).replace(tzinfo=None)
            found.append(self.naive >= ibis.literal(local))
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
        return {name: value for name, value in both.items() if value is not None}

    def read(self, row: dict[str, Any], prefix: str) -> datetime | None:
        """The row's time in UTC."""
        aware, naive = row.get(f"{prefix}_aware"), row.get(f"{prefix}_naive")
        if aware is not None:
            return _in_zone(aware, UTC)
        return None if naive is None else _in_zone(naive, self.zone)


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The time in UTC; a naive one is read in `zone`."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
