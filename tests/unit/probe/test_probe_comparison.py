"""The paired comparison: its level, its power, and what pairing is worth."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from calib.errors import InvalidInput
from calib.probe import compare
from calib.probe.comparison import randomisation_p

LEVELS = np.array([0.6, 0.8, 0.9, 0.95, 1.0])


def model(rng: np.random.Generator, difficulty: Any, worse: float = 0.0) -> tuple[Any, Any]:
    """Confidences and outcomes of one run over questions of given difficulty, which both runs share."""
    right = rng.random(len(difficulty)) < np.clip(difficulty - worse, 0, 1)
    stated = np.clip(
        np.searchsorted([0.4, 0.7, 0.9, 0.97], difficulty) + rng.integers(-1, 2, len(difficulty)), 0, 4
    )
    return LEVELS[stated], right.astype(float)


def questions(rng: np.random.Generator, n: int) -> Any:
    """Most are known or not known; few are a matter of luck."""
    return rng.beta(1.2, 0.3, n)


def p_values(worse: float, *, n: int, repeats: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    found = []
    for i in range(repeats):
        difficulty = questions(rng, n)
        (c0, y0), (c1, y1) = model(rng, difficulty), model(rng, difficulty, worse)
        found.append(randomisation_p((c1 - y1) ** 2 - (c0 - y0) ** 2, draws=399, seed=i))
    return np.array(found)


def test_the_same_model_is_called_worse_no_more_often_than_allowed() -> None:
    repeats = 1500
    p = p_values(0.0, n=120, repeats=repeats, seed=1)
    for alpha in (0.05, 0.2, 0.5):
        error = 3 * math.sqrt(alpha * (1 - alpha) / repeats)
        assert alpha - error <= (p <= alpha).mean() <= alpha + error


def test_a_fall_of_five_points_is_seen_by_three_hundred_questions() -> None:
    p = p_values(0.05, n=300, repeats=300, seed=2)
    assert (p <= 0.05).mean() > 0.5  # .63; the unpaired test by stratum sees about one in six


def test_pairing_sees_what_the_unpaired_test_does_not() -> None:
    rng = np.random.default_rng(3)
    c, y = model(rng, questions(rng, 300))
    lost = y * (rng.random(300) >= 0.05)  # 5% of what was right turns wrong, all else stays
    found = compare(c, y, c, lost, alpha=0.05, max_rise=0.03, seed=1)
    assert found.p < 0.04
    assert found.change.p is not None
    assert found.change.p > 0.1
    assert (found.state, found.gained) == ("degraded", 0)
    assert found.lost == int((y - lost).sum())
    assert found.brier_rise_low <= found.brier_rise <= found.brier_rise_high


def test_the_p_value_is_that_of_every_assignment_of_signs() -> None:
    rises = np.array([0.3, -0.1, 0.8, 0.05, 0.0, 0.64, -0.2, 0.4])
    signs = np.array(list(product([-1, 1], repeat=8)))
    exact = float((signs @ rises >= rises.sum() - 1e-12).mean())
    draws = 40_000
    error = 4 * math.sqrt(exact * (1 - exact) / draws)
    assert randomisation_p(rises, draws=draws, seed=1) == pytest.approx(exact, abs=error)


def test_better_is_not_worse() -> None:
    c = np.full(200, 0.9)
    found = compare(c, np.arange(200) % 10 > 2, c, np.arange(200) % 10 > 0, alpha=0.05, max_rise=0.03, seed=1)
    assert found.state == "changed"
    assert found.change.direction == "accuracy rose"
    assert found.p > 0.99
    assert (found.lost, found.gained) == (0, 40)


def test_a_model_that_outgrew_its_stated_confidence_is_no_longer_calibrated() -> None:
    c = np.full(200, 0.7)
    found = compare(c, np.arange(200) % 10 > 2, c, np.ones(200), alpha=0.05, max_rise=0.03, seed=1)
    assert found.p > 0.99  # its Brier score is better
    assert (found.state, found.change.direction) == ("degraded", "accuracy rose")


def test_nothing_changed_and_everything_else() -> None:
    c, y = np.full(40, 0.9), np.array([1.0] * 36 + [0.0] * 4)
    same = compare(c, y, c, y, alpha=0.05, max_rise=0.03, seed=1)
    assert (same.p, same.brier_rise, same.lost, same.gained) == (1.0, 0.0, 0, 0)
    # no confidence is stated on both sides: each earlier one falls into the nearest stratum of today's
    other = compare(c, y, np.full(40, 0.5), y, alpha=0.05, max_rise=0.03, seed=1)
    assert other.change.p is not None
    assert other.lost == other.gained == 0


def test_questions_may_come_in_any_order() -> None:
    rng = np.random.default_rng(5)
    difficulty = questions(rng, 150)
    (c0, y0), (c1, y1) = model(rng, difficulty), model(rng, difficulty, 0.1)
    order = rng.permutation(150)
    one = compare(c0, y0, c1, y1, alpha=0.05, max_rise=0.03, seed=1)
    other = compare(c0[order], y0[order], c1[order], y1[order], alpha=0.05, max_rise=0.03, seed=1)
    assert (one.lost, one.gained, one.change) == (other.lost, other.gained, other.change)
    assert one.brier_rise == pytest.approx(other.brier_rise)


@pytest.mark.parametrize("shapes", [(3, 3, 3, 2), (1, 1, 1, 1), (0, 0, 0, 0)])
def test_shapes_that_are_no_pairs_are_refused(shapes: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="one shape"):
        compare(*(np.full(n, 0.5) for n in shapes), alpha=0.05, max_rise=0.03, seed=1)
