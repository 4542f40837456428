"""The bets are a proper prior over drifts that the strata can take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.measure.alternatives import OMNIBUS, SIZES, alternatives, log_mixture
from calib.measure.significance import change_p_value, p_value

Floats = npt.NDArray[np.float64]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 1)), min_size=1, max_size=12))
def test_weights_add_up_and_accuracies_stay_possible(rows: list[tuple[float, float]]) -> None:
    accuracy, mass = (np.array(column) for column in zip(*rows, strict=True))
    found = alternatives(accuracy, mass / mass.sum())
    assert np.exp(found.log_weight).sum() == pytest.approx(1 - OMNIBUS)
    a = np.clip(accuracy, 1e-3, 1 - 1e-3)
    assert ((a + found.drift > 0) & (a + found.drift < 1)).all()
    assert np.isfinite(found.drift).all()


def test_drifts_have_the_sizes_that_they_claim() -> None:
    mass = np.full(10, 0.1)
    found = alternatives(np.full(10, 0.5), mass)
    size = np.abs(found.drift) @ mass
    unclipped = np.abs(found.drift).max(axis=1) < 0.47
    assert np.isclose(size[unclipped, None], np.array(SIZES)).any(axis=1).all()
    assert found.drift[0].mean() < 0


def test_no_change_and_no_information_is_no_evidence() -> None:
    bet = alternatives(np.full(4, 0.8), np.full(4, 0.25))
    assert log_mixture(np.zeros((1, 4)), np.full((1, 4), np.inf), bet)[0] == pytest.approx(0)
    assert log_mixture(np.zeros((1, 4)), np.full((1, 4), 1e-3), bet)[0] < 0


def test_many_replicates_are_each_what_they_are_alone() -> None:
    rng = np.random.default_rng(1)
    change, variance = rng.normal(0, 0.05, (357, 4)), rng.uniform(1e-4, 1e-2, (357, 4))
    bet = alternatives(np.array([0.5, 0.7, 0.8, 0.9]), np.full(4, 0.25))
    together = log_mixture(change, variance, bet)
    alone = [log_mixture(change[i : i + 1], variance[i : i + 1], bet)[0] for i in range(357)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_the_mean_likelihood_ratio_of_normal_changes_is_one() -> None:
    """What makes it a mixture of likelihood ratios: drawn without a change, exp(S) averages to one."""
    rng = np.random.default_rng(2)
    variance = np.array([4e-4, 9e-4, 4e-4])
    bet = alternatives(np.array([0.6, 0.75, 0.9]), np.array([0.3, 0.3, 0.4]))
    ratio = np.exp(
        log_mixture(rng.normal(0, np.sqrt(variance), (200_000, 3)), np.tile(variance, (200_000, 1)), bet)
    )
    assert ratio.mean() == pytest.approx(1, abs=4 * ratio.std() / 200_000**0.5)


def test_a_p_value_counts_what_was_seen() -> None:
    assert p_value(5.0, np.array([1.0, 2.0, 3.0])) == 0.25
    assert p_value(2.0, np.array([1.0, 2.0, 3.0])) == 0.75
    assert p_value(0.0, np.zeros(3)) == 1


def test_p_is_the_change_tests() -> None:
    from calib.measure import Counts, change_test

    k1, n1, k0, n0 = (np.array(x, dtype=float) for x in ([40, 60], [60, 70], [300, 380], [360, 420]))
    mass = np.array([0.5, 0.5])
    p = change_p_value(k1, n1, k0, n0, mass, rng=np.random.default_rng(7))
    assert p == change_test(Counts(k1, n1), Counts(k0, n0), score=[0.8, 0.9], mass=mass, seed=7).p
