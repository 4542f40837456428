"""`calib measure`: from a file to an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


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
        ("confidence,correct\n85,1\n90,0\n", "2 of 2, cannot be read as confidences: looks like percent"),
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


def test_the_verdict_is_said_and_in_json(log: Path, calib: Any) -> None:
    result = calib("measure", log, "--no-picture", "--json").json
    assert "usual limit of 0.10" in result["verdict"]
    assert result["segments"]["a"]["verdict"]
    shown = " ".join(calib("measure", log, "--no-picture").out.split())
    assert result["verdict"] in shown


@pytest.mark.slow
def test_both_sides_of_a_comparison_are_shown_and_what_is_compared_is_said(
    log: Path, calib: Any, tmp_path: Path
) -> None:
    """The change test compares at equal stated confidence; the accuracies overall may move the other way."""
    rng = np.random.default_rng(2)
    raw = rng.choice([0.9, 1.0], 700)
    lines = [f"{s},{int(c)}" for s, c in zip(raw, rng.random(700) < raw - 0.3, strict=True)]
    later = tmp_path / "later.csv"
    later.write_text("confidence,correct\n" + "\n".join(lines) + "\n")
    result = calib("measure", later, "--baseline", log, "--json", "--no-picture").json
    alone = calib("measure", log, "--json", "--no-picture").json
    for key in ("n", "ece", "accuracy", "rows", "rejected", "columns"):
        assert result["baseline"][key] == alone[key]
    assert result["change"]["direction"] == "accuracy fell"
    ran = calib("measure", later, "--baseline", log, "--no-picture")
    shown = " ".join(ran.out.split())
    assert "DEGRADED, accuracy fell at equal stated confidence: rise of the ECE" in shown
    for side in (alone, result):
        assert f"{side['ece']:.3f} ({side['low']:.3f} to {side['high']:.3f})" in shown
        assert f"{side['accuracy']:.3f} ({side['accuracy_low']:.3f} to" in shown
    assert "labels 800 700" in shown


def test_columns_that_are_used_unasked_are_named(log: Path, calib: Any) -> None:
    unasked = calib("measure", log, "--no-picture")
    assert "segment 'segment' (used because the file has it)" in " ".join(unasked.out.split())
    assert calib("measure", log, "--no-picture", "--json").json["unasked"] == ["segment"]
    asked = calib("measure", log, "--no-picture", "--segment", "segment", "--json").json
    assert (asked["unasked"], asked["columns"]["segment"]) == ([], "segment")


def test_segments_stand_in_a_table_the_largest_first(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "log.csv"
    rows = [f"0.{5 + i % 5},{i % 2},{'a' if i % 10 == 0 else 'z'}" for i in range(400)]
    path.write_text("confidence,correct,segment\n" + "\n".join(rows) + "\n")
    ran = calib("measure", path, "--no-picture")
    lines = ran.out.splitlines()
    (head,) = [i for i, line in enumerate(lines) if line.split()[:2] == ["segment", "rows"]]
    assert [line.split()[:2] for line in lines[head + 1 : head + 3]] == [["z", "360"], ["a", "40"]]
    assert list(calib("measure", path, "--no-picture", "--json").json["segments"]) == ["z", "a"]


def test_the_first_bin_holds_the_zeros_and_says_so(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "log.csv"
    path.write_text("confidence,correct\n" + "0,0\n0.15,0\n0.9,1\n" * 20)
    shown = calib("measure", path, "--no-picture").out
    assert "[0, 0.1]" in shown
    assert "(0.1, 0.2]" in shown


@pytest.mark.parametrize(
    ("name", "why"),
    [("missing/p.png", "there is no folder"), (".", "it is a folder"), ("p.docx", "end its name in .png")],
)
def test_a_picture_that_cannot_be_written_is_refused_before_the_work(
    log: Path, calib: Any, tmp_path: Path, name: str, why: str
) -> None:
    ran = calib("measure", log, "--picture", tmp_path / name)
    assert ran.code == 2
    assert "the picture cannot be written to" in ran.err
    assert why in ran.err
    assert "reading" not in ran.err
    assert "unexpected" not in ran.err


@pytest.mark.parametrize("option", ["--picture", "--html"])
def test_what_is_read_is_never_overwritten(
    log: Path, calib: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    baseline = tmp_path / "before.csv"
    baseline.write_bytes(log.read_bytes())
    (tmp_path / "link.png").symlink_to(log)
    monkeypatch.chdir(tmp_path)
    before = log.read_bytes()
    for name in (log, baseline, log.name, f"../{tmp_path.name}/{log.name}", "link.png"):
        ran = calib("measure", log, "--baseline", baseline, option, name)
        assert ran.code == 2
        assert "which is read: name another file" in ran.err
        assert (log.read_bytes(), baseline.read_bytes()) == (before, before)
    gate = calib("gate", baseline, log, "--summary", log)
    assert gate.code == 2
    assert log.read_bytes() == before


def test_a_signal_of_50_labels_is_not_called_empty(tmp_path: Path, calib: Any) -> None:
    """Its interval includes an AUROC of 0.5, which proves nothing."""
    rng = np.random.default_rng(8)
    raw = rng.choice([0.6, 0.7, 0.8, 0.9], 50)
    lines = [f"{s},{int(c)}" for s, c in zip(raw, rng.random(50) < raw - 0.1, strict=True)]
    path = tmp_path / "few.csv"
    path.write_text("confidence,correct\n" + "\n".join(lines) + "\n")
    result = calib("measure", path, "--no-picture", "--json").json
    assert result["auroc_low"] < 0.5 < 0.6 < result["auroc_high"]
    assert result["information"] == "not_shown"
    shown = " ".join(calib("measure", path, "--no-picture").out.split())
    assert "no information" not in shown
    assert f"about {result['labels_to_show_information']:,} labels would show it" in shown


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
