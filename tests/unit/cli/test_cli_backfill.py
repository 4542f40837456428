"""A backfill begins where the traffic does, and is bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import World
from sqlalchemy import select

from calib.db import tables


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
