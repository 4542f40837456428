"""A segment of its own where that pays, the stream's mapping where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calib.calibrators import refit
from calib.calibrators.segments import FARTHEST, shift_of
from calib.errors import InvalidInput
from calib.format import Identity
from calib.measure import Change
from calib.measure.sample import Sample

LEVELS = np.array([0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
NO_CHANGE = replace(Change.first(), state="no_change_seen", p=0.5)


def drawn(seed: int, n: int, worse: float = 0.0, segments: int = 6) -> Sample:
    """An overconfident stream in equal segments, of which "0" is right less often by `worse`."""
    rng = np.random.default_rng(seed)
    scores, segment = rng.choice(LEVELS, n), rng.integers(0, segments, n)
    truth = np.clip(scores - 0.12 - worse * (segment == 0), 0.02, 0.98)
    return Sample(scores, rng.random(n) < truth, None, [str(s) for s in segment])


def test_a_segment_that_differs_gets_its_own_mapping_and_is_nearer_the_truth() -> None:
    found = refit(drawn(1, 500, 0.3), drawn(2, 2000, 0.3), served=Identity(), change=NO_CHANGE)
    assert found.curve is not None
    assert "0" in found.segments
    truth = LEVELS - 0.42
    own = np.abs(found.segments["0"].apply(LEVELS) - truth).mean()
    assert own < 0.06
    assert own < np.abs(found.curve.apply(LEVELS) - truth).mean() / 3


def test_old_labels_help_a_small_segment() -> None:
    """With forty new labels there is nothing to decide by; with old ones there is."""
    now, before = drawn(1, 240, 0.3), drawn(2, 2400, 0.3)
    assert "0" not in refit(now, None, served=Identity(), change=NO_CHANGE).segments
    assert "0" in refit(now, before, served=Identity(), change=NO_CHANGE).segments


@pytest.mark.slow
def test_segments_that_do_not_differ_rarely_get_one_and_lose_little_by_it() -> None:
    chosen, harm = 0, []
    for seed in range(30):
        found = refit(drawn(seed, 500), drawn(1000 + seed, 1000), served=Identity(), change=NO_CHANGE)
        assert found.curve is not None
        chosen += len(found.segments)
        loss = [
            np.mean((found.segments.get(str(s), found.curve).apply(LEVELS) - LEVELS + 0.12) ** 2)
            - np.mean((found.curve.apply(LEVELS) - LEVELS + 0.12) ** 2)
            for s in range(6)
        ]
        harm.append(np.mean(loss))
    assert chosen / (30 * 6) < 0.10
    assert np.mean(harm) < 5e-4


@pytest.mark.slow
def test_the_after_of_segments_is_held_out_too() -> None:
    """Brier before and after are of the same rows; in-sample scores would be lower than the truth allows."""
    after, floor = [], []
    for seed in range(12):
        now = drawn(seed, 500, 0.3)
        found = refit(now, drawn(50 + seed, 1500, 0.3), served=Identity(), change=NO_CHANGE)
        truth = np.clip(now.scores - 0.12 - 0.3 * (now.segments == "0"), 0.02, 0.98)
        after.append(found.brier_after)
        floor.append(np.mean((truth - now.correct) ** 2))
    assert np.mean(after) > np.mean(floor)


def test_what_is_served_by_segment_is_what_the_new_mapping_must_beat() -> None:
    now = drawn(1, 400, 0.3)
    first = refit(now, None, served=Identity(), change=Change.first())
    assert first.curve is not None
    again = refit(now, None, served=first.curve, served_segments=first.segments, change=Change.first())
    plain = refit(now, None, served=first.curve, change=Change.first())
    if first.segments:
        assert again.brier_before != plain.brier_before
    else:
        assert again.brier_before == plain.brier_before


def test_a_shift_is_drawn_towards_the_stream() -> None:
    few = Sample([0.8] * 4, [0] * 4)
    many = Sample([0.8] * 400, [0] * 200 + [1] * 200)
    assert -2 < shift_of(few, Identity()) < 0
    assert shift_of(many, Identity()) == pytest.approx(-np.log(4), abs=0.1)
    assert abs(shift_of(Sample([0.99] * 5000, [0] * 5000), Identity())) <= FARTHEST


def test_rows_without_a_segment_belong_to_none() -> None:
    now = Sample([0.6, 0.9] * 60, [0, 1, 1, 1] * 30, None, [None, "a"] * 60)
    assert set(refit(now, None, served=Identity(), change=Change.first()).segments) <= {"a"}
    assert now.plus(Sample([0.5], [1])).segments[-1] is None
    with pytest.raises(InvalidInput, match="one segment"):
        Sample([0.5, 0.6], [1, 0], None, ["a"])
