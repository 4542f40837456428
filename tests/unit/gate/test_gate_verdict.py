"""The gate: evidence fails it, noise does not, and what moved is named."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from sklearn.metrics import roc_auc_score

from calib.errors import InvalidInput
from calib.gate import Gate, gate
from calib.gate.verdict import _auroc, _ece
from calib.measure import measure
from calib.measure.sample import Sample
from calib.measure.scores import Estimate
from calib.results.gate import Difference
from calib.wording import gate as gate_words

Floats = npt.NDArray[np.float64]
STATED = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
SHARES = np.array([0.05, 0.10, 0.10, 0.20, 0.25, 0.20, 0.10])


def rows(scores: npt.ArrayLike, correct: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Sample:
    score = np.asarray(scores, dtype=float)
    weight = np.ones_like(score) if weights is None else np.asarray(weights, dtype=float)
    return Sample(scores=score, correct=np.asarray(correct, dtype=float), weights=weight)


def pair(seed: int, n: int, off: tuple[float, float], *, alike: float = 0.0) -> tuple[Sample, Sample]:
    """Two overconfident models on the same questions, whose luck is shared as far as `alike` says."""
    rng = np.random.default_rng(seed)
    common, stated = rng.standard_normal(n), rng.choice(STATED, n, p=SHARES)
    samples = []
    for gap in off:
        luck = np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.standard_normal(n)
        samples.append(rows(stated, luck < ndtri(np.clip(stated - gap, 0.02, 0.98))))
    return samples[0], samples[1]


def states(
    off: tuple[float, float], n: int, repeats: int, *, paired: bool = False, alike: float = 0.0
) -> list[Gate]:
    return [gate(*pair(seed, n, off, alike=alike), paired=paired) for seed in range(repeats)]


def reading(verdict: Gate) -> str:
    """What moved, in words."""

    def words(change: Estimate) -> Difference:
        return Difference(value=change.value, low=change.low, high=change.high)

    return gate_words.reading(
        (verdict.accuracy.low, verdict.accuracy.high),
        words(verdict.confidence),
        None if verdict.auroc is None else words(verdict.auroc),
        words(verdict.dsc),
    )


def share(found: list[Gate], state: str) -> float:
    return sum(one.change.state == state for one in found) / len(found)


@pytest.mark.slow
def test_a_model_against_itself_passes_and_a_worse_one_fails() -> None:
    same = states((0.1, 0.1), 500, 150)
    assert share(same, "degraded") <= 0.06
    worse = states((0.05, 0.25), 500, 30)
    assert share(worse, "degraded") == 1
    assert all(one.change.proven_worse and one.direction == "ECE rose" for one in worse)


def test_stable_is_proven_with_labels_enough() -> None:
    assert share(states((0.1, 0.1), 5000, 25), "stable") >= 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    "off", [(0.1, 0.13), (0.0, 0.033)], ids=["overconfident before", "calibrated before"]
)
def test_a_rise_at_the_limit_is_hardly_ever_ruled_out(off: tuple[float, float]) -> None:
    """From a perfect ECE too, whose estimate errs upwards and would hide the rise."""
    found = states(off, 1500, 120)
    assert sum(one.proven for one in found) / 120 <= 0.025 + 3 * (0.025 * 0.975 / 120) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("off", "rise", "paired"),
    [((0.05, 0.12), 0.07, False), ((0.05, 0.12), 0.07, True), ((0.0, 0.06), 0.058, False)],
)
def test_the_interval_holds_the_true_rise(off: tuple[float, float], rise: float, paired: bool) -> None:
    """`rise`: at a stated 1 a model that is never off is right .98 of the time here."""
    held = 0
    for one in states(off, 600, 150, paired=paired, alike=0.7):
        assert one.change.low is not None
        assert one.change.high is not None
        held += one.change.low <= rise <= one.change.high
    assert held / 150 >= 0.95 - 3 * (0.95 * 0.05 / 150) ** 0.5


def test_pairs_narrow_the_interval_and_false_pairs_do_not() -> None:
    before, after = pair(1, 1500, (0.1, 0.12), alike=0.9)
    shuffled = np.random.default_rng(0).permutation(1500)

    def width(found: Gate) -> float:
        assert found.change.low is not None
        assert found.change.high is not None
        return found.change.high - found.change.low

    alone = width(gate(before, after))
    assert width(gate(before, after, paired=True)) < 0.75 * alone
    assert width(gate(before.take(shuffled), after, paired=True)) > 0.93 * alone


@pytest.mark.slow
def test_the_detectable_rise_is_detected_with_80_percent_power() -> None:
    """The rise that one pair of samples names, made true: the power to fail is about 0.8."""
    seen = gate(*pair(0, 800, (0.08, 0.08))).change.minimum_detectable_rise
    assert seen is not None
    power = share(states((0.08, 0.08 + seen), 800, 100), "degraded")
    assert 0.68 <= power <= 0.95


@pytest.mark.slow
def test_the_labels_needed_prove_it_with_80_percent_power() -> None:
    needed = np.median([one.labels_needed for one in states((0.1, 0.1), 500, 40) if one.labels_needed])
    proven = sum(one.proven for one in states((0.1, 0.1), 500 + int(needed), 60)) / 60
    assert 0.65 <= proven <= 0.97


def test_a_prompt_that_only_sounds_humbler_is_shown_for_what_it_is() -> None:
    before, after = pair(3, 2000, (0.15, 0.15), alike=1.0)
    humbler = rows(after.scores - 0.15, after.correct)
    for paired in (False, True):
        found = gate(before, humbler, paired=paired)
        assert found.change.state == "changed"
        assert found.direction == "ECE fell"
        assert found.proven
        assert found.auroc is not None
        assert found.auroc.value == pytest.approx(0)
        assert "level of the confidence moved down, the information in it did not" in reading(found)
    louder = gate(humbler, before)
    assert louder.change.state == "degraded"
    assert "moved up, the information in it did not" in reading(louder)
    assert louder.labels_needed is None


def test_information_and_answers_that_move_are_named() -> None:
    rng = np.random.default_rng(4)
    empty = rows(rng.permutation(np.tile([0.6, 0.9], 1000)), rng.random(2000) < 0.75)
    telling = rows(np.tile([0.6, 0.9], 1000), rng.random(2000) < np.tile([0.6, 0.9], 1000))
    found = gate(empty, telling)
    assert "distinguishes right answers from wrong ones better" in reading(found)
    assert "less well" in reading(gate(telling, empty))
    wrong = rows(telling.scores, rng.random(2000) < np.tile([0.4, 0.7], 1000))
    assert "The answers got worse." in reading(gate(telling, wrong))
    assert reading(gate(telling, telling)) == "Neither the answers nor the confidence moved beyond noise."


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 0.3, 0.7, 1]), st.booleans(), st.floats(0.01, 9)),
        min_size=1,
        max_size=30,
    ),
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.01, 9)), min_size=1, max_size=30),
)
def test_any_two_files_have_a_verdict(
    one: list[tuple[float, bool, float]], other: list[tuple[float, bool, float]]
) -> None:
    """And exchanged they have the opposite one."""
    first, second = (rows(*zip(*some, strict=True)) for some in (one, other))
    there, back = gate(first, second).change, gate(second, first).change
    assert there.low <= there.rise <= there.high  # type: ignore[operator]
    assert there.rise == pytest.approx(-back.rise)  # type: ignore[operator]
    assert there.low == pytest.approx(-back.high)  # type: ignore[operator]
    assert 0 <= there.p <= 1  # type: ignore[operator]
    assert gate(first, first, paired=True).change.state in ("stable", "no_change_seen")


def test_rows_add_to_the_estimates_what_the_literature_says() -> None:
    """AUROC's placements have DeLong's variance; the ECE's parts add up to the plugin."""
    before, _ = pair(5, 400, (0.1, 0.1))
    measured = measure(before.scores, before.correct)
    placed = _auroc(before, measured)
    assert placed is not None
    assert placed.rows.mean() == pytest.approx(0, abs=1e-12)
    assert measured.auroc is not None
    assert measured.auroc.value == pytest.approx(roc_auc_score(before.correct, before.scores))
    right, wrong = (before.scores[before.correct == y] for y in (1, 0))
    v10 = [np.mean((wrong < x) + 0.5 * (wrong == x)) for x in right]
    v01 = [np.mean((right > x) + 0.5 * (right == x)) for x in wrong]
    delong = np.var(v10) / len(right) + np.var(v01) / len(wrong)
    assert np.var(placed.rows) / 400 == pytest.approx(delong)
    assert _ece(before, measured).rows.mean() == pytest.approx(measured.ece.plugin)


def test_bad_input_is_refused() -> None:
    good = rows([0.5, 0.9], [0, 1])
    with pytest.raises(InvalidInput, match="max_rise"):
        gate(good, good, max_rise=0)
    with pytest.raises(InvalidInput, match="cannot be paired"):
        gate(good, rows([0.5], [1]), paired=True)
    with pytest.raises(InvalidInput):
        gate(good, rows([1.5, 0.5], [1, 1]))
