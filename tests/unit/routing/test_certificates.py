"""Certificates promise what they say, and say why where they promise nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from benchmarks.certificates import WORLDS, broken, pooled, simple, stale_neyman
from benchmarks.certificates import certified as by_certificate
from calib.errors import InvalidInput
from calib.measure.sample import Sample
from calib.routing import Certificate, NoCertificate, certified, certify, certify_each, grid, start_cut

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


def test_clusters_divide_the_labels_that_a_cut_rests_on() -> None:
    labels = Sample([0.9] * 103, [1] * 103)
    found = [certify_each(labels, targets=(0.9,), start=0.9, effect=effect)[0] for effect in (1.0, 3.0, 4.0)]
    assert [part.n if isinstance(part, Certificate) else part.why.code for part in found] == [
        103,
        34,
        "too_few_labels_at_top",  # 25 right answers in a row; it takes 29
    ]


def test_the_first_failure_ends_the_search() -> None:
    """Planted bug: going on below a cut that failed, where the mix above happens to be good again."""
    scores = np.repeat([0.9, 0.8], [60, 2000])
    correct = np.concatenate([np.repeat([1, 0], [50, 10]), np.ones(2000)])
    found = certify(scores, correct, target=0.9, start=0.9)
    assert isinstance(found, NoCertificate)
    assert isinstance(certify(scores, correct, target=0.9, start=0.8), Certificate)


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


@pytest.mark.slow
@pytest.mark.parametrize("design", [simple, stale_neyman], ids=["simple", "stale"])
@pytest.mark.parametrize("name", WORLDS)
def test_the_promise_is_kept_in_every_world_and_under_a_stale_design(name: str, design: Any) -> None:
    """In at most 5% of 2,000 samples of each kind; `benchmarks/certificates.py` has the other sizes."""
    wrong, _ = broken(WORLDS[name], by_certificate, design, 500, 2000)
    assert wrong <= 0.05


def test_forgetting_the_weights_would_be_caught() -> None:
    """Planted bug: labels of a stratified sample, taken for a simple one."""
    wrong, _ = broken(WORLDS["tied, good"], pooled, stale_neyman, 2000, 100)
    assert wrong > 0.5


def test_many_targets_at_once_are_each_as_alone() -> None:
    rng = np.random.default_rng(3)
    scores = rng.choice(LEVELS, 800, p=SHARES)
    labels = Sample(scores, rng.random(800) < scores, rng.uniform(0.5, 2, 800))
    targets = grid((0.85,))
    together = certify_each(labels, targets=targets, start=0.95)
    alone = [
        certify(labels.scores, labels.correct, weights=labels.weights, target=target, start=0.95)
        for target in targets
    ]
    assert together == alone
    cuts = [one.cut for one in together if isinstance(one, Certificate)]
    assert len(cuts) > 3
    assert cuts == sorted(cuts)  # what is proven for more is cut no lower


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9, 1.0]), st.booleans(), st.floats(0, 3)), max_size=50),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_order_and_ghosts_do_not_matter(rows: list[tuple[float, bool, float]], random: Any) -> None:
    """Nor is any sample too small, empty ones included."""
    shuffled = [*rows, (0.95, False, 0.0)]
    random.shuffle(shuffled)
    found = []
    for some in (rows, shuffled):
        columns = [np.array(column, dtype=float) for column in zip(*some, strict=True)] or [np.zeros(0)] * 3
        one = certify(columns[0], columns[1], weights=columns[2], target=0.5, start=0.9)
        found.append((type(one), getattr(one, "cut", None) if len(rows) < 1 else None, one.target))
        if isinstance(one, Certificate):
            assert 0.5 <= one.accuracy_low <= 1
            assert 0 < one.share <= 1
    assert found[0] == found[1]


def test_the_exact_test_is_the_binomial_one() -> None:
    """97 of 100 proves .92 and not .93, as the binomial's own tail says."""
    for target in (0.90, 0.92, 0.93, 0.95):
        found = certify([0.9] * 100, [1] * 97 + [0] * 3, target=target, start=0.9)
        assert isinstance(found, Certificate) == (binom.sf(96, 100, target) <= 0.05)


def test_a_signal_without_information_gets_no_certificate() -> None:
    """Though 97% are right above any cut, it is not the confidence that tells them apart."""
    rng = np.random.default_rng(0)
    empty = Sample(rng.choice(LEVELS, 6000), rng.random(6000) < 0.97)
    (found,) = certified(empty, targets=(0.9,), start=0.95)
    assert isinstance(found, NoCertificate)
    assert (found.why.code, found.labels_needed) == ("no_information", None)
    (unproven,) = certified(empty.take(np.arange(400)), targets=(0.9,), start=0.95)
    assert isinstance(unproven, NoCertificate)
    assert unproven.why.code == "information_not_shown"
    assert unproven.labels_needed == int(unproven.why.facts["needed"]) - 400 > 0
    assert isinstance(certify_each(empty, targets=(0.9,), start=0.95)[0], Certificate)
    telling = Sample(LEVELS.repeat(100), rng.random(700) < TRUE.repeat(100))
    assert isinstance(certified(telling, targets=(0.8,), start=0.95)[0], Certificate)


def test_labels_needed_are_about_enough() -> None:
    """Drawing as many more as it says certifies in about half of the cases, for so many are just enough."""
    rng = np.random.default_rng(1)
    enough = tried = 0
    for _ in range(200):
        i = rng.choice(len(LEVELS), 120, p=SHARES)
        few = certify(LEVELS[i], rng.random(120) < TRUE[i], target=0.9, start=START)
        if isinstance(few, NoCertificate) and few.labels_needed is not None and few.labels_needed < 5000:
            j = rng.choice(len(LEVELS), 120 + few.labels_needed, p=SHARES)
            more = certify(LEVELS[j], rng.random(len(j)) < TRUE[j], target=0.9, start=START)
            enough += isinstance(more, Certificate)
            tried += 1
    assert tried > 50
    assert 0.25 < enough / tried < 0.95


def test_certificates_of_a_segment_hold_in_it_alone(tmp_path: Path) -> None:
    """They stand in the evidence, where no reader takes them for the stream's."""
    from datetime import UTC, datetime, timedelta

    from calib.client import MappingClient
    from calib.format import Identity, Mapping
    from calib.store import Intent, open_store, publish

    whole = {"target": 0.9, "confidence": 0.95, "cut": 0.95, "share": 0.4, "n": 200, "accuracy_low": 0.91}
    now = datetime(2026, 11, 3, tzinfo=UTC)
    made = Mapping(
        stream="s",
        method="x",
        default=Identity(),
        segments={"refunds": Identity()},
        created_at="2026-11-03T00:00:00Z",
        certificates=(whole,),
        evidence={"segment_certificates": {"billing": [whole | {"cut": 0.5}]}},
    )
    url = f"file:{tmp_path / 'store'}"
    publish(
        open_store(url),
        made,
        channel="production",
        expected=None,
        intent=Intent(publish_id="x", at=now, by="test", reason="first", expires_at=now + timedelta(days=60)),
    )
    with MappingClient(url, stream="s", background=False, now=lambda: now) as client:
        assert client.refresh_now().state == "FRESH"
        assert client.decide(0.96, target=0.9).act
        assert not client.decide(0.6, target=0.9).act
        assert client.decide(0.6, target=0.9, segment="billing").act
        assert not client.decide(0.6, target=0.9, segment="another").act
        own_curve_alone = client.decide(0.99, target=0.9, segment="refunds")
    assert not own_curve_alone.act
    assert "no certificate" in own_curve_alone.reason
