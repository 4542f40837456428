"""Pruning by Hive partitions leaves out no row of the window, whoever named the folders, and most others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calib.traffic.partitions import needed, span_of
from calib.traffic.values import Interval

LAYOUTS = (
    "year={0:%Y}/month={0:%m}",
    "year={0:%Y}/month={0.month}/day={0.day}",
    "year={0:%Y}/month={0:%m}/day={0:%d}/hour={0:%H}",
    "Year={0:%Y}/Month={0:%m}",
    "year={0:%G}/week={0:%V}",
    "year={0:%Y}",
    "period={0:%Y-%m}",
    "month={0:%Y%m}",
    "week={0:%G-W%V}",
    "dt={0:%Y-%m-%d}",
    "dt={0:%Y-%m-%d}/hour={0:%H}",
    "ds={0:%Y%m%d}",
    "region=eu/date={0:%Y-%m-%d}/model_version=2024-08-06",
    "event_hour={0:%Y-%m-%d-%H}",
    "hour={0:%Y%m%d%H}",
    "event_time={0:%Y-%m-%d %H%%3A%M%%3A%S}",
)
DAYS = tuple(layout for layout in LAYOUTS if "%d" in layout or ".day" in layout)
STARTS = st.integers(0, 35_000).map(
    lambda days: datetime(2001, 1, 1, 5, 30, tzinfo=UTC) + timedelta(days=days)
)
ROOTS = ("", "s3://bucket/team=a/", "/exports/date=2026-11-28/", "/data/2026/")


FIRST = {"start": datetime(2026, 3, 1, tzinfo=UTC), "days": 1, "root": "", "late": 0.0, "settle": 0}


@example(layout="event_hour={0:%Y-%m-%d-%H}", place=0.0, offset=-12, **FIRST)
@example(layout="event_hour={0:%Y-%m-%d-%H}", place=0.999, offset=14, **FIRST)
@example(layout="dt={0:%Y-%m-%d}", place=0.999, offset=14, **FIRST | {"late": 1.0, "settle": 72})
@given(
    layout=st.sampled_from(LAYOUTS),
    root=st.sampled_from(ROOTS),
    start=STARTS,
    days=st.sampled_from([1, 7, 31]),
    place=st.floats(0, 1, exclude_max=True),
    offset=st.integers(-12, 14),
    late=st.floats(0, 1),
    settle=st.integers(0, 200),
)
def test_a_row_of_the_window_is_never_left_out(
    layout: str,
    root: str,
    start: datetime,
    days: int,
    place: float,
    offset: int,
    late: float,
    settle: int,
) -> None:
    interval = Interval(start, start + timedelta(days=days))
    predicted = interval.start + place * (interval.end - interval.start)
    named = (predicted + late * timedelta(hours=settle)).astimezone(timezone(timedelta(hours=offset)))
    name = f"{root}{layout.format(named)}/part-0.parquet"
    kept = needed([name], interval, pattern=f"{root}**/*.parquet", late=timedelta(hours=settle))
    assert kept == [True], name


@given(
    layout=st.sampled_from(DAYS),
    root=st.sampled_from(ROOTS),
    start=STARTS,
    away=st.integers(2, 400),
    before=st.booleans(),
)
def test_a_day_that_is_far_from_the_window_is_left_out(
    layout: str, root: str, start: datetime, away: int, before: bool
) -> None:
    interval = Interval(start, start + timedelta(days=31))
    far = timedelta(days=away, hours=25)
    named = interval.start - far if before else interval.end + far
    name = f"{root}{layout.format(named)}/part-0.parquet"
    assert needed([name], interval, pattern=f"{root}**/*.parquet") == [False], name


@pytest.mark.parametrize(
    "name",
    [
        "dt=unknown/a.parquet",
        "dt=__HIVE_DEFAULT_PARTITION__/a.parquet",
        "model_version=2024-08-06/a.parquet",
        "expires=2024-08-06/a.parquet",
        "year=24/a.parquet",
        "month=3/a.parquet",
        "year=2024/month=13/a.parquet",
        "date=2024-02-30/a.parquet",
        "date=07%2F08%2F2024/a.parquet",
        "hour=1700000000/a.parquet",
        "dt=2024-01-01/year=2025/a.parquet",
        "2024/01/01/a.parquet",
        "a/dt=2024-01-01.parquet",
        "dt=99999-01-01/a.parquet",
    ],
)
def test_what_is_not_certainly_the_time_of_the_rows_is_read(name: str) -> None:
    march = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    assert needed([name], march) == [True]


def test_a_date_that_the_pattern_itself_names_leaves_nothing_out() -> None:
    """It is the day of an export, which holds the rows of all months."""
    march = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    export, daily = "snapshots/date=2026-11-28/a.parquet", "snapshots/date=2026-11-28/dt=2026-01-01/a.parquet"
    assert needed([export], march, pattern="snapshots/date=2026-11-28/*.parquet") == [True]
    assert needed([export], march, pattern="snapshots/*/*.parquet") == [False]
    assert span_of(daily) is None
    assert needed(["t/year=2020/x/a.parquet"], march, pattern="t/year=2020/*/*.parquet") == [True]
    fixed_year = ["t/year=2026/month=02/a.parquet", "t/year=2026/month=08/a.parquet"]
    assert needed(fixed_year, march, pattern="t/year=2026/*/*.parquet") == [True, False]
    assert needed([daily], march, pattern="snapshots/date=2026-11-28/*/*.parquet") == [False]
