"""Intervals hold the truth and the estimate is not biased as the plugin is, small.

The whole table is printed by `python -m benchmarks.coverage`.
"""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from benchmarks.coverage import ECES, LABELS, SHAPES, coverage, intervals, rise_coverage
from benchmarks.designs import DESIGNS
from benchmarks.worlds import drifted, grouped, world
from calib.measure import Ece, ece

LEAST, REPEATS = 0.93, 400


def slack(repeats: int = REPEATS) -> float:
    return float(3 * np.sqrt(0.95 * 0.05 / repeats))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["tied", "continuous"])
def test_the_interval_covers_in_every_cell(kind: str, shape: str) -> None:
    for truth in ECES if shape == "shift" else ECES[1:]:
        here = drifted(world(kind), shape, truth)
        for n in LABELS[::2]:
            rng = np.random.default_rng([1, n, round(100 * truth)])
            assert coverage(here, truth, n, REPEATS, rng) >= LEAST - slack(), (truth, n)


@pytest.mark.parametrize("name", ["stale weights", "judge", "clusters"])
def test_the_interval_covers_however_labels_come(name: str) -> None:
    for truth in (0.0, 0.05):
        here = drifted(world("continuous"), "shift", truth)
        rng = np.random.default_rng([2, round(100 * truth)])
        assert coverage(here, truth, 500, REPEATS, rng, name) >= LEAST - slack(), truth


def rises(before: float, rise: float, n: int) -> float:
    here = world("tied")
    strata, rng = grouped(here), np.random.default_rng(3)
    then = DESIGNS["plain"](drifted(here, "shift", before), n, REPEATS, rng, months=6)
    now = DESIGNS["plain"](drifted(here, "shift", before + rise), n, REPEATS, rng)
    return rise_coverage(now, then, rise, strata.score, strata.mass)


@pytest.mark.parametrize("n", [500, 2000])
@pytest.mark.parametrize(
    ("before", "rise"), [(0.0, 0.0), (0.0, 0.03), (0.0, 0.10), (0.02, 0.03), (0.05, 0.05)]
)
def test_the_rise_is_covered(before: float, rise: float, n: int) -> None:
    assert rises(before, rise, n) >= LEAST - slack()


def test_a_baseline_of_noise_taken_for_real_would_be_caught() -> None:
    """Planted bug: quadrature throughout; a calibrated baseline's estimate then hides a part of the rise."""
    real = Ece.__init__

    def never_at_zero(self: Ece, *, plugin: float, estimate: float, low: float, high: float) -> None:
        real(self, plugin=plugin, estimate=estimate, low=max(low, 1e-12), high=high)

    right = rises(0.0, 0.03, 2000)
    with patch.object(Ece, "__init__", never_at_zero):
        broken = rises(0.0, 0.03, 2000)
    assert right - broken > 0.02


def bias(n: int) -> float:
    here = grouped(world("tied"))
    drawn = DESIGNS["plain"](world("tied"), n, 2000, np.random.default_rng(4))
    return float(intervals(drawn, here.score, here.mass)[0].mean())


def test_the_plugin_in_place_of_the_estimate_would_be_caught() -> None:
    """Planted bug: without debiasing a perfectly calibrated model reads half as much again, or more."""
    right = bias(500)
    with patch("benchmarks.coverage.debiased", lambda k, n, q, w: np.abs(k / n - q) @ w):
        plugin = bias(500)
    assert plugin > 0.035
    assert right < 0.65 * plugin


def test_an_interval_without_skewness_would_be_caught() -> None:
    """Planted bug: normal quantiles of what leans to the right put the lower end above the truth."""

    def missed() -> float:
        here = drifted(world("tied"), "one stratum", 0.10)
        strata = grouped(here)
        drawn = DESIGNS["plain"](here, 200, 6000, np.random.default_rng(5))
        return float((intervals(drawn, strata.score, strata.mass)[1] > 0.10 + 1e-9).mean())

    right = missed()
    moments = ece.folded_moments
    with (
        patch.object(ece, "folded_moments", lambda m, s: (*moments(m, s)[:2], np.zeros_like(m * s))),
        patch.object(ece, "REAL", 2.0),
    ):
        normal = missed()
    assert right <= 0.065
    assert normal >= 0.07
