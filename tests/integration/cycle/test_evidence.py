"""Over months, through traffic, database and store: a segment's own baseline, and slow decay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import LEVELS, NOW, SHARES, World, month_of_traffic

from calib import cycle
from calib.period import Period

Floats = npt.NDArray[np.float64]
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


def run(world: World, *months: str) -> list[dict[str, Any]]:
    opened = world.open(NOW)
    watch, ports = opened.watch("triage"), opened.ports("triage")
    results = []
    for month in months:
        window = cycle.open_window(
            watch, ports, Period.parse(month, "month"), channel="production", replay=True
        )
        results.append(cycle.summary(cycle.advance(window, ports), ports).to_json())
    return results


def write(world: World, month: str, table: pa.Table, **columns: Any) -> None:
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, world.folder / "traffic" / f"{month}.parquet")


def with_columns(world: World, columns: str, stream: str = "labels = 600") -> None:
    text = f"""
[streams.triage]
traffic = "parquet:traffic/*.parquet"
columns = {{ {columns} }}
review = {{ kind = "outcomes", column = "correct" }}
{stream}
"""
    world.config.write_text(text)


def two_segments(world: World, month: str, accuracy: Callable[[Floats, npt.NDArray[Any]], Floats]) -> None:
    rng = np.random.default_rng(int(month.replace("-", "")))
    segment = rng.choice(["billing", "refunds", "rare"], 3000, p=[0.6, 0.38, 0.02])
    raw = rng.choice(LEVELS, 3000, p=SHARES)
    correct = (rng.random(3000) < np.clip(accuracy(raw, segment), 0, 1)).astype("int8")
    table = month_of_traffic(month, n=3000).drop_columns(["raw_confidence", "correct"])
    write(world, month, table, raw_confidence=raw, correct=correct, segment=segment)


def usual(raw: Floats, segment: npt.NDArray[Any]) -> Floats:
    return raw - 0.12


def refunds_fall(raw: Floats, segment: npt.NDArray[Any]) -> Floats:
    return np.where(segment == "refunds", raw - 0.42, raw - 0.12)


@pytest.fixture
def segmented(world: World) -> World:
    for month in MONTHS:
        two_segments(world, month, refunds_fall if month >= "2026-03" else usual)
    with_columns(world, 'segment = "segment"')
    return world


def test_a_segment_that_degrades_is_named_and_its_own_baseline_begins_anew(segmented: World) -> None:
    first, second, third, fourth = run(segmented, *MONTHS)
    assert set(first["segments"]) == {"billing", "refunds"}  # "rare" is too small to be judged
    assert first["segments"]["refunds"]["change"] is None
    assert second["segments"]["refunds"]["change"]["state"] in ("no_change_seen", "stable")
    hit = third["segments"]["refunds"]
    assert hit["change"]["state"] == "degraded"
    assert hit["change"]["direction"] == "accuracy fell"
    assert hit["served"]["low"] > 0.1
    assert third["segments"]["billing"]["change"]["state"] != "degraded"
    assert "degraded" in [alert["kind"] for alert in third["alerts"]]
    assert fourth["segments"]["refunds"]["change"]["state"] != "degraded"  # told once
    assert fourth["segments"]["refunds"]["change"]["baseline_labels"] < 300


def test_slow_decay_that_the_moving_baseline_follows_is_caught_by_the_anchor(world: World) -> None:
    """A point a month: six pooled months lie at most four points above, the first month a dozen."""
    months = [f"2025-{m:02d}" for m in range(4, 13)] + [f"2026-{m:02d}" for m in range(1, 6)]
    for number, month in enumerate(months):
        world.write(month, n=3000, accuracy=lambda s, down=0.011 * number: s - 0.05 - down)
    with_columns(world, "", "labels = 600")
    found = [window["change"] for window in run(world, *months)]
    caught = [change for change in found if change["state"] in ("degraded", "changed")]
    assert caught
    assert caught[0]["against"] == "anchor"
    assert found.index(caught[0]) >= 5
    assert caught[0]["anchor"]["direction"] == "accuracy fell"
