"""Certificates promise what they say, and say why where they promise nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from calib.errors import InvalidInput
from calib.routing import Certificate, NoCertificate, certify, start_cut

LEVELS = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
SHARES = np.array([0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1])
TRUE = np.array([0.5, 0.6, 0.7, 0.84, 0.91, 0.95, 0.97])
START = start_cut(LEVELS, SHARES)
REPEATS = 600


def violations(lowest: bool) -> float:
    """How often the accuracy above the cut is below the target."""
    rng, found = np.random.default_rng(1), 0
    above = np.cumsum((SHARES * TRUE)[::-1])[::-1] / np.cumsum(SHARES[::-1])[::-1]
    for _ in range(REPEATS):
        i = rng.choice(len(LEVELS), 500, p=SHARES)
        y = rng.random(500) < TRUE[i]
        if lowest:
            passing = [level for level in LEVELS if y[LEVELS[i] >= level].mean() >= 0.9]
            cut = min(passing, default=None)
        else:
            result = certify(LEVELS[i], y, target=0.9, start=START)
            cut = result.cut if isinstance(result, Certificate) else None
        found += cut is not None and above[cut == LEVELS][0] < 0.9
    return found / REPEATS


def test_violations_stay_within_the_promise() -> None:
    assert violations(lowest=False) <= 0.05 + 3 * (0.05 * 0.95 / REPEATS) ** 0.5


def test_the_lowest_passing_cut_would_be_caught() -> None:
    """Planted bug: taking the lowest cut that looks good breaks the promise often."""
    assert violations(lowest=True) > 0.10


def test_the_bound_is_the_exact_binomial_one() -> None:
    found = certify([0.9] * 100, [1] * 97 + [0] * 3, target=0.9, start=0.9)
    assert isinstance(found, Certificate)
    assert (found.n, found.share, found.cut) == (100, 1.0, 0.9)
    assert binom.sf(96, 100, found.accuracy_low) == pytest.approx(0.05, abs=1e-9)


def test_none_says_whether_labels_or_accuracy_is_missing() -> None:
    few = certify([0.9] * 10, [1] * 10, target=0.9, start=0.9)
    assert isinstance(few, NoCertificate)
    assert few.labels_needed == 19  # 29 right answers in a row prove .90 at 95%
    assert "too few labels" in few.reason
    wrong = certify([0.9] * 200, [1] * 100 + [0] * 100, target=0.9, start=0.9)
    assert isinstance(wrong, NoCertificate)
    assert wrong.labels_needed is None
    assert "error rate" in wrong.reason


def test_unequal_weights_count_as_fewer_labels() -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.1, 4, 300)
    even, uneven = (
        certify([0.9] * 300, [1] * 290 + [0] * 10, weights=w, target=0.9, start=0.9) for w in (None, weights)
    )
    assert isinstance(even, Certificate)
    assert isinstance(uneven, Certificate)
    assert uneven.n < even.n


def test_the_start_has_enough_of_the_population_above_it() -> None:
    assert start_cut([0.5, 0.9, 1.0], [80, 10, 10]) == 0.9
    assert start_cut([0.5, 0.9, 1.0], [50, 30, 20]) == 1.0
    with pytest.raises(InvalidInput):
        certify([0.5], [1], target=1.5, start=0.5)
