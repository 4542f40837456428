"""The distance of two samples with weights: scipy's own, where rows stand for one each, and its noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from calib.errors import InvalidInput
from calib.measure.drift import Column, drift

MASS = np.array([0.5, 0.3, 0.2])
WORDS = np.array(list("abcde"))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def column(values: Any, weights: Any = None, strata: Any = None) -> Column:
    array = np.asarray(values, dtype=object if isinstance(values[0], str) else np.float64)
    ones = np.ones(len(array))
    return Column(
        array,
        ones if weights is None else np.asarray(weights, dtype=np.float64),
        ones.astype(np.int64) if strata is None else np.asarray(strata, dtype=np.int64),
    )


def sampled(r: np.random.Generator, drawn: tuple[int, ...], kind: str, moved: float = 0.0) -> Column:
    """A stratified sample of a population whose strata differ; `moved`: by how much it is another one."""
    values, weights, strata = [], [], []
    for b, n in enumerate(drawn):
        if kind == "numbers":
            values.append(r.lognormal(0.3 * b + moved, 0.8, n))
        else:
            shares = np.array([0.4 - moved, 0.3, 0.2 - 0.05 * b, 0.05 + 0.05 * b, 0.05 + moved])
            values.append(r.choice(WORDS, n, p=shares).astype(object))
        weights += [MASS[b] / n] * n
        strata += [b] * n
    return column(np.concatenate(values), weights, strata)


def test_rows_that_stand_for_one_each_give_what_scipy_gives() -> None:
    a, b = rng().normal(1, 2, 300), rng(1).normal(0, 1, 500)
    assert drift(column(a), column(b), rng=rng()).distance == pytest.approx(
        wasserstein_distance(a, b) / b.std()
    )
    first, second = rng().choice(WORDS, 300), rng(1).choice(WORDS[:4], 500)
    counts = [[np.sum(part == word) for word in WORDS] for part in (first, second)]
    moved = drift(column(first.astype(object)), column(second.astype(object)), rng=rng())
    assert moved.distance == pytest.approx(jensenshannon(*counts, base=2))


@pytest.mark.parametrize("kind", ["numbers", "words"])
def test_a_row_counts_as_often_as_its_weight_says(kind: str) -> None:
    r = rng()
    times = r.integers(1, 6, 200)
    values = r.lognormal(0, 1, 200) if kind == "numbers" else r.choice(WORDS, 200).astype(object)
    before = r.lognormal(0.5, 1, 100) if kind == "numbers" else r.choice(WORDS[:3], 100).astype(object)
    weighted = drift(column(values, times), column(before), rng=rng())
    repeated = drift(column(np.repeat(values, times)), column(before), rng=rng())
    assert weighted.distance == pytest.approx(repeated.distance)
    assert weighted.distance != pytest.approx(drift(column(values), column(before), rng=rng()).distance)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numbers", "words"])
@pytest.mark.parametrize(
    ("now", "before"),
    [
        ((100, 100, 100), (300, 300, 300)),
        ((40, 150, 150), (600, 300, 100)),
        ((300, 300, 300), (60, 60, 60)),
    ],
)
def test_chance_alone_seldom_goes_beyond_what_is_said_of_it(
    kind: str, now: tuple[int, ...], before: tuple[int, ...]
) -> None:
    r, beyond = rng(3), 0
    for _ in range(80):
        moved = drift(sampled(r, now, kind), sampled(r, before, kind), rng=r)
        beyond += moved.distance > moved.chance
    assert beyond <= 12, "5% of 80 are 4, and 12 are seen in one of a thousand such counts"
    real = [drift(sampled(r, now, kind, moved=0.3), sampled(r, before, kind), rng=r) for _ in range(20)]
    assert sum(moved.distance > moved.chance for moved in real) >= 19


def test_what_the_strata_fix_has_no_chance_in_it() -> None:
    levels = [0.5, 0.7, 0.9]
    now = column(np.repeat(levels, 50), np.repeat([0.6, 0.3, 0.1], 50), np.repeat([0, 1, 2], 50))
    before = column(np.repeat(levels, 50), np.repeat([0.5, 0.3, 0.2], 50), np.repeat([0, 1, 2], 50))
    moved = drift(now, before, rng=rng())
    assert moved.chance == pytest.approx(0, abs=1e-12)
    assert moved.distance > 0.1


def test_missing_numbers_are_left_out_and_counted() -> None:
    now = column([1.0, np.nan, 2.0], [1.0, 2.0, 1.0])
    assert now.missing == 0.5
    assert drift(now, column([1.0, 2.0]), rng=rng()).distance == 0
    with pytest.raises(InvalidInput, match="holds no value"):
        drift(column([np.nan, np.nan]), now, rng=rng())


def test_samples_of_one_value_have_a_distance_too() -> None:
    assert drift(column([1.0, 1.0]), column([1.0]), rng=rng()).distance == 0
    assert drift(column([3.0, 3.0]), column([1.0, 1.0]), rng=rng()).distance == pytest.approx(2.0)
    moved = drift(column(["a", "a"]), column(["b"]), rng=rng())
    assert moved.distance == pytest.approx(1.0)
