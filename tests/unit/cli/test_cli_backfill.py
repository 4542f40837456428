"""A backfill begins where the traffic does, is bounded, and sends one alert that sums it up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import NOW, World
from sqlalchemy import select
from stream_life import quick_fits

from calib.app import App
from calib.db import tables


@pytest.mark.slow
@pytest.mark.parametrize("begin", ["1900-01", "2025-11", "2026-01"])
def test_it_begins_at_the_first_month_with_rows(world: World, calib: Any, begin: str) -> None:
    done = calib("backfill", "triage", "--from", begin, "--to", "2026-01", "--json", "--config", world.config)
    assert done.code == 0, done.err
    assert [window["period"] for window in done.json["windows"]] == ["2026-01"]
    assert ("has no row before 2026-01: the backfill begins there" in done.err) == (begin != "2026-01")
    with world.open().engine.connect() as conn:
        assert list(conn.execute(select(tables.windows.c.period)).scalars()) == ["2026-01"]
        kinds = set(conn.execute(select(tables.outbox.c.kind)).scalars())
    assert "insufficient_labels" not in kinds


@pytest.mark.slow
def test_an_empty_month_in_the_middle_does_not_stop_it(world: World, calib: Any) -> None:
    (world.folder / "traffic" / "2026-02.parquet").unlink()
    done = calib(
        "backfill", "triage", "--from", "2025-12", "--to", "2026-03", "--json", "--config", world.config
    )
    assert [(w["period"], w["state"]) for w in done.json["windows"]] == [
        ("2026-01", "closed"),
        ("2026-02", "insufficient"),
        ("2026-03", "closed"),
    ]


def test_a_range_before_the_traffic_is_refused(world: World, calib: Any) -> None:
    done = calib("backfill", "triage", "--from", "2024-01", "--to", "2025-12", "--config", world.config)
    assert done.code == 2
    assert "the first row of the traffic is of 2026-01, after --to 2025-12" in done.err


def one_old_row(folder: Path) -> None:
    ts = pa.array([datetime(1970, 1, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    row = {"prediction_id": ["old"], "ts": ts, "raw_confidence": [0.9], "question": ["?"]}
    table = pa.table(row | {"correct": pa.array([1], pa.int8())})
    pq.write_table(table, folder / "traffic" / "old.parquet")


def test_a_row_without_a_real_time_does_not_make_hundreds_of_windows(world: World, calib: Any) -> None:
    one_old_row(world.folder)
    done = calib("backfill", "triage", "--from", "1900-01", "--to", "2026-03", "--config", world.config)
    assert done.code == 2
    assert "there are 675 periods, and at most 400 are backfilled at once" in done.err
    with world.open().engine.connect() as conn:
        assert conn.execute(select(tables.windows.c.id)).first() is None


def raised(world: World) -> list[tuple[str, str]]:
    """Kind and period of the alerts, in the order in which they were raised."""
    with world.open().engine.connect() as conn:
        query = select(tables.outbox.c.kind, tables.outbox.c.period).order_by(tables.outbox.c.created_at)
        return [(row.kind, row.period) for row in conn.execute(query)]


def summaries(world: World) -> list[dict[str, Any]]:
    with world.open().engine.connect() as conn:
        query = select(tables.outbox.c.payload).where(tables.outbox.c.kind == "backfill_done")
        return [payload["facts"] for payload in conn.execute(query).scalars()]


def without_outcomes(world: World, period: str) -> None:
    table = world.write(period)
    unknown = pa.array([None] * len(table), pa.int8())
    column = table.column_names.index("correct")
    pq.write_table(
        table.set_column(column, "correct", unknown), world.folder / "traffic" / f"{period}.parquet"
    )


def unreadable(world: World, period: str) -> None:
    table = world.write(period)
    beyond = pa.array([70.0 if i % 2 else 0.5 for i in range(len(table))])
    column = table.column_names.index("raw_confidence")
    pq.write_table(
        table.set_column(column, "raw_confidence", beyond), world.folder / "traffic" / f"{period}.parquet"
    )


@pytest.mark.slow
def test_one_alert_sums_it_up_and_is_sent_once(
    world: World, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_fits(monkeypatch)
    world.settings("max_rejected = 0.2\nquiet_line = true")
    (world.folder / "traffic" / "2026-02.parquet").unlink()
    without_outcomes(world, "2026-03")
    unreadable(world, "2026-04")
    asked = ("backfill", "triage", "--to", "2026-04", "--json", "--config", world.config)
    done = calib(*asked, "--from", "2026-01")
    assert [window["alerts"] for window in done.json["windows"]] == [[], [], [], []]
    assert raised(world) == [("backfill_done", "2026-04")]
    (facts,) = summaries(world)
    mapping = done.json["windows"][0]["refit"]["mapping"]
    assert facts == {
        "key": "2026-01/production",
        "first": "2026-01",
        "last": "2026-04",
        "channel": "production",
        "outcomes": {
            "evaluated": ["2026-01"],
            "empty": ["2026-02"],
            "too_few": ["2026-03"],
            "unreadable": ["2026-04"],
        },
        "degraded": [],
        "changed": [],
        "published": {"production": 1},
        "newest": {"mapping": mapping, "channel": "production", "period": "2026-01"},
    }
    again = calib(*asked, "--from", "2025-06")  # begins at the first month with rows, as before
    assert again.json == done.json
    assert raised(world) == [("backfill_done", "2026-04")]


@pytest.mark.slow
def test_what_is_summed_up_again_is_another_range(
    world: World, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_fits(monkeypatch)
    config = ("--config", world.config)
    calib("backfill", "triage", "--from", "2026-02", "--to", "2026-02", *config)
    calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02", *config)
    first, second = summaries(world)
    assert [first["channel"], second["channel"]] == ["production", "backfill-2026-01"]
    assert second["published"] == {"backfill-2026-01": 1, "production": 1}
    assert second["newest"]["channel"] == "production"  # so that the older one is not offered for it


@pytest.mark.slow
def test_a_backfill_that_was_cut_short_is_summed_up_by_the_one_that_ends_it(
    world: World, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calib.cycle import backfilling

    quick_fits(monkeypatch)
    (world.folder / "traffic" / "2026-02.parquet").unlink()
    asked = ("backfill", "triage", "--from", "2026-01", "--to", "2026-03", "--config", world.config)
    going = backfilling.open_window

    def fails(policy: Any, ports: Any, period: Any, **how: Any) -> Any:
        if period.name == "2026-03":
            raise OSError("the disk is full")
        return going(policy, ports, period, **how)

    with monkeypatch.context() as patch:
        patch.setattr(backfilling, "open_window", fails)
        assert calib(*asked).code == 4
    assert raised(world) == []
    assert calib(*asked).code == 0
    assert raised(world) == [("backfill_done", "2026-03")]
    assert summaries(world)[0]["outcomes"] == {"evaluated": ["2026-01", "2026-03"], "empty": ["2026-02"]}


@pytest.mark.slow
@pytest.mark.parametrize("by", ["evaluate", "backfill"])
def test_a_window_that_closes_after_the_summary_speaks_for_itself(
    world: World, calib: Any, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    world.settings(review='review = { kind = "files" }')
    config = ("--config", world.config)
    asked = ("backfill", "triage", "--from", "2026-01", "--to", "2026-01", *config)
    clock = {"now": NOW}
    monkeypatch.setattr("calib.app.utc_now", lambda: clock["now"])
    defaults: dict[str, Any] = App.open.__func__.__kwdefaults__  # type: ignore[attr-defined]
    monkeypatch.setitem(defaults, "now", lambda: clock["now"])
    assert calib(*asked).code == 0
    assert summaries(world)[0]["outcomes"] == {"waiting": ["2026-01"]}
    assert raised(world) == [("backfill_done", "2026-01")]
    clock["now"] = NOW + timedelta(days=60)
    calib(*(asked if by == "backfill" else ("evaluate", "triage", *config)))
    assert raised(world) == [("backfill_done", "2026-01"), ("insufficient_labels", "2026-01")]
