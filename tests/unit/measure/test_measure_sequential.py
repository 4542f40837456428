"""The early watch is an e-process: under every accuracy inside its tolerance its mean is at most one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from calib.errors import InvalidInput
from calib.measure import EProcess

SCORE, MASS = [0.6, 0.9], [0.4, 0.6]


def mean(score: list[float], tolerance: float, accuracy: list[float], strata: tuple[int, ...]) -> float:
    """Of the e-value after one label of each of `strata`, over all answers: exact."""
    total = 0.0
    for answers in itertools.product((0, 1), repeat=len(strata)):
        watch = EProcess(score, MASS, tolerance=tolerance)
        found = [watch.update(b, y) for b, y in zip(strata, answers, strict=True)][-1]
        chance = math.prod(
            accuracy[b] if y else 1 - accuracy[b] for b, y in zip(strata, answers, strict=True)
        )
        total += chance * math.exp(found)
    return total


@pytest.mark.parametrize("score", [SCORE, [0.3, 0.98], [0.0, 1.0]])
@pytest.mark.parametrize("tolerance", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("lean", list(itertools.product((-1, 0, 1), repeat=2)))
def test_its_mean_is_at_most_one_inside_the_tolerance(
    score: list[float], tolerance: float, lean: tuple[int, int]
) -> None:
    accuracy = [min(1.0, max(0.0, s + tolerance * by)) for s, by in zip(score, lean, strict=True)]
    assert mean(score, tolerance, accuracy, (0, 1, 1, 0, 1, 0)) <= 1 + 1e-9


def test_a_null_that_forgets_the_tolerance_would_be_caught() -> None:
    """Planted bug: against the score itself, accuracies inside the tolerance bring evidence."""
    assert mean(SCORE, 0.0, [0.5, 0.8], (0, 1, 1, 0, 1, 0)) > 1.05


def test_it_grows_where_the_accuracy_fell() -> None:
    watch = EProcess(SCORE, MASS, tolerance=0.0)
    rng = np.random.default_rng(1)
    for _ in range(300):
        b = int(rng.integers(0, 2))
        watch.update(b, int(rng.random() < SCORE[b] - 0.25))
    assert watch.alarm(0.001)


def test_an_alarm_stays() -> None:
    watch = EProcess([0.9], [1.0], tolerance=0.0)
    for _ in range(12):
        highest = watch.update(0, correct=False)
    level = math.exp(-highest) * 1.001
    assert watch.alarm(level)
    for i in range(300):
        last = watch.update(0, correct=i % 10 > 0)
    assert last < highest - 1
    assert watch.alarm(level)
    assert not EProcess([0.9], [1.0], tolerance=0.0).alarm(level)


def test_each_stratum_has_its_own_tolerance() -> None:
    wide, narrow = (EProcess(SCORE, MASS, tolerance=t) for t in ([0.3, 0.0], [0.0, 0.0]))
    for _ in range(30):
        last = [watch.update(0, correct=False) for watch in (wide, narrow)]
    assert last[0] < last[1]


@pytest.mark.parametrize(
    ("score", "mass", "tolerance"),
    [
        ([1.1], [1.0], 0.0),
        ([0.5], [0.0], 0.0),
        ([0.5], [1.0, 1.0], 0.0),
        ([0.5], [1.0], 1.0),
        ([0.5], [1.0], -0.1),
        ([0.5], [1.0], [0.1, 0.1]),
        ([0.5], [1.0], float("nan")),
    ],
)
def test_what_cannot_be_watched_is_refused(score: object, mass: object, tolerance: object) -> None:
    with pytest.raises(InvalidInput):
        EProcess(score, mass, tolerance=tolerance)  # type: ignore[arg-type]


def test_labels_and_levels_out_of_range_are_refused() -> None:
    watch = EProcess(SCORE, MASS, tolerance=0.0)
    for stratum, correct in ((2, 1), (-1, 1), (0, 2), (0, None)):
        with pytest.raises(InvalidInput):
            watch.update(stratum, correct)  # type: ignore[arg-type]
    for alpha in (0.0, 1.0):
        with pytest.raises(InvalidInput):
            watch.alarm(alpha)
