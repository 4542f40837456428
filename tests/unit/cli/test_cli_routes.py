"""`calib routes`: cuts that are proven, and what the threshold achieves, from a window's labels."""

from __future__ import annotations

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


def test_people_read_sentences(closed: World, calib: Any) -> None:
    ran = calib("routes", "triage", "--config", closed.config, "--preset", "customer-service")
    assert ran.code == 0
    assert "80.0% right: " in ran.out
    assert "threshold 0.9 on raw confidence: " in ran.out
    assert "billing, " in ran.out
    assert "3 steps  claims" in ran.out


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
