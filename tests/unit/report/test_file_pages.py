"""`calib measure --html`, `calib gate --html`, and what a notebook shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from in_process import run_calib
from report_reader import read

from calib.gate import gate
from calib.measure import Counts, change_test, measure
from calib.measure.sample import Sample
from calib.report.file_page import measure_panels
from calib.results.codec import from_json
from calib.results.measure import MeasureResult

EVIL = "<b onload=x>&"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labelled files with five stated levels and a hostile segment; the second is much less accurate."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(3)
    for name, off in (("before", 0.05), ("after", 0.3)):
        score = rng.choice([0.6, 0.7, 0.8, 0.9, 0.95], 600)
        correct = (rng.random(600) < score - off).astype(int)
        segment = rng.choice([EVIL, "billing"], 600)
        rows = [f"{s},{c},{g}" for s, c, g in zip(score, correct, segment, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["confidence,correct,segment", *rows]) + "\n")
    return folder


def test_measure_writes_a_page_of_the_file_beside_its_baseline(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    words = ("measure", "after.csv", "--baseline", "before.csv", "--no-picture", "--html", "out.html")
    ran = run_calib(monkeypatch, capsys, *words, "--json")
    assert ran.code == 0
    assert ran.json["html"] == "out.html"
    html = (files / "out.html").read_text()
    elements = read(html).elements
    assert [tag for tag, _ in elements].count("figure") == 2
    assert not {"script", "b", "img"} & {tag for tag, _ in elements}
    text = " ".join(read(html).text)
    assert EVIL in text
    assert f"ECE {ran.json['ece']:.3f}" in text
    assert "DEGRADED" in text
    assert "confidence 'confidence'" in text


def test_tied_levels_are_drawn_as_levels_with_the_baseline_beside_them(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    ran = run_calib(
        monkeypatch, capsys, "measure", "after.csv", "--baseline", "before.csv", "--no-picture", "--json"
    )
    result = from_json(MeasureResult, ran.json, what="the output")
    assert [(panel.role, panel.levels) for panel in measure_panels(result)] == [
        ("raw", True),
        ("baseline", True),
    ]
    points = ran.json["points"]
    assert points["levels"] is True
    assert [part["mean_score"] for part in points["bins"]] == pytest.approx([0.6, 0.7, 0.8, 0.9, 0.95])


def test_measure_ends_with_a_picture_in_the_terminal(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setenv("COLUMNS", "80")
    ran = run_calib(monkeypatch, capsys, "measure", "after.csv", "--no-picture", "--html", "out.html")
    lines = ran.out.splitlines()
    assert lines[-1].strip() == "out.html"
    drawn = [line for line in lines if line.startswith("0.") and "o" in line and "x" in line]
    assert len(drawn) == 5
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize(("words", "code", "word"), [((), 1, "Failed"), (("--max-rise", "0.4"), 0, "Passed")])
def test_the_gate_writes_a_page_of_its_verdict(
    words: tuple[str, ...],
    code: int,
    word: str,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    ran = run_calib(monkeypatch, capsys, "gate", "before.csv", "after.csv", *words, "--html", "gate.html")
    assert ran.code == code
    assert ran.out.splitlines()[-1].strip() == "gate.html"
    reader = read((files / "gate.html").read_text())
    text = " ".join(reader.text)
    assert text.index(word) < text.index("Before and after")
    assert [tag for tag, _ in reader.elements].count("figure") == 2
    assert not {"script", "b", "img"} & {tag for tag, _ in reader.elements}


@pytest.mark.parametrize("verb", [("measure", "after.csv"), ("gate", "before.csv", "after.csv")])
def test_a_page_that_cannot_be_written_is_refused_at_the_start(
    verb: tuple[str, ...], files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    ran = run_calib(monkeypatch, capsys, *verb, "--html", "nowhere/out.html", "--json")
    assert ran.code == 2
    assert "there is no folder nowhere" in json.loads(ran.out)["error"]["message"]


def test_results_show_themselves_in_a_notebook() -> None:
    rng = np.random.default_rng(5)
    score = rng.choice([0.6, 0.8, 0.95], 400)
    correct = (rng.random(400) < score - 0.1).astype(float)
    measured = measure(score, correct)
    shown = measured._repr_html_()
    assert f"{measured.ece.estimate:.3f} ({measured.ece.low:.3f} to {measured.ece.high:.3f})" in shown
    change = change_test(
        Counts(np.array([60.0, 70.0]), np.array([100.0, 100.0])),
        Counts(np.array([80.0, 90.0]), np.array([100.0, 100.0])),
        score=[0.8, 0.9],
        mass=[0.5, 0.5],
        seed=1,
    )
    assert f"change: {change.state}" in change._repr_html_()
    assert f"{change.rise:+.3f}" in change._repr_html_()
    verdict = gate(Sample(score, correct), Sample(score, 1 - correct))
    assert "gate: degraded" in verdict._repr_html_()
    for html in (shown, change._repr_html_(), verdict._repr_html_()):
        assert read(html).elements[0] == ("table", {})
