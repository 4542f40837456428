"""What a window makes of segments, a judge, clusters, the mix of scores and the answers that are missing."""

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
from calib.cycle.response import agreement
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
        results.append(cycle.summary(cycle.advance(window, ports), ports))
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


def test_gaps_of_segments_are_drawn_together_as_far_as_chance_explains_them(segmented: World) -> None:
    quiet, loud = run(segmented, *MONTHS)[1], None
    gaps = {name: part["served"]["gap"] for name, part in quiet["segments"].items()}
    pooled = {name: part["gap_pooled"]["gap"] for name, part in quiet["segments"].items()}
    spread = max(pooled.values()) - min(pooled.values())
    assert spread <= max(gaps.values()) - min(gaps.values()) + 1e-12
    loud = run(segmented, "2026-03")[0]["segments"]
    assert loud["refunds"]["gap_pooled"]["low"] > loud["billing"]["gap_pooled"]["high"]


def judged(world: World, month: str, *, skill: float, n: int = 3000) -> None:
    """A judge that says what is right with probability `skill`, and coin flips else."""
    rng = np.random.default_rng([5, int(month.replace("-", ""))])
    table = month_of_traffic(month, n=n)
    right = table.column("correct").to_numpy().astype(float)
    knows = rng.random(n) < skill
    write(world, month, table, judge=np.where(knows, right, rng.random(n) < 0.5).astype("int8"))


def test_a_judge_makes_labels_count_for_more_and_a_coin_does_not(world: World) -> None:
    found = {}
    for skill in (0.9, 0.0):
        for month in MONTHS[:3]:
            judged(world, month, skill=skill)
        with_columns(world, 'judge = "judge"', f'labels = 400\nseed = "{skill}"')
        (world.folder / "calib.db").unlink(missing_ok=True)
        found[skill] = run(world, *MONTHS[:3])[2]["change"]
    assert found[0.9]["judge"]["used"]
    assert found[0.9]["judge"]["correlation"] > 0.7
    assert found[0.9]["baseline_labels"] > 1.5 * found[0.0]["baseline_labels"]
    assert found[0.9]["minimum_detectable_rise"] < found[0.0]["minimum_detectable_rise"]
    assert not found[0.0]["judge"]["used"]
    assert found[0.0]["judge"]["reason"]
    assert found[0.0]["baseline_labels"] < 801


def test_rows_of_one_conversation_count_as_what_they_are(world: World) -> None:
    """Thirty rows to a conversation, all right or all wrong together."""
    for month in MONTHS[:3]:
        rng = np.random.default_rng([8, int(month.replace("-", ""))])
        n, size = 3000, 30
        raw = rng.choice(LEVELS, n, p=SHARES)
        cluster = np.repeat(np.arange(n // size), size)
        luck = np.repeat(rng.random(n // size), size)
        correct = (luck < raw - 0.12).astype("int8")
        table = month_of_traffic(month, n=n).drop_columns(["raw_confidence", "correct"])
        names = [f"{month}-{c}" for c in cluster]
        write(world, month, table, raw_confidence=raw, correct=correct, conversation=names)
    with_columns(world, 'cluster = "conversation"', "labels = 1500")
    clustered = run(world, *MONTHS[:3])[2]
    (world.folder / "calib.db").unlink()
    with_columns(world, "", "labels = 1500")
    plain = run(world, *MONTHS[:3])[2]
    assert plain["change"]["baseline_labels"] > 2900
    assert clustered["change"]["baseline_labels"] < 0.5 * plain["change"]["baseline_labels"]
    for part in ("ece", "accuracy", "brier", "auroc"):
        low, high = ("low", "high") if part == "ece" else (f"{part}_low", f"{part}_high")
        width = [found["raw"][high] - found["raw"][low] for found in (clustered, plain)]
        assert width[0] > 1.3 * width[1], part


def test_another_mix_of_scores_is_its_own_finding(world: World) -> None:
    rng = np.random.default_rng(3)
    n = 3000
    raw = rng.choice(LEVELS, n, p=SHARES[::-1] * 0.2 + np.array([0.4, 0.4, 0, 0, 0, 0]))
    correct = (rng.random(n) < raw - 0.12).astype("int8")
    table = month_of_traffic("2026-04", n=n).drop_columns(["raw_confidence", "correct"])
    write(world, "2026-04", table, raw_confidence=raw, correct=correct)
    *before, moved = run(world, *MONTHS)
    assert not any((result["score_mix"] or {}).get("notable") for result in before)
    assert moved["score_mix"]["moved"] > 0.3
    assert moved["score_mix"]["notable"]
    assert moved["change"]["state"] not in ("degraded", "changed")
    assert [alert["kind"] for alert in moved["alerts"]] == ["score_mix"]


def test_missing_answers_are_shown_by_stratum_and_bound_the_accuracy(world: World) -> None:
    table = world.write("2026-01")
    rng = np.random.default_rng(0)
    keep = rng.random(table.num_rows) < 0.85
    answers = [int(c) if k else None for c, k in zip(table.column("correct").to_pylist(), keep, strict=True)]
    some = table.drop_columns(["correct"]).append_column("correct", pa.array(answers, pa.int8()))
    pq.write_table(some, world.folder / "traffic" / "2026-01.parquet")
    found = run(world, "2026-01")[0]
    part = found["response"]
    assert sum(stratum["drawn"] for stratum in part["strata"]) == 300
    assert sum(stratum["answered"] for stratum in part["strata"]) == found["labels"]["n"]
    assert part["share"] == pytest.approx(found["labels"]["n"] / 300)
    assert part["accuracy_if_missing_wrong"] < found["raw"]["accuracy"] < part["accuracy_if_missing_right"]
    missing = 1 - part["share"]
    bounds = part["accuracy_if_missing_right"] - part["accuracy_if_missing_wrong"]
    assert bounds == pytest.approx(missing, abs=0.05)


def test_agreement_gives_the_label_error_and_the_ece_that_it_alone_makes(segmented: World) -> None:
    from calib.cycle.design import Design
    from calib.db import windows

    run(segmented, "2026-01")
    with segmented.open().engine.connect() as conn:
        window = windows.find(conn, "triage", "2026-01")
    assert window is not None
    design = Design.from_json(window.design)
    error = 0.05
    differ = 2 * error * (1 - error)
    pairs = [("correct", "incorrect")] * round(1000 * differ) + [("correct", "correct")] * (
        1000 - round(1000 * differ)
    )
    found = agreement([*pairs, ("unsure", "correct")], design)
    assert found.rows == 1000
    assert found.label_error == pytest.approx(error, abs=1e-3)
    assert (found.label_error_low or 1) < error < (found.label_error_high or 0)
    served = design.served_mean
    through = error + (1 - 2 * error) * served  # what such labels make of a perfect mapping's accuracies
    assert found.ece_floor == pytest.approx(design.mass @ np.abs(through - served), abs=1e-3)
    assert agreement([], design).label_error is None


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
