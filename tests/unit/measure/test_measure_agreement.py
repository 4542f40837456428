"""Cohen's kappa against scikit-learn, its interval against simulated pairs, and the error of labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from calib.errors import InvalidInput
from calib.measure.agreement import cohen_kappa, disagreement_rose, label_error

# scikit-learn 1.9.1, cohen_kappa_score, of the pairs with these four counts.
GOLDEN = {
    (40, 3, 2, 5): 0.6081504702194358,
    (25, 10, 10, 5): 0.04761904761904767,
    (0, 7, 3, 0): -0.7241379310344827,
    (47, 0, 0, 3): 1.0,
    (90, 6, 1, 3): 0.4299674267100978,
}


@pytest.mark.parametrize(("counts", "value"), GOLDEN.items())
def test_kappa_is_that_of_scikit_learn(counts: tuple[int, int, int, int], value: float) -> None:
    first = np.repeat([1, 1, 0, 0], counts)
    second = np.repeat([1, 0, 1, 0], counts)
    found = cohen_kappa(*counts)
    assert found is not None
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.tuples(*[st.integers(0, 60)] * 4).filter(lambda counts: sum(counts) > 0))
def test_the_interval_holds_the_value_whatever_the_counts(counts: tuple[int, int, int, int]) -> None:
    found = cohen_kappa(*counts)
    one_word = sum(counts) in (counts[0], counts[3])
    assert (found is None) == one_word
    if found is not None:
        assert -1 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high
        swapped = cohen_kappa(counts[0], counts[2], counts[1], counts[3])
        assert swapped is not None  # who was asked first does not matter
        assert (swapped.low, swapped.high) == pytest.approx((found.low, found.high))


def test_pairs_that_all_agree_do_not_prove_perfect_people() -> None:
    found = cohen_kappa(45, 0, 0, 5)
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low < 0.9


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (-1, 2, 3, 4)])
def test_counts_that_are_none_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidInput):
        cohen_kappa(*counts)


@pytest.mark.parametrize(
    ("n", "share", "kappa"), [(30, 0.8, 0.6), (50, 0.9, 0.6), (50, 0.8, 0.9), (100, 0.5, 0.3)]
)
def test_the_interval_covers_the_true_kappa(n: int, share: float, kappa: float) -> None:
    """500 draws of pairs with a known kappa. The nominal 95% less three standard errors of the simulation."""
    both = share * (1 - share) * kappa
    one = share * (1 - share) * (1 - kappa)
    draws = np.random.default_rng(7).multinomial(
        n, [share**2 + both, one, one, (1 - share) ** 2 + both], size=500
    )
    found = [cohen_kappa(*map(int, row)) for row in draws]
    inside = [interval.low <= kappa <= interval.high for interval in found if interval is not None]
    assert np.mean(inside) > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 500)


def test_the_error_of_labels_is_found_from_how_often_two_differ() -> None:
    draws = np.random.default_rng(3)
    truth = draws.random(200_000) < 0.8
    first, second = (truth ^ (draws.random(200_000) < 0.07) for _ in range(2))
    assert label_error(float(np.mean(first != second))) == pytest.approx(0.07, abs=0.002)
    assert (label_error(0), label_error(0.5), label_error(1)) == (0, 0.5, 0.5)


def test_more_disagreement_than_before_needs_proof() -> None:
    assert disagreement_rose((9, 50), (2, 250)) < 0.001
    assert disagreement_rose((2, 50), (5, 250)) > 0.05
    assert disagreement_rose((0, 50), (20, 50)) > 0.99
