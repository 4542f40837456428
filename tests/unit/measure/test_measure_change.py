"""The change test and the ECE's interval do what they claim; a planted bug is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, logit

from calib.errors import InvalidInput
from calib.measure import Change, Counts, change_test, ece_estimate, mover

Floats = npt.NDArray[np.float64]
MASS = np.array([0.08, 0.05, 0.06, 0.05, 0.12, 0.17, 0.20, 0.21, 0.06])
TRUE = np.array([0.40, 0.50, 0.60, 0.64, 0.70, 0.74, 0.80, 0.88, 0.93])
N = 500
REPEATS = 200
VERDICTS = 100


def draw(rng: np.random.Generator, accuracy: Floats, n: int) -> Counts:
    labels = np.maximum(np.round(MASS * n), 2)
    return Counts(rng.binomial(labels.astype(int), accuracy).astype(float), labels)


def share(
    accuracy: Floats, of: Callable[[Change], bool], *, score: Floats = TRUE, repeats: int = VERDICTS
) -> float:
    rng = np.random.default_rng(7)
    found = 0
    for seed in range(repeats):
        now, before = draw(rng, accuracy, N), draw(rng, TRUE, 6 * N)
        found += of(change_test(now, before, score=score, mass=MASS, alpha=0.05, seed=seed))
    return found / repeats


def tolerance(rate: float, repeats: int = VERDICTS) -> float:
    return 3 * (rate * (1 - rate) / repeats) ** 0.5


@pytest.mark.slow
def test_nothing_is_proven_worse_where_nothing_happened() -> None:
    assert share(TRUE, lambda c: c.proven_worse) == 0


@pytest.mark.slow
def test_raw_scores_do_not_raise_more_false_alarms() -> None:
    raw = np.clip(TRUE + 0.09, 0, 1)
    assert share(TRUE, lambda c: c.state == "degraded", score=raw) <= 0.05 + tolerance(0.05)


@pytest.mark.slow
def test_a_fall_of_seven_points_is_seen() -> None:
    worse = expit(logit(TRUE) - 0.42)
    assert 0.06 < MASS @ (TRUE - worse) < 0.08
    assert share(worse, lambda c: c.state == "degraded") >= 0.85 - tolerance(0.85)


def test_the_plugin_in_place_of_the_estimate_would_be_caught() -> None:
    """A calibrated model's debiased ECE is small; the plugin reads twice as much."""
    rng = np.random.default_rng(5)
    found = [
        ece_estimate(c.correct, c.labels, TRUE, MASS) for c in (draw(rng, TRUE, N) for _ in range(REPEATS))
    ]
    plugin, estimate = (np.mean([getattr(e, name) for e in found]) for name in ("plugin", "estimate"))
    assert plugin > 0.03
    assert estimate < 0.65 * plugin


@pytest.mark.parametrize("rise", [0.0, 0.02, 0.05, 0.10])
@pytest.mark.parametrize("n", [200, 500, 2000])
def test_the_interval_covers_the_truth(rise: float, n: int) -> None:
    rng = np.random.default_rng([9, n, int(rise * 100)])
    accuracy = TRUE - rise
    held = 0
    for _ in range(REPEATS):
        counts = draw(rng, accuracy, n)
        found = ece_estimate(counts.correct, counts.labels, TRUE, MASS)
        assert found.low <= found.estimate <= found.high
        held += found.low - 1e-12 <= rise <= found.high + 1e-12
    assert held / REPEATS >= 0.93 - tolerance(0.95, REPEATS)


@pytest.mark.parametrize(
    ("correct", "mass", "wanted"),
    [
        ([30, 45, 80], [0.3, 0.3, 0.4], (0.065, 0.05863338422011227)),
        ([10, 45, 97], [0.1, 0.5, 0.4], (0.123, 0.11736041664478519)),
    ],
)
def test_golden_numbers(correct: list[float], mass: list[float], wanted: tuple[float, float]) -> None:
    """From another implementation of the same definitions, on numpy 2.4.6 and scipy 1.17.1."""
    found = ece_estimate(correct, [50, 60, 100], [0.7, 0.8, 0.85], mass)
    assert (found.plugin, found.estimate) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("correct", [[10, 45, 97], [20, 30, 80], [35, 30, 60]])
