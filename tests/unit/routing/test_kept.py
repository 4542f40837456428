"""Were the promises kept? Rates of wrong answers, by simulation, and what each answer rests on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from calib.errors import InvalidInput
from calib.measure.sample import Sample
from calib.routing.kept import Held, Promise, hold, p_broken

PROMISE = Promise(target=0.9, cut=0.8, since="2026-09")


def labelled(right: int, wrong: int, score: float = 0.9) -> Sample:
    return Sample([score] * (right + wrong), [1] * right + [0] * wrong)


def held(labels: Sample, *promises: Promise, alpha: float = 0.05, **how: Any) -> list[Held]:
    return hold(labels, promises or (PROMISE,), alpha=alpha, **how)


def test_the_test_is_the_binomial_one_and_exact() -> None:
    for right, wrong in ((85, 15), (90, 10), (100, 0), (0, 7), (1, 0)):
        p = p_broken(labelled(right, wrong), PROMISE)
        assert p == pytest.approx(binom.cdf(right, right + wrong, 0.9))


def test_the_answer_needs_proof_either_way() -> None:
    assert [held(labelled(*counts))[0].kept for counts in ((980, 20), (90, 10), (700, 300), (0, 1))] == [
        "yes",
        "unknown",
        "no",
        "unknown",
    ]


@pytest.mark.parametrize(("right", "wrong"), [(980, 20), (90, 10), (700, 300), (3, 0), (0, 3)])
def test_the_answer_agrees_with_the_shown_interval(right: int, wrong: int) -> None:
    (one,) = held(labelled(right, wrong))
    assert one.low is not None
    assert one.high is not None
    assert one.accuracy == right / (right + wrong)
    assert one.low <= one.accuracy <= one.high
    assert (one.kept == "yes") == (one.low >= 0.9)
    assert one.kept != "no" or one.high < 0.9


def test_only_rows_at_and_above_the_cut_count() -> None:
    labels = Sample([0.8] * 50 + [0.7999] * 500, [1] * 50 + [0] * 500)
    assert (held(labels)[0].n, held(labels)[0].accuracy) == (50, 1.0)


def test_without_a_label_there_nothing_is_known() -> None:
    for labels in (labelled(5, 5, score=0.5), Sample([], []), Sample([0.9], [1], [0.0])):
        (one,) = held(labels)
        assert (one.n, one.accuracy, one.low, one.high, one.p, one.kept) == (
            0,
            None,
            None,
            None,
            1.0,
            "unknown",
        )
    assert held(labelled(1, 1), alpha=0.05) != hold(labelled(1, 1), (), alpha=0.05) == []


def test_clusters_make_labels_count_for_less() -> None:
    alone, clustered = (held(labelled(85, 15), effect=effect)[0] for effect in (1.0, 4.0))
    assert (alone.n, clustered.n) == (100, 25)
    assert alone.p < clustered.p


def test_what_makes_no_sense_is_refused() -> None:
    for how in ({"alpha": 0.0}, {"alpha": 1.0}, {"effect": 0.5}):
        with pytest.raises(InvalidInput):
            held(labelled(5, 5), **{"alpha": 0.05} | how)  # type: ignore[arg-type]


def rate_of_wrong_no(*, repeats: int, alpha: float, stale: bool) -> float:
    """How often any of three promises that are just kept is said to be broken.

    `stale`: a design that drew a part of the region above the cuts five times too often, which is right less
    often than the rest: its weights put that right.
    """
    wrong = 0
    promises = [Promise(target=0.9, cut=cut, since="s") for cut in (0.8, 0.85, 0.9)]
    for seed in range(repeats):
        rng = np.random.default_rng([seed, stale])
        n = 300
        rare = np.arange(n) < (n // 2 if stale else 0)
        share = 1 / 6 if stale else 0.0
        accuracy = np.where(rare, 0.8, (0.9 - share * 0.8) / (1 - share)) if stale else np.full(n, 0.9)
        weights = np.where(rare, share, 1 - share) if stale else np.ones(n)
        labels = Sample(np.full(n, 0.95), rng.random(n) < accuracy, weights)
        wrong += any(one.kept == "no" for one in hold(labels, promises, alpha=alpha))
    return wrong / repeats


@pytest.mark.parametrize("stale", [False, True])
def test_a_kept_promise_is_called_broken_within_the_budget(stale: bool) -> None:
    repeats, alpha = 1500, 0.05
    rate = rate_of_wrong_no(repeats=repeats, alpha=alpha, stale=stale)
    assert rate <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / repeats)


def test_a_broken_promise_is_seen() -> None:
    rng = np.random.default_rng(1)
    seen = sum(
        held(Sample(np.full(200, 0.9), rng.random(200) < 0.75), alpha=0.004)[0].kept == "no"
        for _ in range(200)
    )
    assert seen >= 190


def test_the_promises_share_the_budget() -> None:
    """Ten promises with one p-value between α/10 and α: none is rejected, where one alone would be."""
    labels = labelled(84, 16)
    p = p_broken(labels, PROMISE)
    alpha = p * 5
    assert held(labels, alpha=alpha)[0].kept == "no"
    several = [Promise(target=0.9, cut=0.8 - i / 100, since="s") for i in range(10)]
    assert {one.kept for one in held(labels, *several, alpha=alpha)} == {"unknown"}
