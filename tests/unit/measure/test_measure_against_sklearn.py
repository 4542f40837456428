"""Scores and fits agree with scikit-learn; bins are where decimals say they are."""

from __future__ import annotations

from collections.abc import Callable
from math import nextafter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from calib.calibrators.isotonic import TILT, isotonic
from calib.errors import InvalidInput
from calib.measure import Bins, cell, measure, reliability, strata
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]


def sample(seed: int, n: int = 400, *, tied: bool = True) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    scores = rng.choice([0.3, 0.6, 0.7, 0.9, 0.95], n) if tied else rng.beta(4, 2, n)
    correct = (rng.random(n) < scores - 0.1).astype(float)
    return scores, correct, rng.uniform(0.2, 3, n)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_scores_are_scikit_learns(tied: bool, weighted: bool) -> None:
    scores, correct, weights = sample(1, tied=tied)
    w = weights if weighted else None
    found = measure(scores, correct, weights=w)
    assert found.brier.value == pytest.approx(brier_score_loss(correct, scores, sample_weight=w), abs=1e-12)
    assert found.log_loss.value == pytest.approx(log_loss(correct, scores, sample_weight=w), abs=1e-12)
    assert found.auroc is not None
    assert found.auroc.value == pytest.approx(roc_auc_score(correct, scores, sample_weight=w), abs=1e-12)
    parts = found.decomposition
    assert parts.mcb - parts.dsc + parts.unc == pytest.approx(found.brier.value, abs=1e-12)


@pytest.mark.parametrize("tied", [True, False])
def test_the_isotonic_fit_is_scikit_learns_before_it_is_smoothed(tied: bool) -> None:
    from scipy.optimize import isotonic_regression

    from calib.calibrators.likelihood import distinct_scores

    scores, correct, weights = sample(2, tied=tied)
    score, accuracy, weight, _ = distinct_scores(Sample(scores, correct, weights))
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, correct, sample_weight=weights)
    ours = isotonic_regression(accuracy, weights=weight).x
    np.testing.assert_allclose(ours, theirs.predict(score), atol=1e-12)


def test_the_smoothed_fit_stays_within_a_label_of_scikit_learns() -> None:
    scores, correct, _ = sample(3, n=2000)
    curve = isotonic(Sample(scores, correct))
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, correct)
    grid = np.unique(scores)
    smallest_block = 2000 / len(grid) / 2
    np.testing.assert_allclose(curve.apply(grid), theirs.predict(grid), atol=1 / smallest_block + TILT)


EDGES = [0.0, 0.3, 0.6, 0.7, 1.0, *(k / 10 for k in range(11)), *(k / 20 for k in range(21))]


def around(edge: float) -> list[tuple[float, int]]:
    """The edge and the doubles beside it, each with its bin: (lo, hi] by exact decimals."""
    from decimal import ROUND_CEILING, Decimal

    found = []
    for score in (edge, nextafter(edge, 0), nextafter(edge, 1)):
        exact = Decimal(repr(score)) if score == edge else Decimal(score)
        found.append((score, max(0, int((exact * 10).to_integral_value(ROUND_CEILING)) - 1)))
    return found


@pytest.mark.parametrize("edge", sorted(set(EDGES)))
def test_bins_are_right_at_every_edge_and_one_ulp_beside(edge: float) -> None:
    for score, wanted in around(edge):
        assert Bins.equal_width(10).assign([score])[0] == wanted, score


