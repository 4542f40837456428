"""What the commands on files compute can be called, and is what they print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import run_calib

from calib.files.chain import measure_chain_file
from calib.files.gate import gate_files
from calib.files.measure import measure_file
from calib.files.plan import plan_file
from calib.results.chain import ChainResult
from calib.results.codec import from_json
from calib.results.gate import GateResult
from calib.results.measure import MeasureResult
from calib.results.plan import PlanResult
from calib.tabular.labelled import Reading
from calib.tabular.roles import Asked

SEGMENTS = ("billing", "refunds", "shipping", "")


def write(path: Path, *, seed: int, n: int = 240, off: float = 0.1, segments: int = 3) -> Path:
    """Steps of four, each with its chain, question, segment and day; two rows cannot be used."""
    rng = np.random.default_rng(seed)
    stated = rng.choice([0.0, 0.6, 0.8, 0.9, 1.0], n)
    right = (rng.random(n) < stated - off).astype(int)
    segment = rng.choice(SEGMENTS[:segments], n)
    lines = [
        f"t{i // 4},q{i},{p},{y},{s},d{i // 8},{1 + i % 2}"
        for i, (p, y, s) in enumerate(zip(stated, right, segment, strict=True))
    ]
    text = "\n".join(
        ["trace,question,score,correct,segment,cluster,weight", *lines, ",,,1,,,1", "t1,q9,7,1,,,1"]
    )
    path.write_text(f"{text}\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "a.csv", seed=0), write(tmp_path / "b.csv", seed=1, off=0.5)


CASES: dict[str, tuple[type[Any], Callable[[Path, Path], Any], tuple[str, ...]]] = {
    "measure": (MeasureResult, lambda a, b: measure_file(b, baseline=a), ("--no-picture", "--baseline")),
    "gate": (
        GateResult,
        lambda a, b: gate_files(a, b, max_accuracy_fall=0.02, asked=Asked(paired_by="question")),
        ("--max-accuracy-fall", "0.02", "--paired-by", "question"),
    ),
    "chain": (
        ChainResult,
        lambda a, _: measure_chain_file(a, reading=Reading(allow_rejected=1)),  # of most chains rows disagree
        ("--allow-rejected", "1"),
    ),
    "plan": (PlanResult, lambda a, _: plan_file(a, rises=(0.1,)), ("--rise", "0.1")),
}


@pytest.mark.parametrize("verb", CASES)
def test_a_verb_prints_what_its_function_returns_in_the_form_of_its_type(
    verb: str,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, after = files
    kind, compute, options = CASES[verb]
    paths = {"measure": (after, *options, before), "gate": (before, after, *options)}
    arguments = paths.get(verb, (before, *options))
    printed = run_calib(monkeypatch, capsys, verb, *arguments, "--json").json
    returned = compute(before, after).to_json()
    if verb == "gate":
        assert (returned.pop("exit_code"), printed["exit_code"]) == (None, 1)
        assert printed["decision"] == "failed"
        returned["exit_code"] = 1
    assert returned == printed
    assert from_json(kind, printed, what=verb).to_json() == printed
    assert printed["columns"]["confidence"] == "score"
    assert sum(printed["rejected"].values()) >= 2
    read = printed["files"][1] if verb == "gate" else printed
    optional = {"chain": [], "plan": ["weight", "cluster"]}
    assert read["unasked"] == optional.get(verb, ["weight", "segment", "cluster"])
    assert set(read["columns"]) >= set(read["unasked"])


def test_progress_names_each_step(files: tuple[Path, Path]) -> None:
    steps: list[str] = []
    measure_file(files[1], baseline=files[0], step=steps.append)
    gate_files(*files, step=steps.append)
    assert steps == [
        *("reading", "measuring", "comparing with a.csv"),
        *("reading a.csv", "reading b.csv", "comparing"),
    ]


@pytest.mark.slow
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    seeds=st.tuples(st.integers(0, 999), st.integers(0, 999)),
    sizes=st.tuples(st.integers(48, 160), st.integers(48, 160)),
    segments=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_both_sides_are_what_each_file_is_by_itself(
    tmp_path: Path, seeds: tuple[int, int], sizes: tuple[int, int], segments: tuple[int, int]
) -> None:
    """Whatever is compared: numbers of a side never depend on the other; segments are sorted and complete."""
    a, b = (
        write(tmp_path / name, seed=seed, n=n, segments=k)
        for name, seed, n, k in zip(("a.csv", "b.csv"), seeds, sizes, segments, strict=True)
    )
    alone = [measure_file(path) for path in (a, b)]
    compared = measure_file(b, baseline=a)
    assert compared.baseline is not None
    gated = gate_files(a, b)
    for side, by_itself in ((compared.baseline, alone[0]), (gated.before, alone[0]), (gated.after, alone[1])):
        for name in ("n", "ece", "low", "high", "accuracy", "mean_confidence", "auroc", "information"):
            assert getattr(side, name) == getattr(by_itself, name), name
    assert gated.accuracy_change == pytest.approx((alone[1].accuracy or 0) - (alone[0].accuracy or 0))
    named = set(alone[0].segments) | set(alone[1].segments)
    assert set(gated.segments) == set(alone[0].segments) & set(alone[1].segments)
    assert set(gated.segments_of_one_file) == named - set(gated.segments)
    weights = [part.n for part in alone[1].segments.values()]
    assert sum(weights) <= alone[1].n
    assert all(part.rise.low <= part.rise.value <= part.rise.high for part in gated.segments.values())
