"""What a threshold achieves, and targets by name."""

from __future__ import annotations

import numpy as np
import pytest

from calib.errors import InvalidInput
from calib.measure.sample import Sample
from calib.routing import achieved, grid, preset


def test_the_interval_holds_the_truth_under_unequal_weights() -> None:
    """Two strata, the rarer one drawn five times too often; 95%, less three standard errors."""
    held, repeats = 0, 600
    truth = 0.8 * 0.9 + 0.2 * 0.6
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        rare = np.arange(300) < 150
        correct = rng.random(300) < np.where(rare, 0.6, 0.9)
        found = achieved(Sample(np.full(300, 0.95), correct, np.where(rare, 0.2, 0.8)), 0.9)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert held / repeats >= 0.95 - 3 * (0.95 * 0.05 / repeats) ** 0.5


def test_a_row_on_the_threshold_passes_and_one_below_does_not() -> None:
    found = achieved(Sample([0.9, 0.8999], [1, 0]), 0.9)
    assert (found.share, found.accuracy, found.stated) == (0.5, 1.0, 0.9)


def test_where_nothing_passes_nothing_is_claimed() -> None:
    found = achieved(Sample([0.5], [1]), 0.9)
    assert (found.share, found.accuracy, found.low, found.n) == (0.0, None, None, 0.0)


@pytest.mark.parametrize(("weights", "threshold"), [([1.0], 1.5), ([0.0], 0.5)])
def test_no_threshold_and_no_label_are_refused(weights: list[float], threshold: float) -> None:
    with pytest.raises(InvalidInput):
        achieved(Sample([0.5], [1], weights), threshold)


def test_presets_and_the_grid_around_them() -> None:
    assert preset("finance") == (0.90, 0.95)
    assert preset("customer-service") == (0.80, 0.85)
    with pytest.raises(InvalidInput, match="finance, customer-service"):
        preset("banking")
    found = grid((0.7,))
    assert {0.7, 0.8, 0.85, 0.9, 0.95} <= set(found)
    assert all(0.95 ** (1 / steps) in found for steps in range(1, 9))
    assert list(found) == sorted(set(found))
