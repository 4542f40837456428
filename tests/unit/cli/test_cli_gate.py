"""`calib gate`: exit codes, pairs, and what a pull request shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calib.text import in_backticks

Write = Any


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A file of n questions, answered by an overconfident model, its confidence lowered by `humbler`."""

    def made(
        name: str, n: int = 600, *, off: float = 0.1, humbler: float = 0.0, seed: int = 0, first: int = 0
    ) -> Path:
        rng = np.random.default_rng(seed)
        stated = rng.choice([0.6, 0.8, 0.9, 1.0], n)
        right = rng.random(n) < stated - off
        lines = [
            f"q{first + i},{s - humbler:.2f},{int(y)}"
            for i, (s, y) in enumerate(zip(stated, right, strict=True))
        ]
        path = tmp_path / name
        path.write_text("id,confidence,correct\n" + "\n".join(lines) + "\n")
        return path

    return made


def test_a_model_that_got_worse_fails_with_1(write: Write, calib: Any) -> None:
    ran = calib("gate", write("a.csv"), write("b.csv", off=0.35, seed=1))
    assert ran.code == 1
    assert "DEGRADED" in ran.out
    assert "The answers got worse." in ran.out


def test_no_evidence_passes_and_says_what_would_have_been_seen(write: Write, calib: Any) -> None:
    before, after = write("a.csv"), write("b.csv", seed=1)
    ran = calib("gate", before, after)
    assert ran.code == 0
    assert "would have been detected with 80% power" in ran.out
    strict = calib("gate", before, after, "--strict")
    assert strict.code == 3
    assert "more labels in each file" in strict.out
    assert "--strict asks for proof" in strict.out
    assert calib("gate", before, after, "--strict", "--max-rise", "0.2").code == 0


def test_json_is_the_change_with_both_sides(write: Write, calib: Any) -> None:
    ran = calib("gate", write("a.csv"), write("b.csv", seed=1), "--json", "--strict")
    result = ran.json
    assert ran.code == result["exit_code"] == 3
    wanted = {
        "state",
        "p",
        "rise",
        "low",
        "high",
        "baseline_labels",
        "minimum_detectable_rise",
        "labels_needed",
    }
    assert wanted <= set(result)
    assert result["baseline_labels"] == 600
    for side in ("before", "after"):
        assert {
            "ece",
            "ece_plugin",
            "low",
            "high",
            "accuracy",
            "mean_confidence",
            "auroc",
            "dsc",
            "bins",
        } <= set(result[side])
    assert result["rise"] == pytest.approx(result["after"]["ece"] - result["before"]["ece"])
    assert result["low"] < result["rise"] < result["high"]


def test_pairs_are_found_by_name_whatever_the_order(write: Write, calib: Any, tmp_path: Path) -> None:
    before = write("a.csv", n=500)
    after = write("b.csv", n=500, humbler=0.1, first=100)
    shuffled = tmp_path / "c.csv"
    head, *lines = after.read_text().splitlines()
    shuffled.write_text("\n".join([head, *np.random.default_rng(0).permutation(lines)]) + "\n")
    one, other = (
        calib("gate", before, path, "--paired-by", "id", "--json").json for path in (after, shuffled)
    )
    assert one["pairs"] == 400
    assert one["before"]["n"] == one["after"]["n"] == 400
    for key in ("rise", "low", "high"):
        assert one[key] == pytest.approx(other[key])
    assert "100 without a partner" in calib("gate", before, after, "--paired-by", "id").out


def test_a_humbler_prompt_is_shown_for_what_it_is(write: Write, calib: Any) -> None:
    ran = calib(
        "gate",
        write("a.csv", n=1500, off=0.15),
        write("b.csv", n=1500, off=0.15, humbler=0.15),
        "--paired-by",
        "id",
    )
    assert ran.code == 0
    assert "ECE fell" in ran.out
    assert "the information in it did not" in ran.out
    assert "+0.000 (-0.0" in ran.out  # of the AUROC


def test_the_summary_is_markdown_that_no_name_breaks_out_of(write: Write, calib: Any, tmp_path: Path) -> None:
    before = write("a`|<img src=x>.csv")
    summary = tmp_path / "s.md"
    ran = calib("gate", before, write("b.csv", off=0.35, seed=1), "--summary", summary)
    text = summary.read_text()
    assert ran.code == 1
    assert text.startswith("### ❌ Calibration gate")
    assert text.count("\n| ") == 7
    line = next(line for line in text.splitlines() if line.startswith("Before:"))
    assert line.count("`") == 2
    assert "|" not in line
    assert in_backticks("a`b\nc|d\x1b[0m") == "a'b c/d�[0m"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--paired-by", "nothing"), "no column 'nothing'"),
        (("--confidence", "confidnce"), "did you mean 'confidence'"),
        (("--summary", "/nowhere/s.md"), "cannot be written"),
    ],
)
def test_bad_input_ends_with_2(write: Write, calib: Any, more: tuple[str, ...], said: str) -> None:
    ran = calib("gate", write("a.csv"), write("b.csv"), *more)
    assert ran.code == 2
    assert said in ran.err


def test_questions_that_are_named_twice_or_not_shared_are_refused(
    write: Write, calib: Any, tmp_path: Path
) -> None:
    before = write("a.csv", n=50)
    assert (
        "nothing is paired" in calib("gate", before, write("b.csv", n=50, first=900), "--paired-by", "id").err
    )
    twice = tmp_path / "twice.csv"
    twice.write_text(before.read_text() + "q7,0.9,1\n")
    ran = calib("gate", before, twice, "--paired-by", "id", "--json")
    assert ran.code == 2
    assert "'q7' is there more than once" in json.loads(ran.out)["error"]["message"]


