"""Aggregation over replies that real models gave: what it gains over one reply."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.real_data
BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "aggregation.py"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    spec = importlib.util.spec_from_file_location("aggregation", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def asked(benchmark: Any, real_data: Path) -> Any:
    found = benchmark.questions(real_data)
    assert len(found) > 2000
    return found


def test_several_models_together_are_better_calibrated_than_the_usual_one(benchmark: Any, asked: Any) -> None:
    ours = benchmark.measured(asked, 5)["agreement x stated (calib)"]
    alone = list(benchmark.singles(asked).values())
    assert ours.ece.high < np.median([one.ece.estimate for one in alone])
    assert ours.auroc.low > np.median([one.auroc.value for one in alone])
    assert ours.brier.high < np.median([one.brier.value for one in alone])


def test_what_is_stated_tells_more_than_agreement_alone(benchmark: Any, asked: Any) -> None:
    found = benchmark.measured(asked, 5)
    ours = found.pop("agreement x stated (calib)")
    for other in found.values():
        assert ours.auroc.value > other.auroc.value
        assert ours.brier.value < other.brier.value
        assert ours.ece.estimate < other.ece.estimate


def test_disagreement_is_a_signal_of_its_own(benchmark: Any, asked: Any) -> None:
    rng = np.random.default_rng(0)
    apart, right = [], []
    for question in asked:
        found, correct = benchmark.together(question, sorted(question), rng)
        assert 0 <= found.disagreement <= 6 / 11
        apart.append(found.disagreement)
        right.append(correct)
    split, accuracy = np.array(apart) > np.median(apart), np.array(right)
    assert accuracy[~split].mean() - accuracy[split].mean() > 0.1  # .91 against .78
