"""`calib routes`: cuts that are proven, and what the threshold achieves, from a window's labels."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from conftest import LEVELS, SHARES, World

from calib.format import Mapping


@pytest.fixture
def closed(world: World, calib: Any) -> World:
    """A window of an overconfident model, evaluated, in two kinds of business."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for month in (1, 2):
        path = world.folder / "traffic" / f"2026-0{month}.parquet"
        table = pq.read_table(path)
        kinds = pa.array(np.where(np.arange(table.num_rows) % 3 == 0, "billing", "sales"))
        pq.write_table(table.append_column("kind", kinds), path)
    for month in (3, 4):
        (world.folder / "traffic" / f"2026-0{month}.parquet").unlink()
    world.settings("threshold = 0.9\ntargets = [0.75, 0.99]")
    text = world.config.read_text().replace('context = ["question"]', 'segment = "kind"')
    world.config.write_text(text.replace("labels = 300", "labels = 900"))
    assert calib("run", "triage", "--period", "2026-01", "--config", world.config).code == 0
    return world


@pytest.mark.slow
def test_each_target_has_its_cut_or_a_reason(closed: World, calib: Any) -> None:
    result = calib("routes", "triage", "--config", closed.config, "--json").json
    assert (result["period"], result["targets"], result["labels"]) == ("2026-01", [0.75, 0.99], 900)
    low, high = result["certificates"]
    assert low["cut"] in LEVELS
    assert low["accuracy_low"] >= 0.75
    share = SHARES[low["cut"] <= LEVELS].sum()
    assert low["share"] == pytest.approx(share, abs=3 * (share * (1 - share) / 1500) ** 0.5)
    assert high["cut"] is None
    assert "error rate" in high["reason"] or "labels" in high["reason"]
    assert set(result["segments"]) == {"billing", "sales"}


@pytest.mark.slow
def test_the_threshold_is_held_against_the_truth(closed: World, calib: Any) -> None:
    result = calib("routes", "triage", "--config", closed.config, "--json").json
    raw = result["threshold"]["raw"]
    passing = LEVELS >= 0.9
    truth = SHARES[passing] @ (LEVELS[passing] - 0.12) / SHARES[passing].sum()
    assert raw["low"] <= truth <= raw["high"]
    assert raw["stated"] > raw["accuracy"]
    one, _, three = result["chain"][:3]
    assert one["delivered"] == pytest.approx(result["threshold"]["served"]["accuracy"])
    assert three["delivered"] == pytest.approx(one["delivered"] ** 3)
    assert three["low"] <= three["delivered"] <= three["high"]


def conversations(world: World, month: str) -> None:
    """Thirty rows to a conversation, all right or all wrong together."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from conftest import month_of_traffic

    rng = np.random.default_rng([8, int(month.replace("-", ""))])
    raw, luck = rng.choice(LEVELS, 3000, p=SHARES), np.repeat(rng.random(100), 30)
    table = month_of_traffic(month, n=3000).drop_columns(["raw_confidence", "correct"])
    columns = {
        "raw_confidence": raw,
        "correct": (luck < raw - 0.12).astype("int8"),
        "conversation": np.repeat([f"{month}-{number}" for number in range(100)], 30),
    }
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, world.folder / "traffic" / f"{month}.parquet")


@pytest.mark.slow
def test_run_routes_and_the_mapping_prove_the_same_cuts_where_rows_come_in_conversations(
    world: World, calib: Any
) -> None:
    conversations(world, "2026-01")
    world.settings("targets = [0.6, 0.8]\nthreshold = 0.7")
    text = world.config.read_text().replace('context = ["question"]', 'cluster = "conversation"')
    world.config.write_text(text.replace("labels = 300", "labels = 1500"))
    ran = calib("run", "triage", "--period", "2026-01", "--config", world.config, "--json").json
    routes = calib("routes", "triage", "--config", world.config, "--json").json
    keys = ("target", "cut", "n", "reason_code")
    cuts = [{key: part.get(key) for key in keys} for part in routes["certificates"]]
    assert cuts == [{key: part.get(key) for key in keys} for part in ran["certificates"]]
    assert any(part["cut"] is not None for part in cuts)
    assert all(part["n"] is None or part["n"] < 400 for part in cuts)  # of 1,500 labels
    assert routes["threshold"]["raw"]["n"] < 400
    shown = calib("mapping", "show", "triage", "--config", world.config, "--json").json
    published = {part["target"]: part["cut"] for part in shown["certificates"]}
    assert all(published.get(part["target"]) == part["cut"] for part in cuts)
    planned, plain = (
        calib("plan", "triage", "--period", "2026-01", "--rise", "0.1", "--config", config, "--json").json
        for config in (world.config, _without_clusters(world))
    )
    assert planned["design_effect"] > 3
    assert plain["design_effect"] == 1.0
    needed = [found["detections"][0]["labels"] or 1_000_000 for found in (planned, plain)]
    assert needed[0] > 2 * needed[1]


def _without_clusters(world: World) -> Any:
    """The same settings with a database of their own, and no column of clusters."""
    text = world.config.read_text().replace(', cluster = "conversation"', "")
    config = world.folder / "plain.toml"
    config.write_text(f'database = "sqlite:///plain.db"\n{text}')
    return config


@pytest.mark.slow
def test_people_read_sentences(closed: World, calib: Any) -> None:
    ran = calib("routes", "triage", "--config", closed.config, "--preset", "customer-service")
    assert ran.code == 0
    assert "80.0% right: " in ran.out
    assert "threshold 0.9 on raw confidence: " in ran.out
    assert "billing  " in ran.out
    assert re.search(r"^ +3  +0\.\d\d  0\.\d\d \(", ran.out, re.MULTILINE)


@pytest.mark.slow
def test_the_mapping_carries_the_grid_and_the_segments(closed: World, calib: Any) -> None:
    import json

    shown = calib("mapping", "show", "triage", "--config", closed.config, "--json").json
    shown.pop("digest")
    mapping = Mapping.from_bytes(json.dumps(shown).encode())
    whole = [one for one in mapping.certificates if "target" in one]
    assert {one["target"] for one in whole} > {0.75}
    assert len({one["target"] for one in whole}) == len(whole)
    assert all(one["accuracy_low"] >= one["target"] for one in whole)


def test_without_a_closed_window_there_is_not_enough_evidence(world: World, calib: Any) -> None:
    ran = calib("routes", "triage", "--config", world.config, "--json")
    assert ran.code == 3
    assert ran.json["period"] is None
    assert "no window is closed yet" in calib("routes", "triage", "--config", world.config).out


@pytest.mark.parametrize(
    ("more", "said"),
    [(("--preset", "banking"), "finance"), (("--period", "2026-03"), "2026-03 is not there")],
)
def test_bad_input_ends_with_2(world: World, calib: Any, more: tuple[str, ...], said: str) -> None:
    ran = calib("routes", "triage", "--config", world.config, *more)
    assert ran.code == 2
    assert said in ran.err
