"""`calib measure`: from a file to an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calib.measure.ece_verdict import ece_verdict


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    raw = rng.choice([0.6, 0.8, 0.9, 1.0], 800)
    correct = rng.random(800) < raw - 0.15
    lines = [f"{s},{int(c)},{'ab'[i % 2]}" for i, (s, c) in enumerate(zip(raw, correct, strict=True))]
    path = tmp_path / "log.csv"
    path.write_text("confidence,correct,segment\n" + "\n".join(lines) + "\n85%,1,a\n,0,b\n0.9,,a\n")
    return path


def test_json_has_everything_that_is_shown(log: Path, calib: Any, tmp_path: Path) -> None:
    ran = calib("measure", log, "--json", "--picture", tmp_path / "p.png")
    assert ran.code == 0
    result = ran.json
    assert result["low"] <= 0.15 <= result["high"]
    assert result["rejected"] == {"missing": 1, "not_a_number": 1, "unlabelled": 1}
    assert result["n"] == 800
    assert sum(b["n"] for b in result["bins"]) == 800
    assert set(result["segments"]) == {"a", "b"}
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_people_see_the_interval(log: Path, calib: Any) -> None:
    ran = calib("measure", log, "--no-picture")
    assert ran.code == 0
    assert "overconfident by" in ran.out
    assert "not counted  1 missing, 1 not a number, 1 unlabelled" in ran.out


def test_a_baseline_adds_the_change_test(log: Path, calib: Any) -> None:
    ran = calib("measure", log, "--baseline", log, "--json", "--no-picture")
    change = ran.json["change"]
    assert change["state"] in ("no_change_seen", "stable")
    assert change["rise"] == pytest.approx(0)
    assert change["p"] > 0.5


def test_bins_can_be_asked_for(log: Path, calib: Any) -> None:
    assert len(calib("measure", log, "--bins", 4, "--json", "--no-picture").json["bins"]) == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("confidence,correct\n", "no row can be used"),
        ("confidence,correct\n0.9,\n", "1 unlabelled"),
        ("confidence,correct\n85,1\n90,0\n", "2 of 2, are no confidence: looks like percent"),
        ("conf,ok\n0.9,1\n", "--confidence"),
        ("confidence,correct\n0.9,1\n0.8\n", "line 3: 1 cells where"),
        ("\x00\x01\x02", "holds zero bytes"),
    ],
)
def test_a_file_that_holds_no_answer_is_an_error(tmp_path: Path, calib: Any, content: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content.encode())
    ran = calib("measure", path, "--no-picture")
    assert ran.code == 2
    assert said in ran.err


def test_no_such_file(tmp_path: Path, calib: Any) -> None:
    ran = calib("measure", tmp_path / "none.csv")
    assert ran.code == 2
    assert "is not a file" in ran.err


def test_one_class_and_five_rows_are_measured_with_wide_intervals(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "few.csv"
    path.write_text("confidence,correct\n0.9,1\n0.9,1\n0.9,1\n0.8,1\n0.95,1\n")
    result = calib("measure", path, "--json", "--no-picture").json
    assert result["auroc"] is None
    assert not result["informative"]
    assert result["high"] > 0.15


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.00, 0.10, "within 0.10 of the truth on average"),
        (0.00, 0.101, "may not be a reliable signal"),
        (0.10, 0.15, "may not be a reliable signal"),
        (0.05, 0.20, "may not be a reliable signal: a fixed threshold may decide better"),
        (0.11, 0.15, "not a reliable signal"),
        (0.11, 0.16, "not a reliable signal: a fixed threshold may decide better"),
        (0.15, 0.30, "not a reliable signal: a fixed threshold may decide better"),
        (0.16, 0.30, "not a reliable signal: a fixed threshold decides better"),
    ],
)
def test_the_verdict_is_of_the_interval_and_not_of_the_point(low: float, high: float, said: str) -> None:
    assert ece_verdict(low, high) == said


def test_the_verdict_is_said_and_in_json(log: Path, calib: Any) -> None:
    result = calib("measure", log, "--no-picture", "--json").json
    assert result["verdict"] == ece_verdict(result["low"], result["high"])
    assert result["segments"]["a"]["verdict"] == ece_verdict(
        result["segments"]["a"]["low"], result["segments"]["a"]["high"]
    )
    assert result["verdict"] in calib("measure", log, "--no-picture").out


def test_rows_of_one_conversation_widen_the_interval(tmp_path: Path, calib: Any) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    lines = []
    for conversation in range(60):
        luck = rng.random()
        lines += [f"0.9,{int(luck < 0.75)},c{conversation}" for _ in range(20)]
    path = tmp_path / "log.csv"
    path.write_text("confidence,correct,cluster\n" + "\n".join(lines) + "\n")
    clustered = calib("measure", path, "--json", "--no-picture").json
    path.write_text("confidence,correct,other\n" + "\n".join(lines) + "\n")
    plain = calib("measure", path, "--json", "--no-picture").json
    named = calib("measure", path, "--json", "--no-picture", "--cluster", "other").json
    assert clustered["ece_plugin"] == plain["ece_plugin"]
    assert clustered["high"] - clustered["low"] > 2 * (plain["high"] - plain["low"])
    assert named["low"] == clustered["low"]


def test_another_mix_of_continuous_scores_is_no_change(tmp_path: Path, calib: Any) -> None:
    """Inside a stratum the scores move with the traffic, and the accuracy with them."""
    import numpy as np

    rng = np.random.default_rng(1)
    for name, a, b in (("before", 4, 2), ("after", 3, 2.4)):
        score = rng.beta(a, b, 6000)
        correct = (rng.random(6000) < score - 0.05 * score).astype(int)
        rows = "\n".join(f"{s:.6f},{c}" for s, c in zip(score, correct, strict=True))
        (tmp_path / f"{name}.csv").write_text(f"confidence,correct\n{rows}\n")
    found = calib(
        "measure", tmp_path / "after.csv", "--baseline", tmp_path / "before.csv", "--json", "--no-picture"
    ).json
    assert found["change"]["state"] in ("no_change_seen", "stable")
    assert found["change"]["p"] > 0.05
