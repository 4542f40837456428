"""Thresholds at their boundaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calib import policy

AT = datetime(2026, 11, 3, 6, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("period", "days"), [("month", 62), ("week", 14), ("day", 2)])
def test_a_mapping_expires_when_its_successor_is_late_by_a_whole_period(period: str, days: int) -> None:
    expires = policy.expiry(AT, period, settle=DAY, close_after=14 * DAY)  # type: ignore[arg-type]
    assert expires == AT + (days + 15) * DAY


def test_a_cohort_is_late_a_day_after_it_should_have_closed() -> None:
    assert not policy.cohort_is_late(AT, AT + DAY - SECOND)
    assert policy.cohort_is_late(AT, AT + DAY)


def test_a_mapping_is_stale_a_week_before_it_expires() -> None:
    assert not policy.mapping_is_stale(AT, AT - 7 * DAY - SECOND)
    assert policy.mapping_is_stale(AT, AT - 7 * DAY)


def test_a_stream_recovers_at_the_rise_that_it_accepts() -> None:
    """The interval's low end is as small as that, and its high end below what the degraded window read."""
    assert policy.recovered(0.03, 0.0999, 0.10, 0.03)
    assert not policy.recovered(0.0301, 0.0999, 0.10, 0.03)
    assert not policy.recovered(0.0, 0.10, 0.10, 0.03)
    for unknown in ((None, 0.05, 0.1), (0.01, None, 0.1), (0.01, 0.05, None)):
        assert not policy.recovered(*unknown, 0.03)
