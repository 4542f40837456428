"""Several tests on one budget, estimates drawn together, and the mix of scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.measure import holm, mix_shift, partially_pooled

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(SHARES)
def test_holm_is_between_the_p_values_and_bonferronis(p: list[float]) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.array(p) - 1e-12).all()
    assert (adjusted <= np.minimum(1, np.array(p) * len(p)) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= -1e-12).all()


def test_holm_is_statsmodels() -> None:
    """multipletests(method="holm") of statsmodels 0.14.5."""
    p = [0.001, 0.04, 0.03, 0.2, 0.008]
    np.testing.assert_allclose(holm(p), [0.005, 0.09, 0.09, 0.2, 0.032])


def test_many_segments_share_one_budget() -> None:
    """Twenty healthy segments at 5% each would cry wolf in two months of three."""
    rng = np.random.default_rng(0)
    p = rng.random((4000, 21))
    weights = np.array([0.5, *[0.5 / 20] * 20])
    alarms = np.mean([(holm(row, weights) <= 0.05).any() for row in p])
    assert alarms <= 0.05 + 3 * (0.05 * 0.95 / 4000) ** 0.5
    assert np.mean((p[:, 1:] <= 0.05).any(axis=1)) > 0.6


def test_a_true_finding_gives_its_share_to_the_others() -> None:
    assert holm([0.0001, 0.04])[1] == pytest.approx(0.04)
    assert holm([0.3, 0.04])[1] == pytest.approx(0.08)
    assert holm([0.04, 0.0], [0.5, 0.5])[0] == pytest.approx(0.04)


@pytest.mark.parametrize("wrong", [([0.1], [0.0]), ([1.2], None), ([0.1, 0.2], [1.0]), ([np.nan], None)])
def test_what_are_no_p_values_is_refused(wrong: tuple[list[float], list[float] | None]) -> None:
    with pytest.raises(InvalidInput):
        holm(*wrong)


def test_pooling_loses_less_than_taking_each_for_itself_or_all_alike() -> None:
    rng = np.random.default_rng(1)
    lost = np.zeros(3)
    for _ in range(400):
        truth = rng.normal(0.05, 0.04, 8)
        error = rng.uniform(0.02, 0.08, 8)
        seen = truth + rng.normal(0, error)
        shrunk, _ = partially_pooled(seen, error)
        flat = np.full(8, (seen / error**2).sum() / (1 / error**2).sum())
        lost += [((x - truth) ** 2).sum() for x in (shrunk, seen, flat)]
    assert lost[0] < 0.9 * lost[1]
    assert lost[0] < lost[2]


def test_intervals_of_pooled_estimates_cover() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        truth, error = rng.normal(0.0, 0.05, 10), np.full(10, 0.05)
        value, spread = partially_pooled(truth + rng.normal(0, error), error)
        held += int((np.abs(value - truth) <= 1.96 * spread).sum())
    assert held / 3000 >= 0.91  # the variance between is itself an estimate


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any))
def test_a_mix_is_at_no_distance_from_itself_and_at_most_one_from_others(counts: list[int]) -> None:
    assert mix_shift(counts, [counts, counts]).moved == pytest.approx(0, abs=1e-12)
    assert 0 <= mix_shift(counts, [[1, 0, 0], [0, 1, 1]]).moved <= 1 + 1e-12


def test_a_small_month_moves_by_chance_and_that_is_not_told() -> None:
    rng = np.random.default_rng(3)
    mass = np.full(10, 0.1)
    told = [
        mix_shift(rng.multinomial(60, mass), [rng.multinomial(60, mass) for _ in range(6)]).notable
        for _ in range(300)
    ]
    assert np.mean(told) <= 0.02


def test_restless_traffic_has_to_move_further_to_be_told() -> None:
    before = [[900, 100], [600, 400]] * 3
    assert not mix_shift([500, 500], before).notable
    assert mix_shift([500, 500], [[900, 100]] * 6).notable


def test_what_the_mix_alone_does_to_the_ece() -> None:
    found = mix_shift([20, 80], [[80, 20]], gap=[0.0, 0.1])
    assert found.ece_from_mix == pytest.approx(0.06)
    assert mix_shift([20, 80], [[80, 20]], gap=[np.nan, np.nan]).ece_from_mix is None
