"""Days that nobody named: asked of rows whose answers are known. How often, see the simulations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from calib.measure.day_clusters import Days, askable, find_day_clusters


def month(seed: int, rho: float, *, by_segment: bool = False, n: int = 600) -> dict[str, Any]:
    """Rows of thirty days, three segments and four strata, whose days share a cause."""
    rng = np.random.default_rng(seed)
    day, group, segment = rng.integers(0, 30, n), rng.integers(0, 4, n), rng.integers(0, 3, n)
    shared = rng.standard_normal((30, 3))[day, segment if by_segment else 0]
    latent = np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.standard_normal(n)
    correct = (latent < ndtri(np.array([0.5, 0.6, 0.7, 0.8])[group])).astype(float)
    return {"group": group, "correct": correct, "day": day, "segment": [f"s{s}" for s in segment]}


def found(rows: dict[str, Any], *, segments: bool = True) -> Any:
    return find_day_clusters(
        rows["group"],
        rows["correct"],
        [Days(name="day", day=np.asarray(rows["day"]))],
        rows["segment"] if segments else [None] * len(rows["group"]),
        np.random.default_rng(0),
    )


def test_days_that_share_a_cause_are_found() -> None:
    rows = month(1, 0.5)
    for segments in (True, False):
        clusters = found(rows, segments=segments)
        assert not clusters.by_segment
        assert clusters.p <= 0.005
        assert (clusters.cluster == np.unique(rows["day"], return_inverse=True)[1]).all()


def test_days_of_each_segment_are_found_where_days_as_such_share_nothing() -> None:
    rows = month(2, 0.6, by_segment=True, n=300)
    clusters = found(rows)
    assert clusters is not None
    pairs = list(zip(rows["day"].tolist(), rows["segment"], strict=True))
    if clusters.by_segment:
        parts = dict(zip(pairs, clusters.cluster.tolist(), strict=True))
        assert all(parts[pair] == number for pair, number in zip(pairs, clusters.cluster, strict=True))
        assert len(set(clusters.cluster.tolist())) == len(set(pairs))
    many = [found(month(seed, 0.6, by_segment=True, n=300)) for seed in range(20, 32)]
    assert any(one is not None and one.by_segment for one in many)
    assert found(rows, segments=False) is None or not found(rows, segments=False).by_segment


def test_independent_rows_are_left_alone() -> None:
    assert sum(found(month(seed, 0.0)) is not None for seed in range(40)) <= 2


def test_the_order_of_the_rows_does_not_matter_for_what_is_found() -> None:
    rows = month(3, 0.5)
    there = np.random.default_rng(1).permutation(600)
    moved = {
        "group": rows["group"][there],
        "correct": rows["correct"][there],
        "day": rows["day"][there],
        "segment": [rows["segment"][i] for i in there],
    }
    assert (found(moved).cluster == found(rows).cluster[there]).all()


@pytest.mark.parametrize("fall", [0.2, 0.3])
def test_a_fall_in_the_middle_of_the_month_is_no_cluster(fall: float) -> None:
    """Fifteen days before and fifteen after it, and on any day inside a block."""
    flagged = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        day, group = rng.integers(0, 30, 500), rng.integers(0, 4, 500)
        accuracy = np.array([0.6, 0.7, 0.8, 0.9])[group] - fall * (day >= 15 + seed % 5)
        rows = {"group": group, "correct": (rng.random(500) < accuracy).astype(float), "day": day}
        flagged += found(rows | {"segment": []}, segments=False) is not None
    assert flagged <= 3


@pytest.mark.parametrize(
    ("correct", "day", "can"),
    [
        ([0, 1, 1, 0], [3, 3, 4, 4], True),
        ([1, 1, 1, 1], [3, 3, 4, 4], False),
        ([0, 0, 0, 0], [3, 3, 4, 4], False),
        ([0, 1, 1, 0], [3, 3, 3, 3], False),
        ([0, 1, 1, 0], [3, 3, 8, 8], False),  # a day in each of two blocks: nothing to permute
        ([], [], False),
    ],
)
def test_what_cannot_be_asked_is_not(correct: list[float], day: list[int], can: bool) -> None:
    days = Days(name="day", day=np.array(day, dtype=np.int64))
    assert askable(correct, days) is can
    none = [None] * len(day)
    if not can:
        assert find_day_clusters([0] * len(day), correct, [days], none, np.random.default_rng(0)) is None
