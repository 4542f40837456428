"""`calib chain`: steps that share their luck, and what a mapping of whole chains makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr


def write(
    path: Path, chains: int, *, dependence: float = 0.8, steps: int = 4, labelled: int | None = None
) -> None:
    """Chains of equally long odds whose steps fail together, each labelled on its last row."""
    rng = np.random.default_rng(0)
    lines = ["trace,confidence,correct"]
    for c in range(chains):
        p = rng.choice([0.7, 0.8, 0.9, 0.95], steps)
        luck = np.sqrt(dependence) * rng.normal() + np.sqrt(1 - dependence) * rng.normal(size=steps)
        right = bool((ndtr(luck) < p).all())
        for s in range(steps):
            label = int(right) if s == steps - 1 and (labelled is None or c < labelled) else ""
            lines.append(f"t{c},{p[s]},{label}")
    path.write_text("\n".join(lines) + "\n")


def test_the_product_of_dependent_steps_is_too_low_and_a_mapping_mends_it(tmp_path: Path, calib: Any) -> None:
    write(tmp_path / "steps.csv", 1500)
    found = calib("chain", tmp_path / "steps.csv", "--json").json
    assert found["chains"] == found["labelled"] == 1500
    assert found["steps"] == {"4": 1500}
    assert found["product"]["gap"] < -0.1
    assert found["product"]["low"] > 0.1
    assert found["calibrated"]["high"] < found["product"]["low"]
    assert found["calibrated"]["mapping"]["kind"] == "logistic"
    ran = calib("chain", tmp_path / "steps.csv")
    assert "on chains that it has not seen" in ran.out


def test_too_few_labelled_chains_are_said_and_no_mapping_is_made(tmp_path: Path, calib: Any) -> None:
    write(tmp_path / "steps.csv", 500, labelled=120)
    found = calib("chain", tmp_path / "steps.csv", "--json").json
    assert (found["chains"], found["labelled"], found["labels_needed"]) == (500, 120, 180)
    assert found["calibrated"] is None
    assert "label 180 more whole chains" in calib("chain", tmp_path / "steps.csv").out


def test_a_chain_with_a_step_that_is_no_confidence_is_left_out_whole(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "steps.csv"
    path.write_text(
        "trace_id,confidence,correct\n"
        "a,0.9,\na,0.8,1\n"  # whole
        "b,0.9,0\nb,85,\n"  # a step is a percentage
        "c,0.9,1\nc,0.9,0\n"  # its rows disagree
        ",0.5,1\n"
        "d,0.7,0\n"
    )
    found = calib("chain", path, "--allow-rejected", 0.34, "--json").json
    assert found["rejected"] == {"beside_a_bad_step": 1, "no_trace": 1, "out_of_range": 1}
    assert (found["chains"], found["labelled"], found["contradicted"]) == (2, 2, 1)
    assert found["product"]["mean_confidence"] == pytest.approx((0.72 + 0.7) / 2)


@pytest.mark.parametrize(("of", "code"), [(20, 0), (19, 2)])  # the limit is 5% of the labelled chains
def test_a_label_of_each_step_is_not_one_of_the_whole(tmp_path: Path, calib: Any, of: int, code: int) -> None:
    path = tmp_path / "steps.csv"
    rows = [f"{i},0.9,1\n{i},0.8,{int(i > 0)}\n" for i in range(of - 2)] + ["x,0.9,0\ny,0.8,0\n"]
    path.write_text("trace_id,confidence,correct\n" + "".join(rows))
    ran = calib("chain", path)
    assert ran.code == code
    said = f"column 'correct' says right and wrong within 1 of {of} chains"
    assert (said in ran.err and "--allow-rejected 0.06" in ran.err) == (code == 2)
    assert calib("chain", path, "--allow-rejected", 0.06).code == 0


def test_chains_without_a_label_are_a_clear_error(tmp_path: Path, calib: Any) -> None:
    write(tmp_path / "steps.csv", 5, labelled=0)
    ran = calib("chain", tmp_path / "steps.csv")
    assert ran.code == 2
    assert "none of its 5 chains has a label" in ran.err
