"""`calib plan`, and what `calib run` tells people beyond the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import World

HOSTILE = "[red]refunds[/red]\x1b[31m"


@pytest.mark.slow
def test_a_plan_says_what_the_budget_sees_and_what_more_would_take(world: World, calib: Any) -> None:
    ran = calib(
        "plan",
        "triage",
        "--json",
        "--rise",
        "0.05",
        "--rise",
        "0.1",
        "--period",
        "2026-04",
        "--config",
        world.config,
    )
    assert ran.code == 0
    plan = ran.json
    assert plan["labels"] == 300
    assert sum(plan["by_stratum"]) == 300
    assert plan["accuracy_from"] == "stated confidence"
    assert [one["rise"] for one in plan["detections"]] == [0.05, 0.1]
    assert plan["detections"][0]["labels"] > plan["detections"][1]["labels"] > 50
    assert len(plan["strata"]) == len(plan["by_stratum"])
    assert {one["target"] for one in plan["certifications"]} == {0.9, 0.95}
    assert not list(world.folder.glob("mappings/**/*.json"))


@pytest.mark.slow
def test_a_plan_in_words_names_the_next_step(world: World, calib: Any) -> None:
    assert calib("run", "triage", "--period", "2026-03", "--config", world.config).code == 0
    ran = calib("plan", "triage", "--labels", "1000", "--period", "2026-04", "--config", world.config)
    assert ran.code == 0
    assert "With 1,000 labels per window a rise of the ECE" in ran.out
    assert "expected accuracy from labels" in ran.out
    assert "Next: set `labels`" in ran.out


@pytest.mark.slow
def test_a_file_is_enough_for_a_first_plan(tmp_path: Path, calib: Any) -> None:
    rng = np.random.default_rng(3)
    stated = rng.choice([0.6, 0.9, 0.99], 4000, p=[0.2, 0.5, 0.3])
    right = (rng.random(4000) < np.where(stated > 0.95, 0.985, stated - 0.1)).astype(int)
    path = tmp_path / "log.csv"
    lines = [f"{p},{c}" for p, c in zip(stated, right, strict=True)]
    path.write_text("\n".join(["confidence,correct", *lines, ",1"]))
    ran = calib("plan", path, "--json", "--rise", "0.05", "--rise", "0.1", "--labels", "400")
    assert ran.code == 0, ran.err
    found = ran.json
    assert (found["stream"], found["period"], found["population"]) == (None, None, 4000)
    assert found["rejected"] == {"missing": 1}
    assert sum(found["by_stratum"]) == found["labels"] == 400
    assert [part["from"] for part in found["strata"]] == [0.6, 0.9, 0.99]
    for part, share, accuracy in zip(found["strata"], (0.2, 0.5, 0.3), (0.5, 0.8, 0.985), strict=True):
        assert part["share"] == pytest.approx(share, abs=0.03)
        assert part["accuracy"] == pytest.approx(accuracy, abs=0.06)
    assert found["detections"][0]["labels"] > found["detections"][1]["labels"] > 20
    by_target = {one["target"]: one for one in found["certifications"]}
    assert by_target[0.95]["cut"] == 0.99
    said = calib("plan", path)
    assert "With 500 labels per window" in said.out
    assert calib("plan", path, "--period", "2026-01").code == 2


def test_a_plan_without_traffic_is_a_clear_error(world: World, calib: Any) -> None:
    for path in (world.folder / "traffic").glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.slice(0, 0), path)
    ran = calib("plan", "triage", "--json", "--config", world.config)
    assert ran.code == 2
    assert "calib check" in ran.json["error"]["message"]


@pytest.mark.slow
def test_a_window_shows_segments_the_judge_and_who_did_not_answer(world: World, calib: Any) -> None:
    for month in ("2026-01", "2026-02"):
        table = world.write(month, n=2000)
        rng = np.random.default_rng(int(month[-1]))
        segment = rng.choice(["billing", HOSTILE], 2000)
        right = table.column("correct").to_numpy()
        judge = np.where(rng.random(2000) < 0.8, right, 1 - right)
        answers = [int(c) if k else None for c, k in zip(right, rng.random(2000) < 0.9, strict=True)]
        table = table.drop_columns(["correct"]).append_column("correct", pa.array(answers, pa.int8()))
        table = table.append_column("segment", pa.array(segment)).append_column("judge", pa.array(judge))
        pq.write_table(table, world.folder / "traffic" / f"{month}.parquet")
    text = world.config.read_text().replace('context = ["question"]', 'segment = "segment", judge = "judge"')
    world.config.write_text(text)
    calib("run", "triage", "--period", "2026-01", "--config", world.config)
    ran = calib("run", "triage", "--period", "2026-02", "--config", world.config)
    assert ran.code == 0
    assert "judge        used: with a correlation of" in ran.out
    assert "segment      billing: served ECE" in ran.out
    assert "[red]refunds[/red]" in ran.out
    assert "\x1b[31m" not in ran.out
    assert "with every missing answer wrong accuracy is" in " ".join(ran.out.split())


@pytest.mark.slow
def test_a_confidence_without_information_is_said_so(world: World, calib: Any) -> None:
    world.write("2026-01", accuracy=lambda s: s * 0 + 0.7)
    ran = calib("run", "triage", "--period", "2026-01", "--config", world.config)
    assert "not shown yet that this confidence distinguishes" in " ".join(ran.out.split())
    assert ran.out.count("no information") == 0  # 300 labels do not prove that there is none
    world.write("2026-02")
    assert "not shown yet" not in calib("run", "triage", "--period", "2026-02", "--config", world.config).out