def test_the_ends_of_the_interval_are_where_the_plugin_would_be_as_unlikely(correct: list[float]) -> None:
    """Against brute force: noise drawn around the gaps that an end stands for, along its shape."""
    n, q, w = np.array([50.0, 60.0, 100.0]), np.array([0.7, 0.8, 0.85]), np.array([0.3, 0.3, 0.4])
    k = np.array(correct, dtype=float)
    found = ece_estimate(k, n, q, w)
    gap = np.abs(k / n - q)
    rate = (k + 2 * q) / (n + 2)
    sd = np.sqrt(rate * (1 - rate) / n)
    noise = np.random.default_rng(1).standard_normal((400_000, 3)) * sd
    for end, shape, tail in (
        (found.low, np.where(gap > 2.5 * sd, gap, 1e-3 * sd), 0.025),
        (found.high, np.maximum(gap, sd), 0.975),
    ):
        plugins = np.abs(end / (w @ shape) * shape + noise) @ w
        beyond = float((plugins >= found.plugin).mean())
        if end == 0:
            assert beyond >= tail
        else:
            assert beyond == pytest.approx(tail, abs=0.006)


@pytest.mark.slow
def test_what_could_have_been_seen_is_what_would_have_been() -> None:
    """The minimum detectable rise against brute force: at that rise about 80% are called degraded."""
    rng = np.random.default_rng(13)
    detectable = float(
        np.median(
            [
                change_test(
                    draw(rng, TRUE, N), draw(rng, TRUE, 6 * N), score=TRUE, mass=MASS, seed=seed
                ).minimum_detectable_rise
                or np.nan
                for seed in range(40)
            ]
        )
    )
    shifts = np.linspace(0, 1, 400)
    rises = np.array([MASS @ (TRUE - expit(logit(TRUE) - t)) for t in shifts])
    worse = expit(logit(TRUE) - np.interp(detectable, rises, shifts))
    assert 0.68 <= share(worse, lambda c: c.state == "degraded") <= 0.92


def test_the_same_seed_gives_the_same_verdict_and_improvement_is_no_degradation() -> None:
    rng = np.random.default_rng(17)
    now, before = draw(rng, np.clip(TRUE + 0.12, 0, 0.99), N), draw(rng, TRUE, 6 * N)
    raw = np.clip(TRUE + 0.14, 0, 1)
    first = change_test(now, before, score=raw, mass=MASS, seed=1)
    assert first == change_test(now, before, score=raw, mass=MASS, seed=1)
    assert first.state == "changed"
    assert first.direction == "accuracy rose"
    assert first.accuracy_change is not None
    assert first.accuracy_change > 0


def test_a_large_window_without_change_is_proven_stable() -> None:
    rng = np.random.default_rng(19)
    labels = np.round(MASS * 20_000)
    now, before = (Counts(rng.binomial(labels.astype(int), TRUE).astype(float), labels) for _ in range(2))
    found = change_test(now, before, score=TRUE, mass=MASS, seed=0)
    assert found.state == "stable"
    assert found.high is not None
    assert found.high <= 0.03


def test_first_has_no_numbers() -> None:
    found = Change.first().to_json()
    assert found["state"] == "first"
    assert found["p"] is None


def test_a_stratum_with_labels_on_one_side_alone_is_left_out() -> None:
    now = Counts(np.array([40.0, 0.0]), np.array([50.0, 0.0]))
    before = Counts(np.array([160.0, 9.0]), np.array([200.0, 10.0]))
    found = change_test(now, before, score=[0.8, 0.9], mass=[0.9, 0.1], seed=0)
    assert found.baseline_labels == 200
    with pytest.raises(InvalidInput, match="both now and in the baseline"):
        change_test(
            now,
            Counts(np.array([0.0, 9.0]), np.array([0.0, 10.0])),
            score=[0.8, 0.9],
            mass=[0.5, 0.5],
            seed=0,
        )


