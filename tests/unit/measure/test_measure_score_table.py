"""Gathering rows by their scores loses nothing, by counting cells or by sorting."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.measure import measure, strata
from calib.measure.score_table import ScoreTable, score_table

Floats = npt.NDArray[np.float64]
FIELDS = ("score", "group", "rows", "weight", "right", "square", "right_square")

rows = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([0.0, 0.3, 0.7, 0.95, 1.0]), st.floats(0, 1)),
        st.booleans(),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=60,
)


def by_hand(
    score: Floats, answer: Floats, weight: Floats, group: npt.NDArray[np.intp]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in FIELDS}
    for pair in sorted(set(zip(score.tolist(), group.tolist(), strict=True))):
        here = (score == pair[0]) & (group == pair[1])
        w, y = weight[here], answer[here]
        sums = (*pair, (w > 0).sum(), w.sum(), (w * y).sum(), (w**2).sum(), (w**2 * y).sum())
        for name, value in zip(FIELDS, sums, strict=True):
            found[name].append(float(value))
    return found


@pytest.mark.parametrize("sorting", [False, True])
@given(given_rows=rows)
def test_both_ways_gather_what_is_there(
    sorting: bool, given_rows: list[tuple[float, bool, float, int]]
) -> None:
    score, answer, weight, group = (np.array(column, dtype=float) for column in zip(*given_rows, strict=True))
    whole = group.astype(np.intp)
    found = _sorted(score, answer, weight, whole) if sorting else score_table(score, answer, weight, whole)
    wanted = by_hand(score, answer, weight, whole)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), wanted[name], atol=1e-12, err_msg=name)


def _sorted(score: Floats, answer: Floats, weight: Floats, group: npt.NDArray[np.intp]) -> ScoreTable:
    """By sorting, whatever the scores: two that differ in one cell are added and taken off again."""
    crowd = np.array([0.50001, 0.50002])
    found = score_table(
        np.concatenate([score, crowd]),
        np.concatenate([answer, [0.0, 0.0]]),
        np.concatenate([weight, [0.0, 0.0]]),
        np.concatenate([group, [9, 9]]).astype(np.intp),
    )
    kept = found.group != 9
    return ScoreTable(**{name: getattr(found, name)[kept] for name in FIELDS})


@pytest.mark.parametrize("tied", [True, False])
def test_weights_of_one_are_no_weights(tied: bool) -> None:
    rng = np.random.default_rng(1)
    score = rng.choice([0.3, 0.7, 0.9], 300) if tied else rng.beta(4, 2, 300)
    correct = (rng.random(300) < score).astype(float)
    plain, weighted = (measure(score, correct, weights=w).to_json() for w in (None, np.ones(300)))
    for ours, theirs in zip([plain, *plain.pop("bins")], [weighted, *weighted.pop("bins")], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_strata_of_levels_are_those_of_rows() -> None:
    rng = np.random.default_rng(2)
    for score in (rng.choice([0.3, 0.7, 0.9], 300), rng.beta(4, 2, 300), rng.beta(4, 2, 300).round(2)):
        weight = rng.uniform(0.1, 1, 300)
        assert score_table(score, np.ones(300), weight).strata() == strata(score, weight)


def test_a_score_in_two_strata_has_one_entry_once_merged() -> None:
    found = score_table(np.array([0.5, 0.5, 0.7]), np.array([1.0, 0.0, 1.0]), None, np.array([1, 0, 1]))
    assert found.score.tolist() == [0.5, 0.5, 0.7]
    assert found.merged().weight.tolist() == [2.0, 1.0]
    assert found.scaled(np.array([3.0, 1.0])).weight.tolist() == [3.0, 1.0, 1.0]
