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
        """Read `text` as a period of this kind; `InvalidInput` where it is none."""
        shape, example = _SHAPES[kind]
        try:
            if not shape.fullmatch(text):
                raise ValueError
            if kind == "month":
                first = date.fromisoformat(f"{text}-01")
            elif kind == "week":
                first = date.fromisocalendar(int(text[:4]), int(text[6:]), 1)
            else:
                first = date.fromisoformat(text)
        except ValueError:
            raise InvalidInput(
                f"{text!r} is not a {kind}: this stream's periods are written like {example}"
            ) from None
        return cls(first, kind)

    @classmethod
    def containing(cls, moment: datetime, kind: Kind, timezone: str) -> Period:
        """The period that an aware `moment` falls into."""
        day = moment.astimezone(ZoneInfo(timezone)).date()
        if kind == "month":
            day = day.replace(day=1)
        elif kind == "week":
            day -= timedelta(days=day.weekday())
        return cls(day, kind)

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

    def interval(self, timezone: str) -> tuple[datetime, datetime]:
        """The half-open interval [start, end), in UTC, of this period as the time zone bounds it."""
        zone = ZoneInfo(timezone)
        start = datetime.combine(self.first, time(), zone)
        end = datetime.combine(self.next().first, time(), zone)
        return start.astimezone(UTC), end.astimezone(UTC)


def periods(first: Period, last: Period) -> list[Period]:
    """All periods from `first` to `last`, both included, oldest first."""
    found = []
    while first <= last:
        found.append(first)
        first = first.next()
    return found


def per_year(kind: Kind) -> float:
    """How many periods of this kind a year has."""
    return _PER_YEAR[kind]
