"""Allocation and the order of a draw."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.sampling import allocate, order_key, sample_digest


@given(
    st.lists(st.tuples(st.floats(0.001, 1), st.floats(0, 1), st.integers(0, 3000)), min_size=1, max_size=12),
    st.integers(1, 3000),
    st.integers(0, 40),
)
def test_it_adds_up_and_never_asks_for_more_than_there_is(
    strata: list[tuple[float, float, int]], labels: int, floor: int
) -> None:
    mass, accuracy, sizes = (np.array(column) for column in zip(*strata, strict=True))
    if sizes.sum() == 0:
        return
    given_ = allocate(mass, accuracy, labels, floor=floor, sizes=sizes)
    assert given_.sum() == min(labels, sizes.sum())
    assert (given_ <= sizes).all()
    least = np.minimum(min(floor, labels // len(strata)), sizes)
    assert (given_ >= least).all()


def test_it_is_neymans() -> None:
    mass, accuracy = np.array([0.5, 0.3, 0.2]), np.array([0.5, 0.9, 0.8])
    wanted = mass * np.sqrt(accuracy * (1 - accuracy))
    np.testing.assert_allclose(allocate(mass, accuracy, 10_000) / 10_000, wanted / wanted.sum(), atol=1e-3)


def test_the_floor_holds_where_mass_is_tiny() -> None:
    assert allocate([0.98, 0.01, 0.01], None, 500).tolist() == [460, 20, 20]
    assert allocate([0.2] * 5, None, 7).tolist() == [2, 2, 1, 1, 1]
    assert allocate([0.5, 0.5, 0.0], None, 10).tolist() == [5, 5, 0]


@pytest.mark.parametrize(("mass", "labels"), [([], 5), ([0.0], 5), ([-1.0], 5), ([1.0], 0)])
def test_what_cannot_be_divided_is_refused(mass: list[float], labels: int) -> None:
    with pytest.raises(InvalidInput):
        allocate(mass, None, labels)


def test_the_order_is_md5s() -> None:
    assert order_key("s", "2026-10", "ü-1") == hashlib.md5("s:2026-10:ü-1".encode()).hexdigest()[:16]  # noqa: S324


def test_the_digest_does_not_depend_on_the_order_of_rows() -> None:
    rows = [("a", 0, "00"), ("b", 1, "ff")]
    assert sample_digest(rows) == sample_digest(rows[::-1]) != sample_digest(rows[:1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"accuracy": [0.5, 1.5]},
        {"accuracy": [0.5, float("nan")]},
        {"accuracy": [0.5]},
        {"sizes": [5, -1]},
        {"sizes": [5]},
        {"floor": -1},
    ],
    ids=str,
)
def test_an_impossible_wish_is_refused(wrong: dict[str, Any]) -> None:
    arguments = {"accuracy": None, "sizes": None, "floor": 20} | wrong
    with pytest.raises(InvalidInput):
        allocate([0.5, 0.5], arguments.pop("accuracy"), 10, **arguments)


def test_an_accuracy_of_1_still_gets_its_share() -> None:
    given_ = allocate([0.5, 0.5], [1.0, 0.5], 600, floor=0)
    assert given_.tolist() == [100, 500]


def test_what_a_small_stratum_leaves_goes_to_the_others() -> None:
    assert allocate([0.4, 0.3, 0.3], None, 100, floor=0, sizes=[5, 1000, 1000]).tolist() == [5, 48, 47]


def test_the_digest_tells_rows_apart_that_read_alike() -> None:
    assert sample_digest([("a:0", 1, "x")]) != sample_digest([("a", 0, "1:x")])
    assert len(sample_digest([("\ud800", 0, "x")])) == 64


def test_the_floor_of_few_labels_leaves_something_to_allocate() -> None:
    mass, accuracy = [0.1] * 10, [0.5] * 5 + [0.95] * 5
    assert min(allocate(mass, accuracy, 1000)) >= 20
    assert min(allocate(mass, accuracy, 500)) >= 20
    few = allocate(mass, accuracy, 200)
    assert min(few) >= 10
    assert max(few) > 1.5 * min(few)
    assert set(allocate(mass, accuracy, 200, floor=20).tolist()) == {20}
