"""Rows of one cluster count for what they are worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.gate import gate
from calib.measure import Counts, change_test, cluster_counts, ece_estimate, kish_counts, measure
from calib.measure.clusters import Correlation
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
MASS = np.array([0.1, 0.2, 0.3, 0.4])
ACCURACY = np.array([0.5, 0.65, 0.8, 0.9])


def rows(
    rng: np.random.Generator, clusters: int, each: int, correlation: float, *, together: bool
) -> tuple[Whole, Floats, Whole]:
    """Rows whose answers correlate inside their cluster; `together`: whose clusters lie in one group each."""
    owner = np.repeat(np.arange(clusters), each)
    group = rng.choice(4, clusters, p=MASS)[owner] if together else rng.choice(4, len(owner), p=MASS)
    shared = rng.random(len(owner)) < correlation**0.5
    draw = np.where(shared, rng.random(clusters)[owner], rng.random(len(owner)))
    return group, (draw < ACCURACY[group]).astype(float), owner


def test_a_row_each_is_kishs_number() -> None:
    rng = np.random.default_rng(0)
    group, correct, owner = rows(rng, 300, 1, 0.0, together=True)
    weights = rng.uniform(0.2, 3, 300)
    found, plain = cluster_counts(group, correct, weights, owner, 4), kish_counts(group, correct, weights, 4)
    np.testing.assert_allclose(found.labels, plain.labels)
    np.testing.assert_allclose(found.correct, plain.correct)


def test_copies_of_a_row_count_once() -> None:
    rng = np.random.default_rng(1)
    group, correct, _ = rows(rng, 400, 1, 0.0, together=True)
    five = [np.repeat(values, 5) for values in (group, correct, np.arange(400))]
    found = cluster_counts(five[0], five[1], np.ones(2000), five[2], 4)
    plain = kish_counts(group, correct, np.ones(400), 4)
    np.testing.assert_allclose(found.labels, plain.labels, rtol=0.02)
    np.testing.assert_allclose(found.correct / found.labels, plain.correct / plain.labels)


@pytest.mark.parametrize("together", [True, False])
def test_the_accuracy_of_all_is_as_exact_as_the_labels_say(together: bool) -> None:
    """Its variance over many samples against the one that the effective labels give."""
    rng = np.random.default_rng(2)
    totals, promised, naive = [], [], []
    for _ in range(600):
        group, correct, owner = rows(rng, 150, 5, 0.4, together=together)
        found = cluster_counts(group, correct, np.ones(750), owner, 4)
        plain = kish_counts(group, correct, np.ones(750), 4)
        totals.append(MASS @ (plain.correct / plain.labels))
        promised.append(MASS**2 @ (ACCURACY * (1 - ACCURACY) / found.labels))
        naive.append(MASS**2 @ (ACCURACY * (1 - ACCURACY) / plain.labels))
    tolerance = 3 * (2 / 600) ** 0.5
    assert np.var(totals) / np.mean(promised) == pytest.approx(1, abs=tolerance + 0.05)
    assert np.var(totals) > 1.5 * np.mean(naive)  # what it costs to take them for independent


def test_independent_rows_lose_little() -> None:
    rng = np.random.default_rng(3)
    kept = []
    for _ in range(50):
        group, correct, owner = rows(rng, 125, 4, 0.0, together=False)
        kept.append(cluster_counts(group, correct, np.ones(500), owner, 4).labels.sum() / 500)
    assert max(kept) <= 1
    assert np.mean(kept) > 0.93


def test_never_more_than_kishs_number_whatever_the_rows() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        n = int(rng.integers(1, 40))
        group, correct = rng.integers(0, 4, n), rng.integers(0, 2, n).astype(float)
        weights = rng.choice([0.0, 0.5, 2.0], n)
        weights[0] = 1.0
        found = cluster_counts(group, correct, weights, rng.integers(0, 5, n), 4)
        plain = kish_counts(group, correct, weights, 4)
        assert (found.labels <= plain.labels + 1e-12).all()
        safe = np.maximum(found.labels, 1e-12)
        np.testing.assert_allclose(found.correct / safe * plain.labels, plain.correct, atol=1e-9)


def test_names_do_as_well_as_numbers_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    group, correct, owner = rows(rng, 60, 4, 0.5, together=False)
    weights = rng.uniform(0.5, 2, 240)
    names = np.array([f"user-{c}" for c in owner])
    there = rng.permutation(240)
    one = cluster_counts(group, correct, weights, owner, 4)
    other = cluster_counts(group[there], correct[there], weights[there], names[there], 4)
    np.testing.assert_allclose(one.labels, other.labels)


def test_no_rows_are_no_labels() -> None:
    nothing = np.zeros(0)
    assert cluster_counts(nothing.astype(np.intp), nothing, nothing, nothing, 3).labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ([1.0, float("nan"), 2.0], "1 rows have no cluster"),
        (["a", None, None], "2 rows have no cluster"),
        ([1, 2], "one cluster for each of 3 rows"),
    ],
)
def test_a_row_without_a_cluster_is_refused(cluster: list[object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cluster_counts(np.zeros(3, dtype=np.intp), np.ones(3), np.ones(3), np.array(cluster), 1)


def test_every_interval_of_a_measurement_knows_the_clusters() -> None:
    """Each row five times in a cluster of its own: the intervals are those of the rows once, nearly."""
    rng = np.random.default_rng(6)
    score = rng.choice([0.5, 0.7, 0.9], 400)
    correct = (rng.random(400) < score - 0.05).astype(float)
    once = measure(score, correct)
    five = [np.repeat(values, 5) for values in (score, correct, np.arange(400))]
    naive, found = measure(five[0], five[1]), measure(five[0], five[1], clusters=five[2])
    for name in ("ece", "accuracy", "brier", "log_loss", "auroc"):
        widths = [getattr(m, name).high - getattr(m, name).low for m in (once, naive, found)]
        assert widths[1] < 0.75 * widths[0], name
        assert widths[2] == pytest.approx(widths[0], rel=0.05), name
    assert found.brier.value == pytest.approx(once.brier.value)
    for ours, theirs in zip(found.bins, once.bins, strict=True):
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    assert measure(score, correct, clusters=np.arange(400)) == once


def test_the_joint_law_is_what_many_samples_show() -> None:
    """The covariance of the groups' accuracies over many samples, against the one that the counts carry."""
    rng = np.random.default_rng(7)
    seen, promised = [], []
    for _ in range(500):
        group, correct, owner = rows(rng, 100, 8, 0.4, together=False)
        found = cluster_counts(group, correct, np.ones(800), owner, 4)
        assert found.covariance is not None
        seen.append(found.correct / found.labels)
        promised.append(found.covariance)
    spread = np.sqrt(ACCURACY * (1 - ACCURACY))
    mean = np.mean(promised, axis=0) * np.outer(spread, spread)
    true = np.cov(np.array(seen).T)
    one_and_all = (np.ones(4) / 4, np.array([1.0, -1.0, 1.0, -1.0]) / 4, MASS)
    for along in one_and_all:
        assert along @ mean @ along == pytest.approx(along @ true @ along, rel=0.25)
    assert (true[~np.eye(4, dtype=bool)] > 0).all()


