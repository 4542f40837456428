"""Periods are calendar intervals in the stream's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.period import Kind, Period, per_year, periods

KINDS = st.sampled_from(["month", "week", "day"])
ZONES = st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"])
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
