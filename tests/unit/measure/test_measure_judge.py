"""A judge makes labels count for more by exactly as much as it explains, and never biases them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from calib.errors import InvalidInput
from calib.measure import Counts, Judged, kish_counts, with_judge

Floats = npt.NDArray[np.float64]
ACCURACY = np.array([0.5, 0.7, 0.8, 0.9, 0.99])
LABELS = np.array([60, 80, 120, 120, 120])
POPULATION = np.array([3000, 4000, 6000, 6000, 2000])


def judged(rng: np.random.Generator, *, hit: float = 0.9, miss: float = 0.4) -> Judged:
    """A window of labels with a judge that says correct to `hit` of the right and `miss` of the wrong."""
    k = rng.binomial(LABELS, ACCURACY)
    both = rng.binomial(k, hit)
    said = both + rng.binomial(LABELS - k, miss)
    mean = rng.binomial(POPULATION, ACCURACY * hit + (1 - ACCURACY) * miss) / POPULATION
    return with_judge(
        Counts(k.astype(float), LABELS.astype(float)),
        judge_sum=said,
        judge_correct_sum=both,
        population_mean=mean,
        population=POPULATION,
    )


def spread(repeats: int, **how: float) -> tuple[Floats, Floats, Floats]:
    """Mean accuracy by stratum, its variance, and the variance that the effective labels promise."""
    rng = np.random.default_rng(1)
    found = [judged(rng, **how) for _ in range(repeats)]
    rates = np.array([j.counts.correct / j.counts.labels for j in found])
    promised = np.mean([ACCURACY * (1 - ACCURACY) / j.counts.labels for j in found], axis=0)
    return rates.mean(axis=0), rates.var(axis=0), promised


@pytest.mark.slow
def test_the_accuracies_stay_unbiased_and_as_exact_as_promised() -> None:
    repeats = 4000
    mean, variance, promised = spread(repeats)
    plain = ACCURACY * (1 - ACCURACY) / LABELS
    # λ leans on the same labels, which moves the mean by less than a tenth of its standard error.
    assert (np.abs(mean - ACCURACY) <= 3 * np.sqrt(promised / repeats) + 0.1 * np.sqrt(plain)).all()
    assert (variance <= promised * (1 + 3 * np.sqrt(2 / repeats) + 0.05)).all()
    assert (promised[:-1] < 0.92 * plain[:-1]).all()
    assert (promised < 1.001 * plain).all()


def test_one_slope_for_all_strata_would_be_caught() -> None:
    """Planted bug: with one λ for all strata the surest of them gets worse, not better."""
    rng = np.random.default_rng(2)
    rates = []
    for _ in range(2000):
        k = rng.binomial(LABELS, ACCURACY)
        both = rng.binomial(k, 0.9)
        said = both + rng.binomial(LABELS - k, 0.4)
        slope = (both - said * k / LABELS).sum() / (said * (1 - said / LABELS)).sum()
        mean = ACCURACY * 0.9 + (1 - ACCURACY) * 0.4
        rates.append(k / LABELS + slope * (mean - said / LABELS))
    plain = ACCURACY * (1 - ACCURACY) / LABELS
    assert np.var(rates, axis=0)[-1] > 1.5 * plain[-1]


def test_a_judge_that_knows_nothing_is_left_out() -> None:
    rng = np.random.default_rng(3)
    found = [judged(rng, hit=0.6, miss=0.6) for _ in range(300)]
    unused = [j for j in found if not j.used]
    assert len(unused) / 300 >= 0.93
    assert all("could be chance" in j.reason or "only" in j.reason for j in unused)
    assert max(j.counts.labels.sum() for j in found) <= 1.05 * LABELS.sum()


def test_an_inverted_judge_helps_as_much() -> None:
    straight, inverted = (
        judged(np.random.default_rng(4), hit=hit, miss=miss) for hit, miss in ((0.9, 0.4), (0.1, 0.6))
    )
    assert straight.correlation > 0.3
    assert inverted.correlation < -0.3
    assert inverted.counts.labels.sum() == pytest.approx(straight.counts.labels.sum(), rel=0.05)


def of(**changed: object) -> Judged:
    given: dict[str, object] = {
        "judge_sum": [70.0, 60.0],
        "judge_correct_sum": [68.0, 55.0],
        "population_mean": [0.66, 0.5],
        "population": [10_000, 10_000],
    } | changed
    return with_judge(Counts(np.array([80.0, 70.0]), np.array([100.0, 100.0])), **given)  # type: ignore[arg-type]


def test_the_correction_goes_where_the_judge_points() -> None:
    found = of()
    assert found.used
    assert "labels count for" in found.reason
    # The labelled rows were luckier than the population in both strata.
    assert (found.counts.correct / found.counts.labels < [0.8, 0.7]).all()
    assert (found.counts.labels > 100).all()


def test_labels_that_are_the_whole_population_count_once() -> None:
    found = of(population=[100, 100])
    assert not found.used
    assert found.counts.labels.tolist() == [100, 100]


def test_fewer_judged_rows_than_labels_is_said() -> None:
    found = of(population=[10_000, 40])
    assert not found.used
    assert found.reason == "stratum 1 has 100 labels but only 40 judged rows"
    assert found.counts.correct.tolist() == [80, 70]


@pytest.mark.parametrize(
    "same",
    [
        {"judge_sum": [100.0, 100.0], "judge_correct_sum": [80.0, 70.0]},
        {"judge_sum": [0.0, 0.0], "judge_correct_sum": [0.0, 0.0]},
    ],
)
def test_a_judge_that_says_the_same_of_all_is_left_out(same: dict[str, object]) -> None:
    found = of(**same)
    assert not found.used
    assert found.correlation == 0
    assert "say the same of every row" in found.reason


def test_strata_without_labels_stay_empty() -> None:
    found = with_judge(
        Counts(np.array([80.0, 0.0]), np.array([100.0, 0.0])),
        judge_sum=[70, 0],
        judge_correct_sum=[68, 0],
        population_mean=[0.66, 0.0],
        population=[10_000, 0],
    )
    assert found.used
    assert found.counts.labels[1] == 0


def test_weighted_rows_come_in_through_effective_counts() -> None:
    """Weights all equal change nothing; that is what the sums' scale means."""
    rng = np.random.default_rng(5)
    group = rng.integers(0, 2, 400)
    correct = (rng.random(400) < 0.7).astype(float)
    judge = (rng.random(400) < np.where(correct > 0, 0.9, 0.3)).astype(float)

    def through(weights: Floats) -> Judged:
        counts, said, both = (
            kish_counts(group, values, weights, 2) for values in (correct, judge, judge * correct)
        )
        return with_judge(
            counts,
            judge_sum=said.correct,
            judge_correct_sum=both.correct,
            population_mean=[0.7, 0.7],
            population=[5000, 5000],
        )

    one, seven = through(np.ones(400)), through(np.full(400, 7.0))
    np.testing.assert_allclose(one.counts.correct, seven.counts.correct)
    uneven = through(rng.uniform(0.2, 3, 400))
    assert uneven.used
    assert uneven.counts.labels.sum() < one.counts.labels.sum()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"judge_sum": [70.0]}, r"judge_sum must be of shape \(2,\)"),
        ({"judge_sum": [70.0, float("nan")]}, "judge_sum must be finite"),
        ({"judge_correct_sum": [75.0, 55.0]}, "must fit the counts"),
        ({"judge_correct_sum": [40.0, 55.0]}, "must fit the counts"),
        ({"judge_sum": [101.0, 60.0]}, "must fit the counts"),
        ({"population_mean": [1.2, 0.5]}, r"must lie in \[0, 1\]"),
        ({"population": [-1, 5]}, "population must be finite and not negative"),
    ],
)
def test_sums_that_no_judge_can_have_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        of(**changed)