def test_five_rows_are_no_evidence(write: Write, calib: Any) -> None:
    ran = calib("gate", write("a.csv", n=5), write("b.csv", n=5, seed=3), "--strict")
    assert ran.code in (1, 3)
    assert calib("gate", write("a.csv", n=1), write("b.csv", n=1)).code in (0, 1)


@pytest.mark.slow
def test_the_accuracy_is_always_shown_and_decides_where_it_is_asked_to(write: Write, calib: Any) -> None:
    """The model is as overconfident as before, so the ECE says nothing of its worse answers."""
    before = write("a.csv", n=1500)
    rng = np.random.default_rng(5)
    stated = rng.choice([0.4, 0.6, 0.7], 1500)
    lines = [f"q{i},{s},{int(rng.random() < s - 0.1)}" for i, s in enumerate(stated)]
    after = before.parent / "b.csv"
    after.write_text("id,confidence,correct\n" + "\n".join(lines) + "\n")
    shown = calib("gate", before, after)
    result = calib("gate", before, after, "--json").json
    assert shown.code == 0
    assert (result["accuracy_state"], result["max_accuracy_fall"]) == (None, None)
    moved = f"{result['accuracy_change']:+.3f} ({result['accuracy_change_low']:+.3f} to"
    assert f"difference {moved}" in " ".join(shown.out.split())
    guarded = calib("gate", before, after, "--max-accuracy-fall", "0.05")
    assert guarded.code == 1
    assert "Accuracy FELL" in guarded.out
    assert calib("gate", before, after, "--max-accuracy-fall", "0.05", "--json").json["decision"] == "failed"
    assert calib("gate", before, before, "--max-accuracy-fall", "0.05").code == 0


def test_strict_asks_for_proof_of_the_accuracy_too(write: Write, calib: Any) -> None:
    before, after = write("a.csv"), write("b.csv", seed=1)
    options = ("--strict", "--max-rise", "0.2")
    assert calib("gate", before, after, *options).code == 0
    ran = calib("gate", before, after, *options, "--max-accuracy-fall", "0.01")
    assert ran.code == 3
    assert "Not proven free of a fall of the accuracy" in ran.out


@pytest.mark.slow
def test_the_table_has_heads_and_segments_decide_nothing(write: Write, calib: Any, tmp_path: Path) -> None:
    """Two kinds of question; the second is answered worse, and too rarely asked to move the whole."""
    paths = []
    for name, worse, seed in (("a.csv", 0.0, 0), ("b.csv", 0.4, 1)):
        rng = np.random.default_rng(seed)
        stated = rng.choice([0.6, 0.8, 0.9, 1.0], 1000)
        kind = np.where(np.arange(1000) % 20 == 0, "rare", "common")
        right = rng.random(1000) < stated - 0.1 - worse * (kind == "rare")
        lines = [f"{s},{int(y)},{k}" for s, y, k in zip(stated, right, kind, strict=True)]
        path = tmp_path / name
        path.write_text("confidence,correct,kind\n" + "\n".join([*lines, "0.9,1,only in " + name]) + "\n")
        paths.append(path)
    ran = calib("gate", *paths, "--segment", "kind")
    assert ran.code == 0
    assert ["95%", "before", "after", "difference"] in [line.split() for line in ran.out.splitlines()]
    shown = " ".join(ran.out.split())
    assert "In one file alone: only in a.csv, only in b.csv." in shown
    result = calib("gate", *paths, "--segment", "kind", "--json").json
    assert list(result["segments"]) == ["common", "rare"]
    rare = result["segments"]["rare"]
    assert (rare["before"]["n"], rare["after"]["n"]) == (50, 50)
    assert rare["accuracy_change"]["high"] < 0
    summary = tmp_path / "s.md"
    calib("gate", *paths, "--segment", "kind", "--summary", summary)
    assert "| `rare` | 50, 50 |" in summary.read_text()


def test_rows_of_one_cluster_make_the_gate_less_sure(tmp_path: Path, calib: Any) -> None:
    paths = []
    for name, seed in (("a.csv", 0), ("b.csv", 1)):
        rng = np.random.default_rng(seed)
        lines = []
        for day in range(40):
            right = rng.random() < 0.7
            lines += [f"{0.8 + rng.choice([0, 0.1])},{int(right)},{day}" for _ in range(15)]
        path = tmp_path / name
        path.write_text("confidence,correct,day\n" + "\n".join(lines) + "\n")
        paths.append(path)
    plain = calib("gate", *paths, "--json").json
    clustered = calib("gate", *paths, "--cluster", "day", "--json").json
    assert "cluster" not in plain["columns"]
    assert clustered["columns"]["cluster"] == "day"
    for low, high in (("low", "high"), ("accuracy_change_low", "accuracy_change_high")):
        assert clustered[high] - clustered[low] > 2 * (plain[high] - plain[low])
    width = {
        name: part["dsc_change"]["high"] - part["dsc_change"]["low"]
        for name, part in (("plain", plain), ("clustered", clustered))
    }
    assert width["clustered"] > 1.5 * width["plain"]


def test_measure_and_gate_take_the_same_options_for_files() -> None:
    import typer

    from calib.cli.app import app
    from calib.cli.file_options import FileOptions

    group = typer.main.get_command(app)
    shared = set(FileOptions.__dataclass_fields__)
    for name in ("measure", "gate"):
        options = {parameter.name for parameter in group.commands[name].params}  # type: ignore[attr-defined]
        assert shared <= options
        assert "files" not in options