def test_where_nothing_varies_the_rows_of_a_cluster_count_as_one() -> None:
    group, owner = np.zeros(500, dtype=np.intp), np.repeat(np.arange(25), 20)
    for answer in (0.0, 1.0):
        found = cluster_counts(group, np.full(500, answer), np.ones(500), owner, 1)
        assert found.labels.tolist() == pytest.approx([25.0])


def test_where_nothing_varies_earlier_rows_say_how_clusters_agree() -> None:
    group, owner = np.zeros(500, dtype=np.intp), np.repeat(np.arange(25), 20)
    ones, correct = np.ones(500), np.ones(500)
    known = cluster_counts(group, correct, ones, owner, 1, otherwise=Correlation(within=0.1, across=0.1))
    assert known.labels.tolist() == pytest.approx([500 / (1 + 0.1 * 19)])
    varied = np.arange(500) % 5 > 0
    own = cluster_counts(group, varied.astype(float), ones, owner, 1)
    told = cluster_counts(
        group, varied.astype(float), ones, owner, 1, otherwise=Correlation(within=1.0, across=1.0)
    )
    assert told.labels.tolist() == own.labels.tolist()  # rows that know their correlation need no other


def test_few_clusters_widen_an_interval_as_students_quantile_does() -> None:
    rng = np.random.default_rng(8)
    score = np.full(400, 0.8)
    correct = (rng.random(400) < 0.8).astype(float)
    many, few = (
        measure(score, correct, clusters=rng.permutation(np.arange(400) % clusters)) for clusters in (100, 4)
    )
    assert few.accuracy.high - few.accuracy.low > 1.4 * (many.accuracy.high - many.accuracy.low)


