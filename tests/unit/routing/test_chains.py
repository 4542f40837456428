"""Chains of steps: bounds that hold, a mapping of whole chains, and what 0.90 delivers."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, ndtri

from calib.errors import InvalidInput
from calib.measure import measure
from calib.routing import chain, delivered, fit_chain, step_target, traces

Floats = npt.NDArray[np.float64]
STEPS = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def chains(n: int, steps: int, dependence: float, seed: int = 0) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Calibrated steps that share their luck (one-factor Gaussian copula), and whether all are right."""
    rng = np.random.default_rng(seed)
    p = expit(2.4 + 0.8 * rng.standard_normal((n, steps)))
    luck = np.sqrt(dependence) * rng.standard_normal((n, 1))
    luck = luck + np.sqrt(1 - dependence) * rng.standard_normal((n, steps))
    return p, (luck < ndtri(p)).all(axis=1)


@given(STEPS)
def test_the_product_lies_between_the_bounds(steps: list[float]) -> None:
    found = chain(steps)
    assert found.lower - 1e-12 <= found.product <= found.upper
    assert found.lower >= 0
    assert found.upper == min(steps)


@given(STEPS, st.randoms(use_true_random=False))
def test_the_order_of_steps_does_not_matter(steps: list[float], random: object) -> None:
    shuffled = list(steps)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert chain(shuffled).product == pytest.approx(chain(steps).product, abs=1e-15)


def test_the_bounds_are_reached() -> None:
    """Steps that fail together, and steps that fail in turn."""
    together, in_turn = chain([0.9, 0.9]).upper, chain([0.9, 0.9]).lower
    outcomes = np.arange(10)
    assert np.mean((outcomes != 0) & (outcomes != 0)) == pytest.approx(together)
    assert np.mean((outcomes != 0) & (outcomes != 1)) == pytest.approx(in_turn)


def test_a_long_chain_without_a_mapping_warns_and_with_one_does_not() -> None:
    p, right = chains(300, 3, 0.2)
    mapping = fit_chain(p.prod(axis=1), right)
    assert chain([0.9, 0.9]).warning is None
    assert "3 steps without a mapping" in (chain([0.9] * 3).warning or "")
    assert chain([0.9] * 3).calibrated is None
    found = chain([0.9] * 3, mapping=mapping)
    assert found.warning is None
    assert found.calibrated == mapping.apply(found.product)


@pytest.mark.slow
def test_a_mapping_of_whole_chains_is_near_the_truth_where_the_product_is_not() -> None:
    """Measured over dependence .2 to .8 and 3 to 8 steps: .02 to .04 with 300 labels."""
    mean = []
    for dependence, steps in itertools.product((0.2, 0.8), (3, 8)):
        p, right = chains(60_000, steps, dependence)
        product = p.prod(axis=1)
        for seed in range(5):
            i = np.random.default_rng(seed).choice(len(right), 300, replace=False)
            mean.append(measure(fit_chain(product[i], right[i]).apply(product), right).ece.estimate)
        if dependence == 0.8 and steps == 8:
            assert measure(product, right).ece.estimate > 0.2
    assert np.mean(mean) < 0.04


def test_too_few_whole_chains_are_refused() -> None:
    with pytest.raises(InvalidInput, match="299 labelled chains"):
        fit_chain(np.full(299, 0.5), np.ones(299))


def test_traces_put_rows_together() -> None:
    nan = float("nan")
    found = traces(
        ["a", "b", "a", None, "b", "c", "d", "d"],
        [0.9, 0.8, 0.5, 0.1, 0.5, 1.0, 0.7, 0.7],
        [nan, 0, 1, 1, nan, nan, 1, 0],
    )
    np.testing.assert_allclose(found.product, [0.45, 0.4, 1.0])
    assert found.steps.tolist() == [2, 2, 1]
    np.testing.assert_array_equal(found.correct, [1, 0, nan])
    assert found.contradicted == 1
    products, correct = found.labelled
    assert (products.tolist(), correct.tolist()) == ([0.45, 0.4], [1, 0])
    with pytest.raises(InvalidInput):
        traces(["a"], [0.5], [2])


@pytest.mark.parametrize("steps", [[], [1.1], [float("nan")]])
def test_what_is_no_chain_is_refused(steps: list[float]) -> None:
    with pytest.raises(InvalidInput):
        chain(steps)


@pytest.mark.parametrize("dependence", [0.0, 0.5])
def test_a_conservative_step_reaches_the_target_whatever_the_dependence(dependence: float) -> None:
    need = step_target(0.9, 4)
    assert need.independent < need.conservative
    assert need.independent**4 == pytest.approx(0.9)
    assert chain([need.conservative] * 4).lower == pytest.approx(0.9)
    rng = np.random.default_rng(0)
    luck = np.sqrt(dependence) * rng.standard_normal((200_000, 1)) + np.sqrt(
        1 - dependence
    ) * rng.standard_normal((200_000, 4))
    assert (luck < ndtri(need.conservative)).all(axis=1).mean() >= 0.9


def test_three_steps_that_claim_90_and_are_right_75_deliver_42() -> None:
    (row,) = delivered(0.90, 0.75, (3,))
    assert (round(row.claimed, 2), round(row.delivered, 2)) == (0.73, 0.42)
    assert (row.low, row.high) == (0.25, 0.75)
