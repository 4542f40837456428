"""The interval of AUROC at its ends, where the equation of its limits has a root that is not a limit."""

from __future__ import annotations

import math

import pytest

from calib.measure.scores import _newcombe

Z = 1.959963984540054


def deviation(theta: float, right: float, wrong: float) -> float:
    """Hanley & McNeil's standard deviation, as Newcombe's method 5 uses it."""
    pairs = (right + wrong) / 2 - 1
    spread = 1 + pairs * (1 - theta) / (2 - theta) + pairs * theta / (1 + theta)
    return math.sqrt(theta * (1 - theta) * spread / (right * wrong))


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.3, 0.81, 1 - 1e-12, 1.0])
@pytest.mark.parametrize(("right", "wrong"), [(1.0, 1.0), (12.5, 3.0), (200.0, 50.0), (1e6, 1e6)])
def test_both_limits_solve_the_equation_and_hold_the_value(value: float, right: float, wrong: float) -> None:
    low, high = _newcombe(value, right, wrong, Z)
    assert 0 <= low <= value <= high <= 1
    for limit in (low, high):
        assert abs(value - limit) == pytest.approx(Z * deviation(limit, right, wrong), abs=1e-7)


def test_perfect_separation_in_few_rows_is_not_certain() -> None:
    """Twenty right and twenty wrong answers, no pair in the wrong order: 1.0, but it could well be 0.9."""
    low, high = _newcombe(1.0, 20, 20, Z)
    assert high == pytest.approx(1.0)
    assert 0.85 < low < 0.95
    assert _newcombe(0.0, 20, 20, Z) == pytest.approx((0.0, 1 - low))