@pytest.mark.parametrize(
    ("correct", "labels", "score", "mass"),
    [
        ([5], [4], [0.5], [1]),
        ([-1], [4], [0.5], [1]),
        ([1], [4], [1.5], [1]),
        ([1], [4], [0.5], [-1]),
        ([1], [4], [0.5], [0]),
        ([0], [0], [0.5], [1]),
        ([1, 2], [4], [0.5], [1]),
        ([1], [float("nan")], [0.5], [1]),
    ],
)
def test_counts_that_cannot_be_are_refused(
    correct: object, labels: object, score: object, mass: object
) -> None:
    with pytest.raises(InvalidInput):
        ece_estimate(correct, labels, score, mass)  # type: ignore[arg-type]


def test_mover_is_wider_than_either_interval() -> None:
    now, before = (ece_estimate([k], [100], [0.9], [1.0]) for k in (70, 85))
    found = mover(now, before)
    assert found.low < found.point < found.high
    assert found.high - found.low >= max(now.high - now.low, before.high - before.low)


def test_a_baseline_that_may_be_calibrated_takes_nothing_off_the_upper_end() -> None:
    now, before = ece_estimate([70], [100], [0.9], [1.0]), ece_estimate([880], [1000], [0.9], [1.0])
    assert before.low == 0
    assert mover(now, before).high == now.high
    worse = ece_estimate([800], [1000], [0.9], [1.0])
    assert worse.low > 0
    assert mover(now, worse).high < now.high


@pytest.mark.parametrize(
    ("rise", "high", "state"),
    [
        (0.0151, 0.0301, "degraded"),
        (0.0149, 0.0301, "changed"),  # less than half of the rise that is accepted
        (0.0151, 0.0299, "changed"),  # a rise beyond what is accepted is ruled out
    ],
)
def test_a_confirmed_change_is_degraded_from_half_the_accepted_rise_on(
    rise: float, high: float, state: str
) -> None:
    found = replace(Change.first(), rise=rise, low=0.0, high=high)
    assert found.at(True, 0.03).state == state
    assert found.at(False, 0.03).state == ("stable" if high <= 0.03 else "no_change_seen")


@pytest.mark.slow
def test_with_many_labels_a_change_too_small_to_matter_is_not_confirmed() -> None:
    """At 20,000 labels a shift of 0.005 is often significant; one of 0.05 must be confirmed, either way."""

    def against(shift: float, bias: float, labels: int = 20_000) -> list[Change]:
        changes = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            now, before = draw(rng, TRUE + shift, labels), draw(rng, TRUE, 3 * labels)
            changes.append(change_test(now, before, score=TRUE + bias, mass=MASS, seed=seed))
        return changes

    small = [change for shift in (0.005, -0.005) for change in against(shift, bias=0.05)]
    assert any(change.state == "changed" for change in small)  # otherwise this test would show nothing
    assert not any(change.confirmed for change in small)
    assert all(change.too_small == (change.state == "changed") for change in small)
    assert all(change.state == "degraded" and change.confirmed for change in against(-0.05, bias=0.0))
    improved = against(0.05, bias=0.05)
    assert all(change.state == "changed" and change.confirmed for change in improved)
    # Too low by as much as it was too high before: the ECE stays, the accuracy does not.
    flipped = against(0.04, bias=0.02)
    assert all(abs(change.rise or 0.0) < 0.015 and change.confirmed for change in flipped)


def test_few_labels_cannot_show_that_a_change_is_too_small() -> None:
    """The interval of the rise is then wider than `max_rise`, and a significant change counts as before."""
    changes = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        now, before = draw(rng, TRUE + 0.01, N), draw(rng, TRUE, 6 * N)
        found = change_test(now, before, score=TRUE + 0.05, mass=MASS, seed=seed)
        changes.append(found.at(True, 0.03))
    near = [change for change in changes if change.state == "changed" and abs(change.rise or 0.0) < 0.015]
    assert near
    assert all(change.confirmed for change in near)
