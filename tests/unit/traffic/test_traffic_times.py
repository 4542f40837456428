"""Times: aware ones as they are, naive ones in the stream's time zone, and what is not a time is counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calib.errors import InvalidInput
from calib.traffic import Interval, Traffic

from .conftest import NOON, OCTOBER, ONE, draw, predictions

Open = Callable[..., Traffic]

# naive ones as a stream in New York reads them
TEXTS = {
    "2026-10-05T00:00:00Z": "2026-10-05T00:00:00",
    "2026-10-05T00:00:00z": "2026-10-05T00:00:00",
    "2026-10-05 00:00:00 UTC": "2026-10-05T00:00:00",
    " 2026-10-05T00:00:00Z ": "2026-10-05T00:00:00",
    "2026-10-05 00:00:00+02": "2026-10-04T22:00:00",
    "2026-10-05T00:00:00-0530": "2026-10-05T05:30:00",
    "2026-10-05T10:00+02:00": "2026-10-05T08:00:00",
    "2026-10-05T00:00:00.25+00:00": "2026-10-05T00:00:00.250000",
    "2026-10-05T00:00:00": "2026-10-05T04:00:00",
    "2026-10-05 10:00": "2026-10-05T14:00:00",
    "2026-10-05": "2026-10-05T04:00:00",
    "2026/10/05 10:00:00": "2026-10-05T14:00:00",
    "2026-10-05 00:00:00,25 GMT": "2026-10-05T00:00:00.250000",
    "1791158400": "2026-10-05T00:00:00",
    "1791158400000": "2026-10-05T00:00:00",
    "1791158400.5": "2026-10-05T00:00:00.500000",
}
NO_TIMES = [
    "yesterday", "", "12345", "20261005", "20261005120000", "05/10/2026", "2026-02-30", "infinity", "epoch",
    "2026-10-05 00:00:00 Europe/Vienna", "2026-10-05T25:00:00Z", None,
]  # fmt: skip


@pytest.mark.slow
def test_a_text_is_read_as_it_says(open_traffic: Open) -> None:
    table = predictions(id=[repr(text) for text in TEXTS], ts=pa.array(list(TEXTS)))
    traffic = open_traffic(table, timezone="America/New_York")
    meant = {repr(text): datetime.fromisoformat(utc).replace(tzinfo=UTC) for text, utc in TEXTS.items()}
    assert {row.id: row.ts for row in draw(traffic).rows} == meant


@pytest.mark.slow
def test_texts_that_are_no_times_are_counted_in_every_window(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(ts=pa.array([*NO_TIMES, "2026-10-05"], pa.string())))
    for interval in (OCTOBER, Interval(OCTOBER.end, OCTOBER.end + timedelta(days=30))):
        assert traffic.survey(interval).rejected == {"bad_timestamp": len(NO_TIMES)}
    assert traffic.survey(OCTOBER).population == 1
    assert traffic.check()["first"] == "2026-10-05T00:00:00+00:00"


@pytest.mark.parametrize(
    "values",
    [
        pa.array([datetime(2026, 10, 5, 12)], pa.timestamp("s")),  # noqa: DTZ001
        pa.array([datetime(2026, 10, 5, 12)], pa.timestamp("ns")),  # noqa: DTZ001
        pa.array([datetime(2026, 10, 5, 16, tzinfo=UTC)], pa.timestamp("us", "Europe/Vienna")),
        pa.array([datetime(2026, 10, 5, 16, tzinfo=UTC)], pa.timestamp("ns", "UTC")),
    ],
    ids=str,
)
def test_a_time_of_any_type_comes_back_as_pythons_own(open_traffic: Open, values: Any) -> None:
    traffic = open_traffic(predictions(ts=values), timezone="America/New_York")
    (row,) = draw(traffic).rows
    assert row.ts == datetime(2026, 10, 5, 16, tzinfo=UTC)
    assert type(row.ts) is datetime
    assert row.ts.tzinfo is UTC


def test_a_date_is_its_midnight(open_traffic: Open) -> None:
    days = pa.array([date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1)])
    traffic = open_traffic(predictions(ts=days), timezone="America/New_York")
    october = Interval(datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC))
    assert traffic.survey(october).population == 2


def test_the_interval_is_half_open(open_traffic: Open) -> None:
    tick = timedelta(microseconds=1)
    times = [OCTOBER.start - tick, OCTOBER.start, OCTOBER.end - tick, OCTOBER.end]
    traffic = open_traffic(predictions(ts=pa.array(times, pa.timestamp("us", "UTC"))))
    assert [row.id for row in sorted(draw(traffic).rows, key=lambda row: row.ts)] == ["r1", "r2"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "timestamp"])
def test_summer_time_moves_the_bounds(open_traffic: Open, kind: str) -> None:
    # March in Vienna starts at 23:00 and, after the change of clocks, ends at 22:00 of UTC
    naive = [datetime(2026, 2, 28, 23, 59), datetime(2026, 3, 1), datetime(2026, 3, 31, 23, 59)]  # noqa: DTZ001
    naive.append(datetime(2026, 4, 1))  # noqa: DTZ001
    values = pa.array([f"{t:%Y-%m-%dT%H:%M:%S}" for t in naive]) if kind == "text" else pa.array(naive)
    traffic = open_traffic(predictions(ts=values), timezone="Europe/Vienna")
    march = Interval(datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))
    assert traffic.survey(march).population == 2
    two = np.array([2])
    drawn = traffic.draw(march, strata=ONE, allocation=two, sizes=two, seed="s", period="2026-03")
    assert {row.id for row in drawn.rows} == {"r1", "r2"}


@pytest.mark.slow
def test_naive_files_beside_aware_ones_keep_their_zone(open_traffic: Open) -> None:
    naive = predictions(id=["naive"], ts=pa.array([datetime(2026, 10, 5, 12)]))  # noqa: DTZ001
    traffic = open_traffic(predictions(id=["aware"]), naive, timezone="America/New_York")
    assert {row.id: row.ts.hour for row in draw(traffic).rows} == {"aware": 12, "naive": 16}


def test_a_column_without_times_is_refused(open_traffic: Open) -> None:
    with pytest.raises(InvalidInput, match=r"triage: columns\.ts = 'ts'.*boolean holds no times"):
        open_traffic(predictions(ts=pa.array([True]))).survey(OCTOBER)


def test_nan_in_a_column_of_seconds_is_no_time(open_traffic: Callable[..., Traffic]) -> None:
    seconds = [NOON.timestamp(), float("nan"), None, 0.0]
    traffic = open_traffic(predictions(ts=pa.array(seconds, pa.float64())))
    survey = traffic.survey(OCTOBER)
    assert (survey.population, survey.rejected) == (1, {"bad_timestamp": 3})
    assert traffic.check()["last"] == NOON.isoformat()