@pytest.mark.parametrize(
    "rule",
    [
        lambda p: np.minimum(np.floor(p * 10), 9),
        lambda p: np.clip(np.digitize(p, np.linspace(0, 1, 11)) - 1, 0, 9),
        lambda p: np.clip(np.digitize(p, np.linspace(0, 1, 11), right=True) - 1, 0, 9),
    ],
    ids=["floor", "digitize", "digitize-right"],
)
def test_the_usual_rules_fail_that_test(rule: Callable[[Any], Any]) -> None:
    """Planted bugs: each puts some k/10, or a double beside it, into the wrong bin."""
    cases = [case for edge in EDGES for case in around(edge)]
    assert any(int(rule(np.array([score]))[0]) != wanted for score, wanted in cases)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_every_score_lies_in_its_bin(scores: list[float]) -> None:
    bins = Bins.equal_width(10)
    for score, b in zip(scores, bins.assign(scores), strict=True):
        assert bins.edges[b] < score <= bins.edges[b + 1] or (b == 0 and score == 0)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.7, 0.95, 1.0]), st.booleans()), min_size=2, max_size=80),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter(rows: list[tuple[float, bool]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    here, there = (
        measure([s for s, _ in some], [int(c) for _, c in some]).to_json() for some in (rows, shuffled)
    )
    flat = [(here[k], there[k]) for k in here if isinstance(here[k], float)]
    assert all(a == pytest.approx(b, abs=1e-12) for a, b in flat)


def test_a_weight_of_two_is_a_row_twice_and_zero_is_none() -> None:
    scores, correct, _ = sample(4, n=60)
    twice = measure(np.repeat(scores, 2), np.repeat(correct, 2))
    weighted = measure(scores, correct, weights=np.full(60, 2.0))
    assert weighted.brier.value == pytest.approx(twice.brier.value)
    assert weighted.ece.plugin == pytest.approx(twice.ece.plugin)
    half = np.r_[np.ones(30), np.zeros(30)]
    kept = measure(scores[:30], correct[:30], strata=strata(scores).assign(scores[:30]))
    ignored = measure(scores, correct, weights=half, strata=strata(scores).assign(scores))
    assert ignored.brier.value == pytest.approx(kept.brier.value)
    assert ignored.ece.plugin == pytest.approx(kept.ece.plugin)
    assert ignored.n == 30


@pytest.mark.parametrize("n", [1, 5])
def test_few_rows_and_one_class_are_measured(n: int) -> None:
    found = measure([0.9] * n, [1] * n)
    assert found.auroc is None
    assert not found.informative
    assert found.ece.low <= 0.1 <= found.ece.high


def test_exact_zeros_and_ones_are_measured() -> None:
    found = measure([0.0, 1.0] * 50, [0, 1] * 50)
    assert found.ece.estimate == 0
    assert found.log_loss.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "correct", "weights"),
    [
        ([], [], None),
        ([float("nan")], [1], None),
        ([1.1], [1], None),
        ([0.5], [2], None),
        ([0.5], [1], [-1]),
        ([0.5], [1], [0]),
        ([0.5, 0.6], [1], None),
    ],
)
def test_what_is_no_sample_is_refused(scores: object, correct: object, weights: object) -> None:
    with pytest.raises(InvalidInput):
        measure(scores, correct, weights=weights)  # type: ignore[arg-type]


def test_masses_of_the_population_replace_those_of_the_sample() -> None:
    scores = np.repeat([0.5, 0.9], 50)
    correct = np.r_[np.ones(25), np.zeros(25), np.ones(35), np.zeros(15)]
    found = measure(scores, correct, strata=np.repeat([0, 1], 50), mass=[0.9, 0.1])
    assert found.ece.plugin == pytest.approx(0.1 * 0.2)
    assert found.accuracy.value == pytest.approx(0.9 * 0.5 + 0.1 * 0.7)


def test_reliability_shows_empty_bins_as_empty() -> None:
    found = reliability([0.95, 0.95], [1, 0]).bins
    assert [b.n for b in found] == [0] * 9 + [2]
    assert found[0].accuracy is None
    assert found[9].low is not None
    assert found[9].low < 0.5 < (found[9].high or 0)


def test_the_grid_puts_decimals_into_cells_of_their_own() -> None:
    assert cell([k / 100 for k in range(101)]).tolist() == [k * 100 for k in range(101)]


def test_strata_never_split_a_tie_and_have_levels_where_there_are_few() -> None:
    assert strata([0.5, 0.9, 0.9, 1.0]).kind == "levels"
    rng = np.random.default_rng(0)
    scores = np.round(rng.beta(4, 2, 5000), 2)
    groups = strata(scores)
    assert groups.kind == "quantiles"
    assert 8 <= len(groups) <= 10
    ids = groups.assign(scores)
    assert all(len(set(ids[scores == level])) == 1 for level in np.unique(scores))
