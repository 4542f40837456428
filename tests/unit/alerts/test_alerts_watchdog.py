"""When something that did not happen becomes an alert, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from calib.alerts import mapping_stale, missing_periods, stream_failed
from calib.period import Period

MOMENT = datetime(2026, 11, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def months(*names: str) -> set[Period]:
    return {Period.parse(name, "month") for name in names}


def missing(known: set[Period], last: str) -> list[str]:
    return [period.name for period in missing_periods(known, Period.parse(last, "month"))]


def test_a_mapping_is_stale_a_week_before_it_expires_and_not_earlier() -> None:
    def stale(now: datetime) -> bool:
        told = mapping_stale("triage", mapping="a", channel="production", expires_at=MOMENT, now=now)
        return told is not None

    assert not stale(MOMENT - 7 * DAY - SECOND)
    assert stale(MOMENT - 7 * DAY)
    assert stale(MOMENT + 30 * DAY)


def test_a_stale_mapping_is_told_once_for_each_expiry() -> None:
    def id_of(expires_at: datetime, now: datetime) -> str:
        told = mapping_stale("triage", mapping="a", channel="production", expires_at=expires_at, now=now)
        assert told is not None
        return told.id

    assert id_of(MOMENT, MOMENT - DAY) == id_of(MOMENT, MOMENT)
    assert id_of(MOMENT, MOMENT) != id_of(MOMENT + DAY, MOMENT)


def test_a_stream_without_any_window_misses_the_last_period_alone() -> None:
    assert missing(set(), "2026-10") == ["2026-10"]


def test_gaps_are_found_since_the_first_window() -> None:
    assert missing(months("2026-06", "2026-08"), "2026-10") == ["2026-07", "2026-09", "2026-10"]
    assert missing(months("2026-10"), "2026-10") == []


def test_the_watchdog_looks_twelve_periods_back_and_no_further() -> None:
    found = missing(months("2020-01"), "2026-10")
    assert (found[0], found[-1], len(found)) == ("2025-10", "2026-10", 13)


def test_windows_of_a_later_period_than_the_last_due_one_hide_nothing() -> None:
    assert missing(months("2026-11"), "2026-10") == []


@given(st.sets(st.integers(0, 30)), st.integers(0, 30))
def test_missing_and_known_are_apart_and_together_complete(known: set[int], last: int) -> None:
    timeline = [Period.parse("2024-01", "month")]
    for _ in range(30):
        timeline.append(timeline[-1].next())
    have = {timeline[i] for i in known}
    found = missing_periods(have, timeline[last])
    first = max(min(known, default=last), last - 12)
    assert found == [timeline[i] for i in range(first, last + 1) if i not in known]


def test_a_failed_stream_is_told_once_a_day() -> None:
    def id_of(error: Exception, now: datetime, stream: str = "triage") -> str:
        return stream_failed(stream, error, verb="sample", now=now).id

    first = id_of(KeyError("a"), MOMENT)
    assert id_of(ValueError("b"), MOMENT.replace(hour=23, minute=59)) == first
    assert id_of(KeyError("a"), MOMENT.replace(hour=0) + DAY) != first
    assert id_of(KeyError("a"), MOMENT, stream="other") != first