def test_rows_that_all_share_one_cluster_are_one_row() -> None:
    found = cluster_counts(
        np.zeros(50, dtype=np.intp), (np.arange(50) % 2).astype(float), np.ones(50), np.zeros(50), 1
    )
    assert found.labels.tolist() == pytest.approx([1.0])


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.integers(1, 120), st.sampled_from([1, 3, 12, 1000]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_interval_of_an_ece_is_ever_empty(seed: int, n: int, clusters: int, lucky: bool) -> None:
    """Whatever the rows; `lucky`: answers as close to what was stated as they can be."""
    rng = np.random.default_rng(seed)
    score = np.sort(rng.choice(rng.random(4), n))
    correct = (rng.random(n) < score).astype(float)
    if lucky:
        correct = np.diff(np.floor(np.cumsum(score) + 0.5), prepend=0.0).clip(0, 1)
    for owner in (None, rng.integers(0, clusters, n)):
        found = measure(score, correct, clusters=owner).ece
        assert 0 <= found.low < found.high <= 1
        assert found.low <= found.estimate <= found.high


def lucky_counts(n: int) -> Counts:
    """Answers exactly as often right as stated, in every stratum: too good to be anything but luck."""
    labels = np.full(10, float(n))
    return Counts(labels * np.linspace(0.1, 1.0, 10).clip(0, 0.9), labels)


def test_luck_proves_nothing() -> None:
    """Without the flag the upper end of such a set would prove `stable` from a handful of labels."""
    mass, score = np.full(10, 0.1), np.linspace(0.1, 1.0, 10).clip(0, 0.9)
    counts = lucky_counts(400)
    ece = ece_estimate(counts.correct, counts.labels, score, mass)
    assert ece.below_noise
    assert ece.high > 0
    found = change_test(counts, lucky_counts(2400), score=score, mass=mass, max_rise=0.2, seed=1)
    assert found.high is not None
    assert found.high < 0.2
    assert found.state == "no_change_seen"
    assert found.at(False, 0.2).state == "no_change_seen"
    moved = counts.correct - 400 * np.tile([0.03, -0.02], 5)
    usual = change_test(
        Counts(moved, counts.labels), Counts(moved * 6, counts.labels * 6), score=score, mass=mass,
        max_rise=0.2, seed=1,
    )  # fmt: skip
    assert not usual.below_noise
    assert usual.state == "stable"


def test_a_gate_is_not_passed_by_luck() -> None:
    stated = np.repeat(np.linspace(0.1, 0.9, 9), 200)
    answers = np.concatenate([np.arange(200) < round(200 * level) for level in np.linspace(0.1, 0.9, 9)])
    sample = Sample(stated, answers.astype(float))
    found = gate(sample, sample, max_rise=0.2)
    assert found.change.state == "no_change_seen"
    assert not found.proven
    assert found.labels_needed
