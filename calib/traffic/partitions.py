"""Hive partitions: which files of `…/year=2026/month=10/…` a window needs, told from their names.

A file is left out only where its partition certainly holds no row of the window: its key must be one of those
that name the time of the rows, and its value a time. What is not understood is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote

from calib.tabular.names import WILD
from calib.traffic.values import Interval

# Keys whose value is a time by itself. A key such as model_version=2024-08-06 also holds a date, and says
# nothing of the rows' time: so a name has to be one of these.
KEYS = (
    "date", "day", "ds", "dt", "event_date", "event_day", "event_hour", "event_month", "event_time", "hour",
    "log_date", "month", "period", "week", "year",
)  # fmt: skip
PARTS = ("year", "month", "day", "hour")  # keys of which each alone is a part of a time
ANY_ZONE = timedelta(days=1)  # partitions are named in some time zone, 14 hours from UTC at most
ISO_YEAR = timedelta(days=7)  # an ISO year begins and ends up to three days from the calendar's

_SLASH = re.compile(r"[/\\]")
_DAY = r"(\d{4})-?(\d{2})-?(\d{2})"
_YEAR, _MONTH, _WEEK = re.compile(r"\d{4}"), re.compile(r"(\d{4})-?(\d{2})"), re.compile(r"(\d{4})-?W(\d{2})")
_DATE = re.compile(_DAY)
_HOUR = re.compile(rf"{_DAY}[-T_ ]?(\d{{2}})(:?\d{{2}}(:?\d{{2}}(\.\d+)?)?)?Z?")
_NUMBER = re.compile(r"\d{1,2}")
FIRST_YEAR, LAST_YEAR = 2000, 2100  # digits that are a year before or after are some other number

Span = tuple[datetime, datetime]


def needed(
    names: Sequence[str], interval: Interval, *, pattern: str = "", late: timedelta = timedelta()
) -> list[bool]:
    """Whether the window of `interval` needs each file, by its path or URL.

    Partitions are named in any time zone, and by the time of a prediction or by that of its arrival, at most
    `late` after it: so a day before the interval and a day and `late` after it are needed too. `pattern` is
    what the names were found by: a date that it names itself, as that of an export, leaves nothing out.
    """
    fixed = WILD.split(pattern)[0]
    folders = len(_SLASH.split(fixed)) - 1
    fixed_span = span_of(fixed, fixed=folders)
    are_needed = []
    for name in names:
        span = span_of(name, fixed=folders)
        if span == fixed_span:
            span = None
        are_needed.append(
            span is None or (span[1] > interval.start - ANY_ZONE and span[0] < interval.end + ANY_ZONE + late)
        )
    return are_needed


def span_of(name: str, *, fixed: int = 0) -> Span | None:
    """The time that a file's partition covers, as its name says, from and to before; None where it does not.

    The first `fixed` folders stand in the pattern: year=2026 among them counts, a whole date does not.

    >>> [t.isoformat() for t in span_of("s3://b/year=2026/month=10/day=3/a.parquet")]
    ['2026-10-03T00:00:00+00:00', '2026-10-04T00:00:00+00:00']
    >>> span_of("model_version=2024-08-06/a.parquet"), span_of("dt=unknown/a.parquet")
    (None, None)
    """
    values: dict[str, str] = {}
    for i, folder in enumerate(_SLASH.split(name)[:-1]):
        key, separator, value = folder.partition("=")
        if separator and (i >= fixed or (key.lower() in PARTS and value.isdigit() and len(value) <= 4)):
            values[key.lower()] = unquote(value)
    spans = [_of_parts(values)]
    spans += [_of_value(value) for key, value in values.items() if key in KEYS]
    known = [span for span in spans if span is not None]
    if not known:
        return None
    start, end = max(start for start, _ in known), min(end for _, end in known)
    # where two keys contradict each other, one of them is not a time of the rows
    return (start, end) if start < end else None


def _of_parts(values: dict[str, str]) -> Span | None:
    """The time of year=, month=, day= and hour=, as far as they go on without a gap."""
    if not _YEAR.fullmatch(values.get("year", "")):
        return None
    numbers = [int(values["year"])]
    for key in PARTS[1:]:
        if not _NUMBER.fullmatch(values.get(key, "")):
            break
        numbers.append(int(values[key]))
    span = _from(numbers)
    if span is not None and len(numbers) == 1 and "week" in values:
        return span[0] - ISO_YEAR, span[1] + ISO_YEAR
    return span


def _of_value(value: str) -> Span | None:
    """The time in one value: a month, an ISO week, a day or an hour; a year only beside its parts."""
    for shape in (_MONTH, _DATE):
        if match := shape.fullmatch(value):
            return _from([int(part) for part in match.groups()])
    if match := _WEEK.fullmatch(value):
        try:
            first = date.fromisocalendar(int(match[1]), int(match[2]), 1)
        except ValueError:
            return None
        start = datetime(first.year, first.month, first.day, tzinfo=UTC)
        return start, start + timedelta(days=7)
    if match := _HOUR.fullmatch(value):
        return _from([int(part) for part in match.groups()[:4]])
    return None


def _from(numbers: Sequence[int]) -> Span | None:
    """The year, month, day or hour of up to four numbers; None where the calendar has none."""
    year, month, day, hour = [*numbers, *(1, 1, 1, 0)[len(numbers) :]][:4]
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        start = datetime(year, month, day, hour, tzinfo=UTC)
        if len(numbers) == 1:
            end = start.replace(year=year + 1)
        elif len(numbers) == 2:
            end = start.replace(year=year + month // 12, month=month % 12 + 1)
        else:
            end = start + (timedelta(days=1) if len(numbers) == 3 else timedelta(hours=1))
    except ValueError:
        return None
    return start, end
