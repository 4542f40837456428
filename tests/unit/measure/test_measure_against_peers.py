"""The same samples measured by other people's software: `tests/golden/measure/make.py` made the numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calib.measure import Bins, ece_estimate, kish_counts, measure, reliability

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "measure" / "numbers.json").read_text(encoding="utf-8")
)
NAMES = ("continuous", "tied", "edges")


def sample(name: str) -> tuple[Any, Any, Any]:
    given = GOLDEN["samples"][name]
    return tuple(np.array(given[key], dtype=float) for key in ("scores", "correct", "weights"))  # type: ignore[return-value]


def equal_width(scores: Any, correct: Any) -> float:
    """The plugin ECE of our bins, as the literature defines it."""
    bins = reliability(scores, correct, bins=Bins.equal_width(10)).bins
    return sum(b.weight * abs(b.accuracy - b.mean_score) for b in bins if b.accuracy is not None)  # type: ignore[operator]


def by_bin(scores: Any, correct: Any, index: Any) -> float:
    return float(np.abs(np.bincount(index, correct - scores)).sum() / len(scores))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_and_the_corp_decomposition(name: str, weighted: bool) -> None:
    """scikit-learn's scores, and MCB, DSC and UNC as model-diagnostics takes the Brier score apart."""
    scores, correct, weights = sample(name)
    theirs, end = GOLDEN["numbers"][name], ".weighted" if weighted else ""
    found = measure(scores, correct, weights=weights if weighted else None)
    assert found.auroc is not None
    ours = {
        "sklearn.brier_score_loss": found.brier.value,
        "sklearn.log_loss": found.log_loss.value,
        "sklearn.roc_auc_score": found.auroc.value,
        "model_diagnostics.miscalibration": found.decomposition.mcb,
        "model_diagnostics.discrimination": found.decomposition.dsc,
        "model_diagnostics.uncertainty": found.decomposition.unc,
        "sklearn.isotonic.brier": found.brier.value - found.decomposition.mcb,
    }
    for key, value in ours.items():
        assert value == pytest.approx(theirs[key + end], abs=1e-9), key


@pytest.mark.parametrize("name", NAMES)
def test_the_plugin_ece_in_equal_bins_is_uncertainty_calibrations(name: str) -> None:
    scores, correct, _ = sample(name)
    theirs = GOLDEN["numbers"][name]["uncertainty_calibration.plugin_ce"]
    assert equal_width(scores, correct) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("name", ["continuous", "tied"])
@pytest.mark.parametrize("peer", ["netcal.ECE", "torchmetrics.ECE.float64"])
def test_away_from_edges_netcal_and_torchmetrics_agree(name: str, peer: str) -> None:
    scores, correct, _ = sample(name)
    assert equal_width(scores, correct) == pytest.approx(GOLDEN["numbers"][name][peer], abs=1e-12)


def test_on_the_edges_netcal_and_torchmetrics_are_wrong() -> None:
    """The scores are the tenths that models state, and no convention of exact bins gives their number.

    Their edges come from a linspace, whose .3, .6 and .7 lie one bit above the decimals: 0.3 falls below its
    own edge, into one bin with 0.2. torchmetrics even changes its answer with the precision of its input.
    """
    scores, correct, _ = sample("edges")
    tenth = np.round(scores * 10).astype(int)
    closed_above = by_bin(scores, correct, np.maximum(tenth - 1, 0))
    closed_below = by_bin(scores, correct, np.minimum(tenth, 9))
    theirs = GOLDEN["numbers"]["edges"]
    assert equal_width(scores, correct) == pytest.approx(closed_above, abs=1e-12)
    for peer in ("netcal.ECE", "torchmetrics.ECE.float64"):
        assert abs(theirs[peer] - closed_above) > 0.02
        assert abs(theirs[peer] - closed_below) > 0.01
        moved = np.searchsorted(np.linspace(0, 1, 11), scores, side="right") - 1
        assert theirs[peer] == pytest.approx(by_bin(scores, correct, np.minimum(moved, 9)), abs=1e-9)
    assert abs(theirs["torchmetrics.ECE.float32"] - theirs["torchmetrics.ECE.float64"]) > 0.03


@pytest.mark.parametrize("name", NAMES)
def test_the_debiased_ece_is_uncertainty_calibrations(name: str) -> None:
    """In its bins. It simulates what we integrate, and takes k/n for the accuracy where we add two labels."""
    scores, correct, _ = sample(name)
    theirs = GOLDEN["numbers"][name]
    index = np.searchsorted(theirs["uncertainty_calibration.edges"], scores, side="left")
    size = int(index.max()) + 1
    counts = kish_counts(index, correct, np.ones(len(scores)), size)
    n = np.bincount(index, minlength=size)
    found = ece_estimate(counts.correct, counts.labels, np.bincount(index, scores) / n, n / n.sum())
    assert found.low < found.estimate < found.high
    assert found.estimate == pytest.approx(theirs["uncertainty_calibration.normal_debiased_ce"], abs=2e-4)
    assert abs(found.plugin - found.estimate) > 5e-4


@pytest.mark.parametrize("name", NAMES)
def test_the_smooth_ece_is_relplots(name: str) -> None:
    """relplot halves the bandwidth ten times, to 1/1024."""
    scores, correct, _ = sample(name)
    theirs = GOLDEN["numbers"][name]["relplot.smECE"]
    assert measure(scores, correct).smece == pytest.approx(theirs, abs=1 / 1024)


def test_the_numbers_say_who_made_them() -> None:
    assert set(GOLDEN["versions"]) >= {"netcal", "torchmetrics", "relplot", "uncertainty-calibration"}


@pytest.mark.parametrize("name", NAMES)
def test_the_intervals_of_bins_are_scipys_wilson(name: str) -> None:
    from scipy.stats import binomtest

    scores, correct, _ = sample(name)
    for found in reliability(scores, correct, bins=Bins.equal_width(10)).bins:
        if found.accuracy is not None:
            right = round(found.accuracy * found.n)
            theirs = binomtest(right, found.n).proportion_ci(0.95, method="wilson")
            assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
