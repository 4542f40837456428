"""Clustered rows: intervals cover, tests keep their level, days are found and not imagined, small.

The whole tables are printed by `python -m benchmarks.clusters`.
"""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from benchmarks.clusters import ECES, RHOS, broken, coverage, false_alarms, found_rate, powers
from calib.measure import day_clusters, joint_law

pytestmark = pytest.mark.slow

LEAST, ALPHA = 0.93, 0.05
DAYS, CONVERSATIONS = "500 on 30 days", "2,000 in 100 conversations"


def error(rate: float, repeats: int) -> float:
    return float(3 * np.sqrt(rate * (1 - rate) / repeats))


@pytest.mark.parametrize("kind", ["common", "rare"])
@pytest.mark.parametrize(("layout", "repeats"), [(DAYS, 120), (CONVERSATIONS, 60)])
def test_the_interval_covers_and_is_never_empty(kind: str, layout: str, repeats: int) -> None:
    for rho in RHOS:
        for ece in ECES:
            found = coverage(kind, layout, rho, ece, repeats)
            assert found.share >= LEAST - error(LEAST, repeats), (rho, ece)
            assert found.empty == 0, (rho, ece)


def test_gaps_taken_for_independent_would_be_caught() -> None:
    """Planted bug: the strata's gaps move together, and the law takes them for independent."""
    real = joint_law._Law.of

    def independent(k, n, q, w, covariance):  # type: ignore[no-untyped-def]
        return real(k, n, q, w, np.diag(np.diag(covariance)))

    right = coverage("common", CONVERSATIONS, 0.5, 0.05, 150)
    with patch.object(joint_law._Law, "of", independent):
        wrong = coverage("common", CONVERSATIONS, 0.5, 0.05, 150)
    assert right.share >= LEAST - error(LEAST, 150)
    assert wrong.share < LEAST - error(LEAST, 150)


def test_signs_as_they_were_seen_alone_would_be_caught() -> None:
    """Planted bug: what all strata share then cannot hide gaps that lie to one side."""
    real = joint_law._Law.solve

    def only_seen(law, shape, plugin, rank, *, at_least):  # type: ignore[no-untyped-def]
        one_sided = bool((shape > 0).all() or (shape < 0).all())
        if at_least > 0 and one_sided:
            return at_least
        return real(law, shape, plugin, rank, at_least=at_least)

    with patch.object(joint_law._Law, "solve", only_seen):
        wrong = coverage("common", CONVERSATIONS, 0.5, 0.05, 150)
    assert wrong.share < LEAST - error(LEAST, 150)


@pytest.mark.parametrize("kind", ["common", "rare"])
@pytest.mark.parametrize("rho", [0.1, 0.5])
def test_the_change_test_keeps_its_level(kind: str, rho: float) -> None:
    assert false_alarms(kind, DAYS, rho, 150) <= ALPHA + error(ALPHA, 150)


def test_a_change_test_of_independent_strata_would_be_caught() -> None:
    from calib.measure import significance

    real = significance._covariance

    def independent(counts):  # type: ignore[no-untyped-def]
        return np.diag(np.diag(real(counts)))

    with patch.object(significance, "_covariance", independent):
        assert false_alarms("common", DAYS, 0.5, 100) > ALPHA + error(ALPHA, 100)


@pytest.mark.parametrize(("layout", "rho"), [(DAYS, 0.5), (CONVERSATIONS, 0.2)])
def test_certificates_keep_their_promise(layout: str, rho: float) -> None:
    wrong, _ = broken(layout, rho, 100)
    assert wrong <= ALPHA + error(ALPHA, 100)


def test_certificates_without_the_design_effect_would_be_caught() -> None:
    with patch("benchmarks.clusters.sample_design_effect", lambda _: 1.0):
        wrong, _ = broken(DAYS, 0.5, 100)
    assert wrong > ALPHA + error(ALPHA, 100)


def test_days_are_found_and_not_imagined() -> None:
    assert found_rate(0.3, 60, n=480) >= 0.95 - error(0.95, 60)
    for fall in (0.0, 0.3):
        assert found_rate(0.0, 200, fall=fall) <= 0.02 + error(0.02, 200)


def test_residuals_without_blocks_would_take_a_fall_for_clusters() -> None:
    """Planted bug: one block of a whole month, in which the second half differs from the first."""
    with patch.object(day_clusters, "BLOCK", 30), patch.object(day_clusters, "BESIDE_A_FALL", 1.0):
        assert found_rate(0.0, 40, fall=0.3) > 0.5


def test_looking_costs_independent_rows_hardly_any_power() -> None:
    plain, looked = powers(60)
    assert plain > 0.4
    assert looked >= plain - 0.02 - error(0.02, 60)
