"""Mappings and gates on confidences that 54 language models stated (MMLU-Pro); the answers are real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from benchmarks.gate import MODELS, answers, verdicts
from calib.calibrators import Refit, refit
from calib.format import Identity
from calib.measure import Change, measure
from calib.measure.sample import Sample

pytestmark = [pytest.mark.slow, pytest.mark.real_data]
Floats = npt.NDArray[np.float64]
LABELS = 500


@pytest.fixture(scope="module")
def models(real_data: Path) -> dict[str, Any]:
    table = pq.read_table(
        real_data / "llm_mmlupro_verbal_A.parquet", columns=["stream", "segment", "raw_confidence", "correct"]
    )
    frame = table.to_pandas()
    frame = frame[frame.raw_confidence.between(0, 1)]
    return dict(iter(frame.groupby("stream")))


def judged(model: Any, seed: int, *, by_segment: bool = False) -> tuple[Refit, Any]:
    """A mapping of 500 labels, and the rows that it has not seen."""
    order = np.random.default_rng(seed).permutation(len(model))
    mine, rest = model.iloc[order[:LABELS]], model.iloc[order[LABELS:]]
    labels = Sample(mine.raw_confidence, mine.correct, None, mine.segment if by_segment else None)
    return refit(labels, None, served=Identity(), change=Change.first()), rest


def test_no_model_is_served_worse_and_most_are_served_well(models: dict[str, Any]) -> None:
    ratio, ece = [], []
    for model in models.values():
        found, rest = judged(model, seed=1)
        raw, correct = rest.raw_confidence.to_numpy(float), rest.correct.to_numpy(float)
        served = found.curve.apply(raw) if found.published and found.curve else raw
        ratio.append(np.mean((served - correct) ** 2) / np.mean((raw - correct) ** 2))
        ece.append(measure(served, correct).ece.estimate)
    assert len(ratio) == 54
    assert max(ratio) <= 1.01
    assert np.median(ece) < 0.03


def test_subjects_that_differ_get_mappings_of_their_own(models: dict[str, Any]) -> None:
    """claude-3-haiku is right in 29% of chemistry and in 73% of biology; it states much the same in both."""
    model = models[MODELS[1]]
    order = np.random.default_rng(1).permutation(len(model))
    now, before, rest = (model.iloc[i] for i in np.split(order, [500, 3500]))
    labels = (Sample(part.raw_confidence, part.correct, None, part.segment) for part in (now, before))
    found = refit(*labels, served=Identity(), change=Change.first())
    assert found.curve is not None
    assert len(found.segments) >= 4
    raw, correct = rest.raw_confidence.to_numpy(float), rest.correct.to_numpy(float)
    stream = found.curve.apply(raw)
    own = stream.copy()
    for name, curve in found.segments.items():
        own[rest.segment == name] = curve.apply(raw[rest.segment == name])
    assert np.mean((own - correct) ** 2) < 0.95 * np.mean((stream - correct) ** 2)


def test_the_gate_passes_a_model_against_itself_and_fails_a_worse_one(real_data: Path) -> None:
    models = answers(real_data)
    same, other = (models[name] for name in MODELS)
    draws = 300
    # 6%, and three standard errors of so many draws; `benchmarks/gate.py` has a thousand
    assert verdicts(same, same, 500, draws)["degraded"] / draws <= 0.06 + 3 * (0.06 * 0.94 / draws) ** 0.5
    assert verdicts(same, same, 5000, 40)["proven"] / 40 >= 0.7
    assert verdicts(same, other, 500, 100)["degraded"] >= 99
