"""The rules from a value to a text, a number or a time, as Ibis expressions for every engine of traffic.

The rules themselves, and their data, are those of `calib.tabular.rules`.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.datatypes as dt

from calib.period import naive_bound
from calib.tabular import rules
from calib.traffic.connect import engine_of
from calib.vocabulary import NO_NUMBER

NANOSECONDS = 9
FIRST_BLANK = 32  # the number of the blank: empty texts, tabs and line ends have lower ones
DIGITS = 12  # after the point of a number that was scaled


def text_of(column: Any) -> Any:
    """A column as text by the one rule; null where it is missing."""
    kind, null = column.type(), ibis.null("string")
    if kind.is_floating():
        plain = column.cast("string")
        # Larger ones first: engines give the floor as a 64-bit integer, and fail where it does not fit.
        small = (column.abs() <= _limit(kind)).ifelse(column, ibis.null(kind))
        whole = (small == small.floor()).fill_null(False)
        digits = whole.ifelse(small, ibis.null(kind)).cast("int64").cast("string")
        return (column - column == 0).ifelse(whole.ifelse(digits, plain), null)
    if kind.is_boolean():
        return column.cast("string").lower()
    if kind.is_decimal():
        plain = column.cast("string")
        short = plain.re_replace(r"0+$", "").re_replace(r"\.$", "")
        return (column == 0).ifelse("0", plain.contains(".").ifelse(short, plain))
    if not kind.is_string():
        return column.cast("string")
    text = column.strip()
    whole = text.endswith(".0") & text.re_search(rules.POINT_ZERO)
    short = whole.ifelse(text.re_replace(r"\.0$", ""), text)
    missing = (text == "") | (
        (text.length() == len(rules.NOT_A_NUMBER)) & (text.lower() == rules.NOT_A_NUMBER)
    )
    changed = missing.ifelse(null, (short == "-0").ifelse("0", short))
    return may_change(column).ifelse(changed, column)


def missing(column: Any) -> Any:
    """Whether `text_of` gives null."""
    if not column.type().is_string():
        return text_of(column).isnull()
    # Most texts are neither blank in front nor as short as `nan`, which is quicker to see.
    looks = (column.ascii_str() <= FIRST_BLANK) | (column.length() == len(rules.NOT_A_NUMBER))
    return column.isnull() | looks.ifelse(text_of(column).isnull(), False)


def may_change(column: Any) -> Any:
    """Whether `text_of` may give another text than the column of text holds; false is certain.

    A blank anywhere is quicker to find than one at an end, and trimming takes many times as long.
    """
    short = column.length() <= len(rules.NOT_A_NUMBER)
    return ibis.or_(short, *(column.contains(part) for part in (".0", *rules.SPACES)))


def rounded(column: Any) -> Any:
    """Whether a cell is a float that may have lost digits, and so is not an id: an error by the rule."""
    kind = column.type()
    if kind.is_floating():
        return ((column - column == 0) & (column.abs() > _limit(kind))).fill_null(False)
    if not kind.is_string():
        return ibis.literal(False)
    looks = column.contains("+") | column.contains(".0")
    return looks.ifelse(column.re_search(rules.ROUNDED), False).fill_null(False)


def number(column: Any, scale: float = 1) -> Any:
    """A column as float64, divided by `scale`; text that is not a decimal number, NaN, infinities and
    booleans become null. Where the scale is 100, `85%` is 85.
    """
    value = _number(column, percent=scale == rules.PERCENT)
    return value if scale == 1 else (value / float(scale)).round(DIGITS)


def no_number(column: Any) -> Any:
    """Whether a cell of a column of numbers says that there is none: null, blank, or a word like `N/A`."""
    if not column.type().is_string():
        return column.isnull()
    return column.isnull() | _trimmed(column).lower().isin(NO_NUMBER)


def confidence(column: Any, scale: float = 1) -> Any:
    """A column as float64 in [0, 1], the ends for what is just beyond; null where it holds anything else."""
    value = number(column, scale)
    inside = (value >= -rules.OVERSHOOT) & (value <= 1 + rules.OVERSHOOT)
    return inside.ifelse(ibis.greatest(ibis.least(value, 1.0), 0.0), ibis.null("float64"))


def outside(value: Any) -> Any:
    """Whether a number cannot be a confidence; null where there is no number."""
    return (value < -rules.OVERSHOOT) | (value > 1 + rules.OVERSHOOT)


def beyond(value: Any) -> Any:
    """Whether a number is just beyond an end, and taken as that end: `rounded`, in what is counted."""
    return ((value < 0) | (value > 1)) & ~outside(value)


def answer(column: Any) -> Any:
    """A column of answers as text, for `calib.vocabulary.meaning`; null where it is blank or NaN."""
    return text_of(column)


def _number(column: Any, *, percent: bool) -> Any:
    kind = column.type()
    null = ibis.null("float64")
    if kind.is_string():
        text = _trimmed(column)
        if percent:
            text = text.endswith("%").ifelse(text.re_replace("%+$", "").strip(), text)
        # the pattern first: not every engine has a cast that fails softly, and what fails differs
        return text.re_search(rules.NUMBER).ifelse(text, ibis.null("string")).try_cast("float64")
    if not kind.is_numeric() or kind.is_boolean():
        return null
    # A 32-bit float by way of its shortest decimal: what was written as 0.3 is 0.3.
    single = kind.is_floating() and not kind.is_float64()
    value = column.cast("string").cast("float64") if single else column.cast("float64")
    return value if kind.is_integer() else _finite(value)  # PostgreSQL's decimals may be NaN or infinite


def _finite(value: Any) -> Any:
    """A column of floats with null where one is not finite.

    Not isnan: DuckDB 2 answers it, and every comparison, from a Parquet file's statistics, which leave NaN
    out. The difference is 0 for finite numbers and NaN for all others.
    """
    return (value - value == 0).ifelse(value, ibis.null(value.type()))


def _trimmed(column: Any) -> Any:
    """A text of a number or a time without the blanks around it, of which only ids keep the unusual one."""
    return column.replace("\xa0", " ").strip()


def _limit(kind: Any) -> float:
    return float(rules.WHOLE_DOUBLE if kind.is_float64() else rules.WHOLE_SINGLE)


def _since_1970(value: Any) -> Any:
    """A number as a time, by its size; null where it is not a time."""
    cases = [
        (
            (value >= rules.LEAST_EPOCH * unit) & (value < rules.END_OF_EPOCH * unit),
            value.cast("float64") / unit,
        )
        for unit in map(float, rules.UNITS)
    ]
    seconds = ibis.cases(*cases, else_=ibis.null("float64"))
    to_timestamp = ibis.udf.scalar.builtin(
        name="to_timestamp", signature=((dt.float64,), dt.Timestamp("UTC"))
    )
    return to_timestamp(lambda _: None)(seconds)


class Clock:
    """A time column of any type, compared with aware times.

    Aware values are compared as they are. Naive ones are read in the stream's time zone by moving the
    bound into it, so that no engine's idea of time zones matters. Text may hold both, and numbers since
    1970; the name of a zone other than UTC is not understood. Raises `TypeError` for a column without times.
    """

    def __init__(self, column: Any, timezone: str) -> None:
        kind = column.type()
        self.zone = ZoneInfo(timezone)
        self.aware = self.naive = None
        if kind.is_string():
            text, null = _trimmed(column), ibis.null("string")
            plain = text.upper().replace("/", "-").replace(",", ".").replace("GMT", "UTC")
            plain = plain.replace(" +", "+").replace(" -", "-")
            if engine_of(column) == "postgres":  # it would round up what lies beyond microseconds
                plain = plain.re_replace(r"([.][0-9]{6})[0-9]+", r"\1")
            aware = text.re_search(rules.AWARE).ifelse(plain, null).try_cast("timestamp('UTC')")
            epoch = text.re_search(rules.EPOCH).ifelse(text, null).try_cast("float64")
            self.aware = ibis.coalesce(aware, _since_1970(epoch))
            self.naive = text.re_search(rules.NAIVE).ifelse(plain, null).try_cast("timestamp")
        elif kind.is_date():
            self.naive = column.cast("timestamp")
        elif kind.is_timestamp() and kind.timezone is not None:
            self.aware = column
        elif kind.is_timestamp():
            self.naive = column
        elif kind.is_numeric() and not kind.is_boolean():
            self.aware = _since_1970(_finite(column) if kind.is_floating() else column)
        else:
            raise TypeError(f"a column of type {kind} holds no times")
        # what is there and no time belongs to no period; it is counted in every one
        self.text = kind.is_string() or kind.is_numeric()
        self.fine = kind.is_timestamp() and kind.scale == NANOSECONDS

    def reached(self, moment: datetime) -> Any:
        """Whether the row's time is at or after `moment`; null where it has none."""
        conditions = []
        if self.aware is not None:
            conditions.append(self.aware >= ibis.literal(moment.astimezone(UTC)))
        if self.naive is not None:
            conditions.append(self.naive >= ibis.literal(naive_bound(moment, self.zone)))
        return conditions[0] if len(conditions) == 1 else ibis.coalesce(*conditions)

    def within(self, start: datetime, end: datetime) -> Any:
        """Whether the row's time lies in [start, end)."""
        return self.reached(start) & ~self.reached(end)

    def unreadable(self) -> Any:
        """Whether a cell cannot be read as a time."""
        return ibis.and_(*(value.isnull() for value in (self.aware, self.naive) if value is not None))

    def selected(self, prefix: str) -> dict[str, Any]:
        """Columns from which `read` makes the time in Python."""
        by_kind = {f"{prefix}_aware": self.aware, f"{prefix}_naive": self.naive}
        selected = {name: value for name, value in by_kind.items() if value is not None}
        if self.fine:  # Python's times end at microseconds
            zone = None if self.aware is None else "UTC"
            selected = {name: value.cast(dt.Timestamp(zone, 6)) for name, value in selected.items()}
        return selected

    def read(self, row: dict[str, Any], prefix: str) -> datetime | None:
        """The row's time in UTC."""
        aware, naive = row.get(f"{prefix}_aware"), row.get(f"{prefix}_naive")
        if aware is not None:
            return _in_zone(aware, UTC)
        return None if naive is None else _in_zone(naive, self.zone)


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The time in UTC; a naive one is read in `zone`."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
