"""What cannot be read decides when a window opens, and outcomes that cannot be used are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from conftest import World
from sqlalchemy import select

from calib import cycle
from calib.db import tables
from calib.outbox import queue as outbox
from calib.period import Period
from calib.store import history

MARCH = datetime(2026, 3, 3, tzinfo=UTC)  # February is due


def run(world: World, month: str, now: datetime = MARCH) -> dict[str, Any]:
    opened = world.open(now)
    watch, ports = opened.watch("triage"), opened.ports("triage")
    window = cycle.open_window(watch, ports, Period.parse(month, "month"), channel="production")
    return cycle.summary(cycle.advance(window, ports), ports).to_json()


def percent(world: World, month: str, share: float = 1.0) -> None:
    """Part of a month states percent."""
    table = world.write(month)
    raw = table["raw_confidence"].to_numpy() * 1.0
    raw[: int(len(raw) * share)] *= 100
    column = table.column_names.index("raw_confidence")
    pq.write_table(
        table.set_column(column, "raw_confidence", pa.array(raw)), world.folder / f"traffic/{month}.parquet"
    )


def test_a_month_in_percent_is_insufficient_and_changes_nothing(world: World) -> None:
    assert run(world, "2026-01")["refit"]["published"]
    percent(world, "2026-02")
    opened = world.open(MARCH)
    result = cycle.open_due(opened.watch("triage"), opened.ports("triage"))
    assert result is not None
    assert (result.state, result.sample.n, result.labels.missing) == ("insufficient", 0, 0)
    assert result.refit.reason_code == "too_many_rejected"
    assert result.rejected == {"out_of_range": 1500}
    assert "numbers from 50 to 100, as of confidences out of 100" in result.refit.reason
    assert [alert.kind for alert in result.alerts] == ["cannot_see"]
    assert len(history(opened.store, stream="triage", channel="production")) == 1
    with opened.engine.connect() as conn:
        assert {item.period for item in conn.execute(_drawn())} == {"2026-01"}
    assert run(world, "2026-02") == result.to_json()  # doing it again changes nothing
    # the next month has the first as its baseline
    assert run(world, "2026-03", datetime(2026, 4, 3, tzinfo=UTC))["baseline"]["periods"] == ["2026-01"]


def test_percent_that_is_meant_is_measured_as_shares_are(world: World) -> None:
    plain = run(world, "2026-01")
    other = World(world.folder / "other")
    other.folder.mkdir()
    percent(other, "2026-01")
    other.settings("scale = 100")
    assert run(other, "2026-01")["raw"] == plain["raw"]


def test_a_share_within_the_limit_is_measured_and_told(world: World) -> None:
    percent(world, "2026-01", share=0.04)
    assert run(world, "2026-01")["state"] == "closed"
    world.settings("max_rejected = 0.01")
    percent(world, "2026-02", share=0.04)
    assert run(world, "2026-02")["refit"]["reason_code"] == "too_many_rejected"


def test_rows_that_vanished_are_an_alert_and_their_labels_stay_missing(world: World) -> None:
    world.settings("close_after_days = 300", review='review = { kind = "outcomes", column = "late" }')
    path = world.folder / "traffic" / "2026-01.parquet"
    table = world.write("2026-01")
    none = pa.nulls(table.num_rows, pa.string())
    pq.write_table(table.append_column("late", none), path)
    for month in ("2026-02", "2026-03", "2026-04"):
        (world.folder / "traffic" / f"{month}.parquet").unlink()
    assert run(world, "2026-01")["outcomes"] == {"not_an_answer": 0, "not_found": 0}
    drawn = _ids(world)
    words = ["1"] * (table.num_rows - 2) + ["dunno", "pending"]
    known = table.append_column("late", pa.array(words))
    for id_, word in zip(drawn[:3], ("dunno", "unsure", "None"), strict=True):
        known = _with(known, id_, word)
    kept = known.filter(pc.invert(pc.is_in(known["prediction_id"], pa.array(drawn[3:10]))))
    pq.write_table(kept, path)
    result = run(world, "2026-01")
    assert result["outcomes"] == {"not_an_answer": 2, "not_found": 7}
    assert result["labels"]["missing"] == 10
    assert result["rejected"] == {}
    assert [alert["kind"] for alert in result["alerts"]] == ["labels_not_found"]
    with world.open(MARCH).engine.connect() as conn:
        (waiting,) = outbox.of_window(conn, "triage", "2026-01")
    assert waiting["kind"] == "labels_not_found"
    pq.write_table(known, path)  # they are back
    assert run(world, "2026-01")["outcomes"] == {"not_an_answer": 2, "not_found": 0}


def _with(table: pa.Table, id_: str, word: str) -> pa.Table:
    late = pc.if_else(pc.equal(table["prediction_id"], id_), word, table["late"])
    return table.set_column(table.column_names.index("late"), "late", late)


def _ids(world: World) -> list[str]:
    with world.open(MARCH).engine.connect() as conn:
        return sorted(conn.execute(select(tables.items.c.prediction_id)).scalars())


def _drawn() -> Any:
    joined = tables.items.join(tables.windows, tables.items.c.window_id == tables.windows.c.id)
    return select(tables.windows.c.period).select_from(joined)
