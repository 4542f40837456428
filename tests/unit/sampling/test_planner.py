"""The plan's numbers are what the change test and the certificate then do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from calib.errors import InvalidInput
from calib.measure import Counts, change_test
from calib.routing import Certificate, certify
from calib.sampling import allocate, plan

MASS = np.array([0.03, 0.04, 0.05, 0.06, 0.05, 0.12, 0.17, 0.20, 0.22, 0.06])
TRUE = np.array([0.35, 0.45, 0.50, 0.60, 0.64, 0.70, 0.74, 0.80, 0.88, 0.93])
LEVELS = np.array([0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0])
ALPHA, REPEATS = 0.05, 150


def share_degraded(labels: int, rise: float) -> float:
    """How often the change test itself calls such a window degraded."""
    rng = np.random.default_rng(2)
    shift = min(np.linspace(0, 3, 3001), key=lambda t: abs(MASS @ (TRUE - expit(logit(TRUE) - t)) - rise))
    worse = expit(logit(TRUE) - shift)
    n = allocate(MASS, TRUE, labels)
    found = 0
    for seed in range(REPEATS):
        now, before = Counts(rng.binomial(n, worse), n), Counts(rng.binomial(6 * n, TRUE), 6 * n)
        found += change_test(now, before, score=TRUE, mass=MASS, alpha=ALPHA, seed=seed).state == "degraded"
    return found / REPEATS


@pytest.mark.slow
def test_the_planned_labels_see_the_rise_four_times_in_five() -> None:
    found = plan(MASS, TRUE, labels=500, alpha=ALPHA, rises=(0.06,))
    labels = found.detections[0].labels
    assert labels is not None
    # the simulation's own error, that of the plan's 300 replicates, and a few percent of labels
    assert share_degraded(labels, 0.06) == pytest.approx(0.8, abs=3 * (0.16 / REPEATS + 0.16 / 300) ** 0.5)
    assert found.minimum_detectable_rise == pytest.approx(0.06, rel=0.05)  # which 500 labels can just see
    assert labels == pytest.approx(500, rel=0.08)


@pytest.mark.slow
def test_more_is_seen_with_more_labels_and_a_plan_adds_up() -> None:
    small, large = (plan(MASS, TRUE, labels=n, alpha=ALPHA, rises=(0.05, 0.1)) for n in (200, 2000))
    assert (small.minimum_detectable_rise or 1) > 1.5 * (large.minimum_detectable_rise or 0)
    assert small.detections == large.detections  # what it takes does not depend on what there is
    five, ten = small.detections
    assert five.labels is not None
    assert ten.labels is not None
    assert five.labels > 2 * ten.labels
    assert sum(five.by_stratum or ()) == five.labels
    assert sum(small.by_stratum) == 200


@pytest.mark.slow
def test_a_stricter_budget_of_false_alarms_takes_more_labels() -> None:
    loose, strict = (plan(MASS, TRUE, labels=300, alpha=a, rises=(0.05,)) for a in (0.1, 0.005))
    assert (loose.detections[0].labels or 0) < (strict.detections[0].labels or 0)


def test_what_no_number_of_labels_can_do_is_said() -> None:
    found = plan(MASS, TRUE, labels=500, alpha=ALPHA, rises=(0.9,), targets=(0.95,), levels=LEVELS)
    assert found.detections[0].labels is None
    assert found.certifications[0].labels is None


@pytest.mark.slow
def test_the_planned_labels_certify_four_times_in_five() -> None:
    found = plan(MASS, TRUE, labels=500, alpha=ALPHA, rises=(), targets=(0.85,), levels=LEVELS)
    one = found.certifications[0]
    assert one.labels is not None
    assert one.cut == 0.95
    assert one.share == pytest.approx(0.28)
    n = allocate(MASS, TRUE, one.labels)
    score, weight = np.repeat(LEVELS, n), np.repeat(MASS / n, n)
    rng = np.random.default_rng(4)
    passed = sum(
        isinstance(
            certify(
                score,
                (rng.random(len(score)) < np.repeat(TRUE, n)).astype(int),
                weights=weight,
                target=0.85,
                start=0.95,
            ),
            Certificate,
        )
        for _ in range(REPEATS)
    )
    assert passed / REPEATS == pytest.approx(0.8, abs=3 * (0.16 / REPEATS) ** 0.5 + 0.02)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"max_rise": 1.0},
        {"baseline_windows": 0},
        {"accuracy": TRUE[:3]},
        {"accuracy": TRUE + 1},
    ],
)
def test_impossible_plans_are_refused(wrong: dict[str, object]) -> None:
    arguments: dict[str, object] = {"labels": 500, "alpha": ALPHA, "accuracy": TRUE} | wrong
    with pytest.raises(InvalidInput):
        plan(MASS, **arguments)  # type: ignore[arg-type]


@pytest.mark.slow
def test_no_more_labels_are_planned_than_there_are_rows() -> None:
    free = plan(MASS, TRUE, labels=500, alpha=ALPHA, rises=(0.05, 0.1), targets=(0.85,), levels=LEVELS)
    needed = [wanted.labels for wanted in free.detections]
    certified = free.certifications[0].labels
    assert None not in needed
    assert certified is not None
    few = int(0.75 * min(needed[0] or 0, certified))  # far below, for numbers are good to some 5%
    assert few > (needed[1] or 0)
    sizes = np.round(MASS * few).astype(int)
    capped = plan(
        MASS, TRUE, labels=50_000, alpha=ALPHA, rises=(0.05, 0.1), targets=(0.85,), levels=LEVELS, sizes=sizes
    )
    assert capped.labels == sizes.sum()
    assert capped.by_stratum == tuple(sizes.tolist())
    assert capped.detections[0].labels is None
    assert sum(capped.detections[1].by_stratum or ()) == capped.detections[1].labels
    assert capped.certifications[0].labels is None
    assert capped.certifications[0].cut == free.certifications[0].cut
