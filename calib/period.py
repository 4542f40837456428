"""A period: the calendar interval that one window watches, written `2026-10`, `2026-W41` or `2026-10-07`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from calib.errors import InvalidInput

Kind = Literal["month", "week", "day"]

_PER_YEAR: dict[Kind, float] = {"month": 12.0, "week": 365.25 / 7, "day": 365.25}
_SHAPES: dict[Kind, tuple[re.Pattern[str], str]] = {
    "month": (re.compile(r"\d{4}-\d{2}"), "2026-10"),
    "week": (re.compile(r"\d{4}-W\d{2}"), "2026-W41"),
    "day": (re.compile(r"\d{4}-\d{2}-\d{2}"), "2026-10-07"),
}
FIRST_YEAR, LAST_YEAR = 1900, 2999  # far from the ends of `datetime`, where arithmetic overflows


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A month, an ISO week or a day; ordered by time among its own kind.

    >>> Period.parse("2026-12", "month").next().name
    '2027-01'
    >>> Period.parse("2026-W53", "week").next().name
    '2027-W01'
    """

    first: date
    kind: Kind

    @classmethod
    def parse(cls, text: str, kind: Kind) -> Period:
        """Read `text` as a period of this kind.

        Raises `InvalidInput` where it is written otherwise, and for years before 1900 and after 2999.
        """
        shape, example = _SHAPES[kind]
        try:
            if not shape.fullmatch(text):
                raise ValueError
            if not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
                raise InvalidInput(
                    f"{text!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR} that can be watched: "
                    f"write a period like {example}"
                )
            if kind == "month":
                first = date.fromisoformat(f"{text}-01")
            elif kind == "week":
                first = date.fromisocalendar(int(text[:4]), int(text[6:]), 1)
            else:
                first = date.fromisoformat(text)
        except InvalidInput:
            raise
        except ValueError:
            raise InvalidInput(
                f"{text!r} is not a {kind}: this stream's periods are written like {example}"
            ) from None
        return cls(first, kind)

    @classmethod
    def named(cls, text: str) -> Period:
        """Read `text` as the kind of period that it is written as; `InvalidInput` where it is none.

        >>> Period.named("2026-W41").kind, Period.named("2026-10").kind
        ('week', 'month')
        """
        fitting: list[Kind] = [kind for kind, (shape, _) in _SHAPES.items() if shape.fullmatch(text)]
        return cls.parse(text, fitting[0] if fitting else "month")

    @classmethod
    def containing(cls, moment: datetime, kind: Kind, timezone: str) -> Period:
        """The period that an aware `moment` falls into."""
        day = moment.astimezone(ZoneInfo(timezone)).date()
        if kind == "month":
            day = day.replace(day=1)
        elif kind == "week":
            day -= timedelta(days=day.weekday())
        period = cls(day, kind)
        # Where a clock is set back over midnight, a date ends, begins and ends again: its interval decides.
        while moment < period.interval(timezone)[0]:
            period = period.previous()
        while moment >= period.interval(timezone)[1]:
            period = period.next()
        return period

    @property
    def name(self) -> str:
        """The period as people and keys write it."""
        if self.kind == "month":
            return f"{self.first:%Y-%m}"
        if self.kind == "week":
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02d}"
        return self.first.isoformat()

    def next(self) -> Period:
        """The period right after this one."""
        days = {"month": 32, "week": 7, "day": 1}[self.kind]
        following = self.first + timedelta(days=days)
        return Period(following.replace(day=1) if self.kind == "month" else following, self.kind)

    def previous(self) -> Period:
        """The period right before this one."""
        days = {"month": 1, "week": 7, "day": 1}[self.kind]
        before = self.first - timedelta(days=days)
        return Period(before.replace(day=1) if self.kind == "month" else before, self.kind)

    def later_than(self, other: Period) -> bool:
        """Whether this period ends after another one, which may be of another kind."""
        return self.next().first > other.next().first

    def interval(self, timezone: str) -> tuple[datetime, datetime]:
        """The half-open interval [start, end), in UTC, of this period as the time zone bounds it."""
        zone = ZoneInfo(timezone)
        return day_start(self.first, zone), day_start(self.next().first, zone)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first moment, in UTC, at which the calendar of `zone` shows `day` or a later one.

    Usually midnight. In some zones the clock is set forward at midnight, so that the day has none: it begins
    at the moment of the change.

    >>> day_start(date(2026, 4, 24), ZoneInfo("Africa/Cairo")).isoformat()  # 00:00 to 01:00 does not exist
    '2026-04-23T22:00:00+00:00'
    """
    midnight = datetime.combine(day, time(), zone)
    late = midnight.astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return late
    early = midnight.replace(fold=1).astimezone(UTC)  # the clock is set forward between the two
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        if middle.astimezone(zone).date() >= day:
            late = middle
        else:
            early = middle
    return late


def naive_bound(moment: datetime, zone: ZoneInfo) -> datetime:
    """The naive time from which on naive times of `zone` count as being at or after `moment`.

    A naive time belongs to its own calendar day, whatever the clock did: where a day begins at 01:00 because
    midnight does not exist, a naive midnight still belongs to that day.
    """
    local = moment.astimezone(zone)
    if day_start(local.date(), zone) == moment:
        return datetime.combine(local.date(), time())
    return local.replace(tzinfo=None)


def periods(first: Period, last: Period) -> list[Period]:
    """All periods from `first` to `last`, both included, oldest first."""
    periods_between = []
    while first <= last:
        periods_between.append(first)
        first = first.next()
    return periods_between


def per_year(kind: Kind) -> float:
    """How many periods of this kind a year has."""
    return _PER_YEAR[kind]
