"""Periods are calendar intervals in the stream's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.period import Kind, Period, day_start, naive_bound, per_year, periods

KINDS = st.sampled_from(["month", "week", "day"])
ZONES = st.sampled_from(sorted(available_timezones()))
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, KINDS, ZONES)
def test_every_moment_lies_in_exactly_one_period(moment: datetime, kind: Kind, zone: str) -> None:
    period = Period.containing(moment, kind, zone)
    start, end = period.interval(zone)
    assert start <= moment < end
    assert period.next().interval(zone)[0] == end
    assert period.previous().interval(zone)[1] == start
    assert Period.parse(period.name, kind) == period
    assert period.next().previous() == period


def test_daylight_saving_makes_months_longer_and_shorter() -> None:
    march, october = (Period.parse(f"2026-{m}", "month").interval("Europe/Vienna") for m in ("03", "10"))
    assert march[1] - march[0] == timedelta(days=31, hours=-1)
    assert october[1] - october[0] == timedelta(days=31, hours=1)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2026-13", "month"),
        ("2026-1", "month"),
        ("2026-10-01", "month"),
        ("2026-W54", "week"),
        ("2026-10", "week"),
        ("2026-02-30", "day"),
        ("", "month"),
        ("２０２６-１０", "month"),
    ],
)
def test_what_is_no_period_shows_how_one_is_written(text: str, kind: Kind) -> None:
    with pytest.raises(InvalidInput, match="are written like 2026-"):
        Period.parse(text, kind)


def test_ranges_include_both_ends() -> None:
    first, last = Period.parse("2025-11", "month"), Period.parse("2026-02", "month")
    assert [p.name for p in periods(first, last)] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert periods(last, first) == []
    assert per_year("week") == pytest.approx(52.18, abs=0.01)


@pytest.mark.parametrize("text", ["9999-12", "0001-01", "1899-12", "3000-01"])
def test_years_at_the_end_of_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="1900 to 2999"):
        Period.parse(text, "month")


def clock_changes(zone: ZoneInfo, first: date, last: date) -> list[date]:
    """The days on which the zone's offset is another one than the day before, and their neighbours."""
    found: set[date] = set()
    day, offset = first, None
    while day <= last:
        now = datetime.combine(day, time(12), zone).utcoffset()
        if offset is not None and now != offset:
            found |= {day - timedelta(days=1), day, day + timedelta(days=1)}
        day, offset = day + timedelta(days=1), now
    return sorted(found)


@pytest.mark.slow
def test_a_naive_time_belongs_to_its_own_day_in_every_zone_for_ten_years() -> None:
    """On every day around a change of the clock: from its midnight on, and not a moment before."""
    days = 0
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for day in clock_changes(zone, date(2018, 1, 1), date(2028, 1, 1)):
            start, end = Period(day, "day").interval(name)
            assert start < end
            assert start.astimezone(zone).date() == day, (name, day)
            assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day, (name, day)
            assert naive_bound(start, zone) == datetime.combine(day, time()), (name, day)
            assert naive_bound(end, zone) == datetime.combine(day + timedelta(days=1), time()), (name, day)
            days += 1
    assert days > 5_000


def test_a_day_without_midnight_begins_when_the_clock_is_set_forward() -> None:
    for name, day, begins in [
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00"),
        ("America/Santiago", date(2026, 9, 6), "2026-09-06T04:00"),
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00"),
        ("America/Havana", date(2026, 3, 8), "2026-03-08T05:00"),
    ]:
        assert f"{day_start(day, ZoneInfo(name)):%Y-%m-%dT%H:%M}" == begins
