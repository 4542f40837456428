"""One window from opening to closing, and what doing it again changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import NOW, World
from log_records import Records

from calib import cycle
from calib.errors import InvalidInput
from calib.period import Period
from calib.store import Intent, history, read_mapping, rollback


def run(world: World, *months: str, now: datetime = NOW, channel: str = "production") -> list[dict[str, Any]]:
    opened = world.open(now)
    watch, ports = opened.watch("triage"), opened.ports("triage")
    results = []
    for month in months:
        window = cycle.open_window(watch, ports, Period.parse(month, "month"), channel=channel, replay=True)
        results.append(cycle.summary(cycle.advance(window, ports), ports).to_json())
    return results


def log_of(world: World) -> list[Any]:
    return history(world.open().store, stream="triage", channel="production")


def test_a_year_of_healthy_months_ends_calibrated(world: World) -> None:
    results = run(world, "2026-01", "2026-02", "2026-03", "2026-04")
    assert [r["state"] for r in results] == ["closed"] * 4
    assert results[0]["change"]["state"] == "first"
    assert results[0]["raw"]["low"] <= 0.12 <= results[0]["raw"]["high"]
    assert results[0]["served"]["source"] == "raw"
    assert results[0]["refit"]["published"]
    assert results[1]["served"]["source"] == "reconstructed"
    assert results[1]["served"]["low"] < 0.03 < results[1]["raw"]["low"]
    assert results[1]["served"]["mappings"] == [{"mapping": results[0]["refit"]["mapping"], "share": 1.0}]
    assert all(r["change"]["state"] in ("no_change_seen", "stable") for r in results[1:])
    assert all(r["alerts"] == [] for r in results)


def test_a_degraded_month_is_told_once_and_mended(world: World) -> None:
    world.write("2026-04", accuracy=lambda s: s - 0.35)
    world.write("2026-05", accuracy=lambda s: s - 0.35)
    results = run(world, "2026-01", "2026-02", "2026-03", "2026-04", "2026-05")
    worse, after = results[3], results[4]
    assert worse["change"]["state"] == "degraded"
    assert worse["change"]["direction"] == "accuracy fell"
    assert worse["change"]["rise"] > 0.1
    assert worse["refit"]["published"]
    assert [a["kind"] for a in worse["alerts"]] == ["degraded"]
    assert after["served"]["mappings"] == [{"mapping": worse["refit"]["mapping"], "share": 1.0}]
    assert after["change"]["state"] != "degraded"
    assert [a["kind"] for a in after["alerts"]] == ["recovered"]
    assert after["episode"] == worse["episode"] == worse["alerts"][0]["episode"] is not None
    assert after["change"]["baseline_labels"] < 301  # the baseline was reset at the change
    assert run(world, "2026-04")[0]["alerts"] == worse["alerts"]


def test_running_a_window_again_changes_nothing(world: World) -> None:
    first = run(world, "2026-01", "2026-02")
    log = log_of(world)
    assert run(world, "2026-01", "2026-02") == first
    assert log_of(world) == log


def test_the_same_traffic_gives_the_same_bytes_elsewhere(world: World, tmp_path_factory: Any) -> None:
    other = World(tmp_path_factory.mktemp("other"))
    other.write("2026-01")
    other.settings()
    here, there = run(world, "2026-01")[0], run(other, "2026-01")[0]
    assert here["sample"]["digest"] == there["sample"]["digest"]
    assert here["refit"]["mapping"] == there["refit"]["mapping"]


def test_a_seed_of_its_own_draws_another_sample(world: World, tmp_path_factory: Any) -> None:
    other = World(tmp_path_factory.mktemp("other"))
    other.write("2026-01")
    other.settings('seed = "another"')
    assert run(world, "2026-01")[0]["sample"]["digest"] != run(other, "2026-01")[0]["sample"]["digest"]


def test_a_mapping_that_is_upheld_is_renewed(world: World) -> None:
    results = run(world, "2026-01", "2026-02", "2026-03", "2026-04")
    upheld = [r for r in results if r["refit"].get("upheld")]
    assert upheld, "no month upheld its mapping: choose other traffic"
    assert len(log_of(world)) == 4
    assert all(entry.expires_at > entry.at for entry in log_of(world))


def test_the_mapping_states_its_evidence(world: World) -> None:
    result = run(world, "2026-01")[0]
    mapping = read_mapping(world.open().store, stream="triage", digest=result["refit"]["mapping"])
    assert mapping.evidence["period"] == "2026-01"
    assert mapping.evidence["sample_digest"] == result["sample"]["digest"]
    assert mapping.evidence["ece_after"] == result["refit"]["ece_after"]
    assert mapping.created_at == "2026-02-02T00:00:00Z"
    assert mapping.parent is None


def test_a_person_who_rolled_back_is_not_overruled(
    world: World, monkeypatch: pytest.MonkeyPatch, records: Records
) -> None:
    run(world, "2026-01", "2026-02")
    world.write("2026-03", accuracy=lambda s: s - 0.3)
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    window = cycle.open_window(watch, ports, Period.parse("2026-03", "month"), channel="production")
    from calib.cycle import lifecycle as module

    real = module._carry_out

    def moved_meanwhile(*arguments: Any) -> Any:
        log = log_of(world)
        if log[-1].by == "calibwatch":
            rollback(
                opened.store,
                stream="triage",
                channel="production",
                to=log[0].mapping,
                intent=Intent(
                    publish_id="by-hand", at=NOW, by="ada", reason="it looked odd", expires_at=None
                ),
            )
        return real(*arguments)

    monkeypatch.setattr(module, "_carry_out", moved_meanwhile)
    result = cycle.summary(cycle.advance(window, ports), ports).to_json()
    assert not result["refit"]["published"]
    assert "ada" in result["refit"]["reason"]
    assert log_of(world)[-1].publish_id == "by-hand"
    record = records.has("cycle", "stood_back", level="info", times=1, stream="triage", period="2026-03")
    assert "odd" not in record.getMessage() + str(vars(record))  # what a person writes stays in the store
    records.has("cycle", "closed", times=1, period="2026-03", channel="production")


def test_two_runs_that_open_at_once_open_one_window(world: World) -> None:
    from calib.db import windows

    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    period = Period.parse("2026-01", "month")
    first = cycle.open_window(watch, ports, period, channel="production")
    real = windows.find
    calls = []

    def blind_at_first(conn: Any, stream: str, name: str, **which: Any) -> Any:
        calls.append(name)
        return None if len(calls) == 1 else real(conn, stream, name, **which)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "find", blind_at_first)
        second = cycle.open_window(watch, ports, period, channel="production")
    assert second == first


def test_labels_that_are_still_out_leave_the_window_in_review(world: World) -> None:
    world.settings("close_after_days = 366", review='review = { kind = "outcomes", column = "late" }')
    table = world.write("2026-01")
    import pyarrow as pa
    import pyarrow.parquet as pq

    late = pa.array([None] * table.num_rows, pa.int8())
    pq.write_table(table.append_column("late", late), world.folder / "traffic" / "2026-01.parquet")
    for other in ("2026-02", "2026-03", "2026-04"):
        (world.folder / "traffic" / f"{other}.parquet").unlink()
    result = run(world, "2026-01")[0]
    assert result["state"] == "in_review"
    assert result["labels"] == {"n": 0, "correct": 0, "unsure": 0, "missing": 300}
    assert result["change"]["state"] is None


@pytest.mark.parametrize("answered", [0, 5])
def test_too_few_labels_are_no_verdict(world: World, answered: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = world.write("2026-01")
    few = pa.array([1 if i < answered else None for i in range(table.num_rows)], pa.int8())
    few_table = table.drop_columns(["correct"]).append_column("correct", few)
    pq.write_table(few_table, world.folder / "traffic" / "2026-01.parquet")
    result = run(world, "2026-01")[0]
    assert result["state"] == "insufficient"
    assert result["change"]["state"] is None
    assert not result["refit"]["published"]
    assert [a["kind"] for a in result["alerts"]] == ["insufficient_labels"]
    assert log_of(world) == []


def test_uneven_answers_are_no_verdict(world: World) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = world.write("2026-01")
    rng = np.random.default_rng(0)
    raw = table.column("raw_confidence").to_numpy()
    keep = rng.random(len(raw)) < np.where(raw <= 0.7, 0.3, 1.0)
    answers = [int(c) if k else None for c, k in zip(table.column("correct").to_pylist(), keep, strict=True)]
    uneven = table.drop_columns(["correct"]).append_column("correct", pa.array(answers, pa.int8()))
    pq.write_table(uneven, world.folder / "traffic" / "2026-01.parquet")
    result = run(world, "2026-01")[0]
    assert result["state"] == "insufficient"
    assert result["refit"]["reason_code"] == "uneven_response"


def test_a_month_of_one_class_is_measured_but_fits_nothing(world: World) -> None:
    world.write("2026-01", accuracy=lambda s: s * 0 + 1)
    result = run(world, "2026-01")[0]
    assert result["state"] == "closed"
    assert result["raw"]["auroc"] is None
    assert not result["refit"]["published"]
    assert "all 300 labels are right" in result["refit"]["reason"]


def test_an_empty_month_is_insufficient_in_a_range_and_an_error_alone(world: World) -> None:
    results = run(world, "2026-04", "2026-05", now=NOW)
    assert results[1]["state"] == "insufficient"
    assert results[1]["population"] == 0
    opened = world.open()
    with pytest.raises(InvalidInput, match=r"2025-12 is empty.*no row"):
        cycle.open_window(
            opened.watch("triage"),
            opened.ports("triage"),
            Period.parse("2025-12", "month"),
            channel="production",
            allow_empty=False,
        )


def test_a_period_that_has_not_settled_is_refused(world: World) -> None:
    opened = world.open(datetime(2026, 5, 1, 12, tzinfo=UTC))
    with pytest.raises(InvalidInput, match="2026-05-02 00:00 UTC"):
        cycle.open_window(
            opened.watch("triage"),
            opened.ports("triage"),
            Period.parse("2026-04", "month"),
            channel="production",
        )


def test_an_older_window_never_replaces_a_newer_mapping(world: World) -> None:
    run(world, "2026-03")
    result = run(world, "2026-02")[0]
    assert not result["refit"]["published"]
    assert "later than 2026-02" in result["refit"]["reason"]
    assert len(log_of(world)) == 1


def test_labels_by_outcome_that_came_too_late_do_not_count(world: World) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    world.settings(review='review = { kind = "outcomes", column = "correct", at = "label_ts" }')
    for month in range(1, 5):
        table = world.write(f"2026-{month:02d}")
        at = [ts + timedelta(days=60 if i % 2 else 1) for i, ts in enumerate(table.column("ts").to_pylist())]
        stamped = table.append_column("label_ts", pa.array(at, pa.timestamp("us", "UTC")))
        pq.write_table(stamped, world.folder / "traffic" / f"2026-{month:02d}.parquet")
    result = run(world, "2026-01")[0]
    assert result["state"] == "insufficient"
    assert 0 < result["labels"]["n"] < 210


def test_a_window_without_labels_has_the_same_keys(world: World) -> None:
    measured, empty = run(world, "2026-01", "2026-05")
    for part in ("raw", "served", "change", "refit", "labels", "sample"):
        assert set(measured[part]) - set(empty[part]) <= {"upheld", "generation", "pooling"}, part
