"""What acting on a confidence achieves: the curve over cuts, and what a mapping changes at a threshold."""

from __future__ import annotations

import numpy as np
import pytest

from calib.measure.intervals import wilson
from calib.measure.sample import Sample
from calib.routing.acting import MOST_POINTS, routing_curve, threshold_effect
from calib.routing.report import RoutingEvidence


def evidence(
    raw: object, served: object, correct: object, weights: object = None, effect: float = 1.0
) -> RoutingEvidence:
    return RoutingEvidence(
        raw=Sample(raw, correct, weights),
        served=Sample(served, correct, weights),
        effect=effect,
        cells=[(5000, 1)],
    )


def test_a_curve_counts_what_lies_at_and_above_each_cut() -> None:
    """Against a plain count, with weights and ties."""
    rng = np.random.default_rng(7)
    scores = rng.choice([0.5, 0.7, 0.9, 1.0], 300)
    correct = (rng.random(300) < scores).astype(float)
    weights = rng.choice([0.0, 1.0, 3.0], 300)
    points = routing_curve(Sample(scores, correct, weights), effect=2.0)
    assert [point.cut for point in points] == [0.5, 0.7, 0.9, 1.0]
    for point in points:
        above = scores >= point.cut
        share = weights[above].sum() / weights.sum()
        accuracy = (weights * correct)[above].sum() / weights[above].sum()
        labels = weights[above].sum() ** 2 / (weights[above] ** 2).sum() / 2.0
        low, high = wilson(np.array(accuracy), np.array(labels))
        assert (point.share, point.accuracy, point.n) == pytest.approx((share, accuracy, labels))
        assert (point.low, point.high) == pytest.approx((float(low), float(high)))


def test_a_curve_of_many_confidences_is_thinned_evenly_and_keeps_its_start() -> None:
    scores = np.linspace(0.2, 1.0, 5000)
    points = routing_curve(Sample(scores, np.ones(5000)))
    assert len(points) == MOST_POINTS
    assert points[0].cut == 0.2
    gaps = np.diff([point.share for point in points])
    assert np.abs(gaps + 1 / MOST_POINTS).max() < 0.001
    assert routing_curve(Sample([], [])) == ()


def test_a_mapping_takes_wrong_rows_below_the_threshold() -> None:
    """Half of 100 rows are wrong, and the mapping takes all 100 below the threshold; 100 right ones stay."""
    raw = [0.95] * 200
    served = [0.5] * 100 + [0.95] * 100
    correct = [1, 0] * 50 + [1] * 100
    found = threshold_effect(evidence(raw, served, correct), 0.9, population=10_000)
    assert found is not None
    assert (found.raw.share, found.raw.accuracy) == (1.0, 0.75)
    assert (found.served.share, found.served.accuracy) == (0.5, 1.0)
    assert found.wrong_avoided.value == pytest.approx(2_500)
    assert found.right_given_up.value == pytest.approx(2_500)
    assert found.wrong_avoided.low < 2_500 < found.wrong_avoided.high


def test_clusters_widen_every_interval() -> None:
    raw, served, correct = [0.95, 0.95, 0.6, 0.6] * 50, [0.95, 0.5, 0.6, 0.5] * 50, [1, 0, 1, 0] * 50
    alone, together = (
        threshold_effect(evidence(raw, served, correct, effect=effect), 0.9, population=1000)
        for effect in (1.0, 4.0)
    )
    assert alone is not None
    assert together is not None
    width = [f.wrong_avoided.high - f.wrong_avoided.low for f in (alone, together)]
    assert width[1] == pytest.approx(2 * width[0])
    assert together.served.high - together.served.low > 1.5 * (alone.served.high - alone.served.low)
    assert together.served.share_high > alone.served.share_high


def test_no_row_decided_differently_is_not_certainty() -> None:
    found = threshold_effect(evidence([0.95] * 300, [0.95] * 300, [1] * 300), 0.9, population=1000)
    assert found is not None
    assert (found.wrong_avoided.value, found.wrong_avoided.low, found.wrong_avoided.high) == (0, -10, 10)


def test_nothing_that_passes_has_no_accuracy() -> None:
    found = threshold_effect(evidence([0.95] * 50, [0.5] * 50, [1] * 50), 0.9, population=1000)
    assert found is not None
    assert (found.served.share, found.served.accuracy) == (0.0, None)
    assert 0 < found.served.share_high < 0.1
    assert threshold_effect(evidence([], [], []), 0.9, population=10) is None


def test_the_interval_of_the_actions_avoided_covers_the_truth() -> None:
    """500 labels, drawn with unequal weights; the truth is that of the whole population."""
    rng = np.random.default_rng(11)
    n, runs = 50_000, 400
    raw = rng.choice([0.6, 0.8, 0.92, 0.97], n)
    served = raw - 0.1 + rng.choice([0, 0.12], n)
    served = np.clip(served, 0, 1)
    correct = (rng.random(n) < raw - 0.1).astype(float)
    chance = np.where(raw > 0.9, 2.0, 1.0)
    chance /= chance.sum()
    truth = float(((1 - correct) * ((raw >= 0.9).astype(float) - (served >= 0.9))).sum())
    assert truth > 1_000
    covered = 0
    for _ in range(runs):
        rows = rng.choice(n, 500, p=chance)
        found = threshold_effect(
            evidence(raw[rows], served[rows], correct[rows], 1 / chance[rows]), 0.9, population=n
        )
        assert found is not None
        covered += found.wrong_avoided.low <= truth <= found.wrong_avoided.high
    error = (0.95 * 0.05 / runs) ** 0.5
    assert covered / runs >= 0.93 - 3 * error
    assert covered / runs <= 0.99
