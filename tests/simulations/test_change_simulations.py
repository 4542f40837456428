"""The change test keeps its level and sees what it should, small; a statistic broken on purpose does not.

The whole tables are printed by `python -m benchmarks.labels` and `python -m benchmarks.coverage`.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.coverage import false_alarms, mixed
from benchmarks.designs import DESIGNS
from benchmarks.labels import alarm_rate
from benchmarks.worlds import drifted, grouped, world
from calib.measure import significance
from calib.measure.alternatives import log_mixture

Floats = npt.NDArray[np.float64]
ALPHA = 0.05


def error(rate: float, repeats: int) -> float:
    return float(3 * np.sqrt(rate * (1 - rate) / repeats))


@pytest.mark.parametrize("kind", ["tied", "continuous"])
def test_the_level_holds_where_nothing_changed(kind: str) -> None:
    here, repeats = world(kind), 500
    rng = np.random.default_rng(1)
    now, then = DESIGNS["plain"](here, 500, repeats, rng), DESIGNS["plain"](here, 500, repeats, rng, months=6)
    assert false_alarms(now, then, grouped(here).mass, rng) <= ALPHA + error(ALPHA, repeats)


@pytest.mark.parametrize("name", ["stale weights", "judge", "clusters"])
def test_the_level_holds_however_labels_come(name: str) -> None:
    here, repeats = world("continuous"), 300
    rng = np.random.default_rng(2)
    now, then = DESIGNS[name](here, 500, repeats, rng), DESIGNS[name](here, 500, repeats, rng, months=6)
    assert false_alarms(now, then, grouped(here).mass, rng) <= ALPHA + error(ALPHA, repeats)


@pytest.mark.parametrize("kind", ["tied", "continuous"])
def test_a_shift_of_the_mix_alone_is_no_change(kind: str) -> None:
    rng, repeats = np.random.default_rng(3), 300
    here, now, then = mixed(kind, 500, repeats, rng)
    assert false_alarms(now, then, grouped(here).mass, rng) <= ALPHA + error(ALPHA, repeats)


def size_of(change: Callable[[Floats, Floats], Floats], *, months: int = 6, n: int = 500) -> float:
    """The level when the accuracy that the variance is drawn to is another."""
    here, repeats = world("tied"), 300
    rng = np.random.default_rng(4)
    now, then = (
        DESIGNS["plain"](here, n, repeats, rng),
        DESIGNS["plain"](here, n, repeats, rng, months=months),
    )
    with patch.object(significance, "expected_accuracy", change):
        return false_alarms(now, then, grouped(here).mass, rng)


def test_variances_drawn_to_a_raw_score_would_break_the_level() -> None:
    """Planted bug: a model that is always certain, its score in place of the expected accuracy.

    The bootstrap then draws from accuracies that no one has, and every month looks changed.
    """
    certain = np.full(10, 0.999)

    def raw(k0: Floats, n0: Floats) -> Floats:
        return np.broadcast_to(certain, np.shape(k0))

    def plain(k0: Floats, n0: Floats) -> Floats:
        return (k0 + 1) / (n0 + 2)

    assert size_of(plain, n=200) <= ALPHA + error(ALPHA, 300)
    assert size_of(raw, n=200, months=1) > ALPHA + error(ALPHA, 300)


def unpooled(k1: Floats, n1: Floats, k0: Floats, n0: Floats, bet: object) -> Floats:
    """Planted bug: each sample's own variance, nothing where all of a stratum's labels agree."""
    a1, a0 = k1 / n1, k0 / n0
    variance = np.maximum(a1 * (1 - a1) / n1 + a0 * (1 - a0) / n0, 1e-9)
    return log_mixture(a1 - a0, variance, bet)  # type: ignore[arg-type]


def test_a_fall_of_five_points_is_seen() -> None:
    here = world("tied")
    before, after = grouped(here), grouped(drifted(here, "shift", 0.05))
    rng = np.random.default_rng(6)
    assert alarm_rate(before, after, 720, 300, rng) >= 0.8 - error(0.8, 300)
    assert alarm_rate(before, before, 720, 300, rng) <= ALPHA + error(ALPHA, 300)


def test_waves_are_seen_with_fewer_labels_than_without_a_bet_on_them() -> None:
    here = world("continuous")
    before, after = grouped(here), grouped(drifted(here, "wave", 0.05))
    rng = np.random.default_rng(7)
    assert alarm_rate(before, after, 1000, 300, rng) >= 0.8 - error(0.8, 300)
    with patch("calib.measure.alternatives.WAVES", ((0.0, 0.0),)):
        blind = alarm_rate(before, after, 1000, 300, rng)
    assert blind <= 0.7


def test_unpooled_variance_would_be_caught() -> None:
    """It takes strata whose labels all agree for proof, in the bootstrap too, and sees nothing else any more.

    The bootstrap saves the level of even that statistic: what is lost is the power.
    """
    here = world("tied")
    before = grouped(here)
    sure = type(before)(
        mass=before.mass, score=before.score, accuracy=np.clip(before.accuracy + 0.12, 0, 0.995)
    )
    after = type(before)(mass=before.mass, score=before.score, accuracy=sure.accuracy - 0.04)

    def power(of: Callable[..., Floats]) -> float:
        rng, found = np.random.default_rng(8), 0
        labels = np.maximum(np.round(before.mass * 500), 3)
        with patch.object(significance, "statistic", of):
            for _ in range(150):
                k1 = rng.binomial(labels.astype(int), after.accuracy).astype(float)
                k0 = rng.binomial((6 * labels).astype(int), sure.accuracy).astype(float)
                p = significance.change_p_value(k1, labels, k0, 6 * labels, before.mass, draws=199, rng=rng)
                found += p <= ALPHA
        return found / 150

    right, broken = power(significance.statistic), power(unpooled)
    assert right >= 0.8 - error(0.8, 150)
    assert broken < right - error(0.5, 150)
