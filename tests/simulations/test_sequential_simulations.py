"""The early watch may be looked at after every label, small; without its tolerance it may not.

The whole tables are printed by `python -m benchmarks.sequential`.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sequential import (
    EARLIER,
    HALF,
    delay,
    first_alarm,
    fitted_alarms,
    known_alarms,
    neyman,
    stream,
    z_test,
)
from benchmarks.worlds import grouped, world
from calib.measure import EProcess

ALPHA = 0.05


def error(repeats: int, rate: float = ALPHA) -> float:
    return float(3 * np.sqrt(rate * (1 - rate) / repeats))


def test_many_streams_at_once_are_streams_one_by_one() -> None:
    here = grouped(world("tied"))
    rng = np.random.default_rng(1)
    stratum, correct = stream(here.score - 0.1, neyman(here.mass, here.score), 6, 300, rng)
    together = first_alarm(EProcess(here.score, here.mass, tolerance=0.01), stratum, correct)
    for i, expected in enumerate(together):
        watch, found = EProcess(here.score, here.mass, tolerance=0.01), 0
        for t in range(300):
            watch.update(int(stratum[i, t]), int(correct[i, t]))
            if watch.alarm(ALPHA):
                found = t + 1
                break
        assert found == expected


@pytest.mark.parametrize(("slack", "edge"), [(0.0, "middle"), (0.01, "below"), (0.02, "by turns")])
def test_looking_after_every_label_raises_no_false_alarms(slack: float, edge: str) -> None:
    assert known_alarms("tied", slack, edge, 150, np.random.default_rng(2)) <= ALPHA + error(150)


def test_running_a_z_test_again_would() -> None:
    assert z_test(300, np.random.default_rng(3)) > 0.25


def test_half_the_fits_error_as_tolerance_keeps_the_level() -> None:
    rng = np.random.default_rng(4)
    assert fitted_alarms("tied", 500, 50, rng, slack=HALF) <= ALPHA + error(200)


def test_a_tolerance_of_nothing_would_be_caught() -> None:
    """Planted bug: the mapping's own errors of fit are then found, and taken for a change."""
    rng = np.random.default_rng(4)
    assert fitted_alarms("tied", 500, 50, rng, slack=0.0) > ALPHA + error(200)


def test_first_come_first_counted_would_be_caught() -> None:
    """Planted bug: wrong answers take longer to label, so that the early labels look too good."""
    rng = np.random.default_rng(5)
    assert fitted_alarms("tied", 500, 50, rng, slack=HALF, late=True) > ALPHA + error(200)


@pytest.mark.parametrize("drift", ["shift", "top half"])
def test_a_rise_of_ten_points_is_seen_as_soon_as_before(drift: str) -> None:
    found = delay("tied", drift, 0.10, 200, np.random.default_rng(6))
    assert found <= 1.1 * EARLIER["tied"][drift][1] * (1 + 3 * 0.5 / 200**0.5)
