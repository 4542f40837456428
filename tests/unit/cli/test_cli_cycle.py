"""The verbs of the cycle: what they print, where, and with which exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import World

from calib.client import MappingClient

PARTS = {
    "stream",
    "period",
    "state",
    "population",
    "rejected",
    "sample",
    "labels",
    "raw",
    "served",
    "change",
    "refit",
    "certificates",
    "alerts",
}


def test_run_prints_the_contract(world: World, calib: Any) -> None:
    ran = calib("run", "triage", "--period", "2026-01", "--json", "--config", world.config)
    assert ran.code == 0
    result = ran.json
    assert set(result) >= PARTS
    assert set(result["sample"]) == {"n", "strata", "digest"}
    assert set(result["labels"]) == {"n", "correct", "unsure", "missing"}
    assert set(result["raw"]) >= {
        "ece",
        "ece_plugin",
        "low",
        "high",
        "accuracy",
        "mean_confidence",
        "auroc",
        "brier",
        "bins",
    }
    assert set(result["change"]) >= {
        "state",
        "p",
        "rise",
        "low",
        "high",
        "baseline_labels",
        "minimum_detectable_rise",
    }
    assert set(result["refit"]) >= {
        "published",
        "reason",
        "method",
        "mapping",
        "ece_before",
        "ece_after",
        "brier_before",
        "brier_after",
    }
    assert len(result["certificates"]) == 2
    again = calib("run", "triage", "--period", "2026-01", "--json", "--config", world.config)
    assert again.out == ran.out


@pytest.mark.slow
def test_run_for_people_says_what_to_do_next(world: World, calib: Any) -> None:
    ran = calib("run", "triage", "--period", "2026-01", "--config", world.config)
    assert ran.code == 0
    assert "served ECE" in ran.out
    assert "Next: `calib mapping list triage`" in ran.out


@pytest.mark.slow
def test_backfill_goes_to_production_once_and_elsewhere_after(world: World, calib: Any) -> None:
    arguments = (
        "backfill",
        "triage",
        "--from",
        "2026-02",
        "--to",
        "2026-03",
        "--json",
        "--config",
        world.config,
    )
    first = calib(*arguments)
    assert [w["period"] for w in first.json["windows"]] == ["2026-02", "2026-03"]
    assert {w["channel"] for w in first.json["windows"]} == {"production"}
    assert calib(*arguments).json == first.json
    other = calib(
        "backfill", "triage", "--from", "2026-01", "--to", "2026-01", "--json", "--config", world.config
    )
    assert other.json["windows"][0]["channel"] == "backfill-2026-01"
    log = calib("mapping", "list", "triage", "--json", "--config", world.config).json
    assert len(log["entries"]) == 2
    assert log["channels"] == ["backfill-2026-01", "production"]


@pytest.mark.slow
def test_an_empty_month_does_not_stop_a_range(world: World, calib: Any) -> None:
    (world.folder / "traffic" / "2026-02.parquet").unlink()
    ran = calib(
        "backfill", "triage", "--from", "2025-12", "--to", "2026-03", "--json", "--config", world.config
    )
    assert ran.code == 0
    states = {w["period"]: (w["state"], w["population"]) for w in ran.json["windows"]}
    assert list(states) == ["2026-01", "2026-02", "2026-03"]  # none before there are rows
    assert states["2026-02"] == ("insufficient", 0)
    assert states["2026-01"] == states["2026-03"] == ("closed", 1500)


@pytest.mark.slow
def test_versions_can_be_shown_applied_and_rolled_back(world: World, calib: Any) -> None:
    config = ("--config", world.config)
    world.write("2026-02", accuracy=lambda s: s - 0.4)
    calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02", *config)
    entries = calib("mapping", "list", "triage", "--json", *config).json["entries"]
    assert len(entries) == 2
    shown = calib("mapping", "show", "triage", "--json", *config).json
    assert shown["digest"] == entries[-1]["mapping"]
    applied = calib("mapping", "apply", "triage", "0.9", "0.5", "--json", *config).json
    with MappingClient(f"file:{world.folder / 'mappings'}", stream="triage", background=False) as client:
        client.refresh_now()
        assert applied["calibrated"] == [client.calibrate(0.9).value, client.calibrate(0.5).value]
        undone = calib("mapping", "rollback", "triage", "--reason", "odd", "--json", *config).json
        assert undone["mapping"] == entries[0]["mapping"]
        assert undone["generation"] == 3
        assert client.refresh_now().mapping == entries[0]["mapping"]
    back = calib("mapping", "promote", "triage", entries[-1]["mapping"][:12], "--json", *config).json
    assert back["mapping"] == entries[-1]["mapping"]
    assert "odd" in calib("mapping", "list", "triage", *config).out


@pytest.mark.slow
def test_labels_go_out_and_come_back_by_file(world: World, calib: Any, tmp_path: Path) -> None:
    import csv

    config = ("--config", world.config)
    world.settings(review='review = { kind = "files" }')
    waiting = calib("run", "triage", "--period", "2026-01", "--json", *config)
    assert waiting.code == 0
    assert waiting.json["state"] in ("sampled", "in_review")
    todo = tmp_path / "todo.csv"
    assert calib("labels", "export", "triage", "--to", todo, *config).code == 0
    with todo.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    assert rows[0]["context.question"].startswith("question ")
    truth = world.write("2026-01")
    right = dict(
        zip(truth.column("prediction_id").to_pylist(), truth.column("correct").to_pylist(), strict=True)
    )
    with todo.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"label": right[row["prediction_id"]]} for row in rows)
    report = calib("labels", "import", todo, "--json", *config).json
    assert (report["new"], report["conflicts"], report["unknown"]) == (300, 0, 0)
    assert calib("labels", "import", todo, "--json", *config).json["same"] == 300
    done = calib("run", "triage", "--period", "2026-01", "--json", *config).json
    assert done["state"] == "closed"
    assert done["labels"]["n"] == 300


@pytest.mark.slow
def test_check_says_what_works_and_what_does_not(world: World, calib: Any) -> None:
    ran = calib("check", "--json", "--config", world.config)
    assert ran.code == 0
    assert ran.json["ok"]
    world.settings('columns_ = ""'.replace('columns_ = ""', ""), head='store = "file:/proc/nowhere"')
    ran = calib("check", "--json", "--config", world.config)
    assert ran.code == 4
    assert [c["what"] for c in ran.json["checks"] if not c["ok"]] == ["store"]


def test_the_watchdog_tells_of_a_missed_period_once(world: World, calib: Any) -> None:
    world.settings(review='review = { kind = "files" }')
    first = calib("watchdog", "--json", "--config", world.config)
    assert [f["kind"] for f in first.json["findings"]] == ["window_missed"]
    assert first.json["relay"]["delivered"] == 1
    again = calib("watchdog", "--json", "--config", world.config)
    assert again.json["relay"]["delivered"] == 0


@pytest.mark.parametrize(
    "verb", ["measure", "run", "backfill", "check", "demo", "labels", "mapping", "relay"]
)
def test_every_verb_explains_itself(verb: str, calib: Any) -> None:
    ran = calib(verb, "--help")
    assert ran.code == 0
    assert "Usage: calib" in ran.out


@pytest.mark.slow
def test_a_table_cuts_no_number_off_in_a_narrow_log(world: World, calib: Any) -> None:
    ran = calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02", "--config", world.config)
    assert ran.code == 0
    assert "…" not in ran.out
    assert "2026-01" in ran.out
    assert "served ECE (95%)" in ran.out
