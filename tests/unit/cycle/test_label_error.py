"""Wrong labels hide a rise, and make one: the verdict takes both into account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from window_values import sample, window_data

from calib.cycle.label_error import NO_LABEL_ERROR, LabelError
from calib.cycle.verdict import decide_change
from calib.measure import Change
from calib.policy import above_limit
from calib.results.measured import Measured
from calib.results.response import LabelErrorResult
from calib.wording.label_error import label_error_sentences


def pairs(differ: int, n: int) -> list[tuple[str, str]]:
    return [("correct", "incorrect")] * differ + [("correct", "correct")] * (n - differ)


def design() -> Any:
    return window_data("2026-01", **sample("2026-01")).design


def test_labels_show_a_rise_only_to_the_share_of_them_that_is_right() -> None:
    """An error of 5% in labels leaves nine tenths of a change of the accuracy."""
    error = LabelError.of(pairs(95, 1000), [], design())
    assert error.now == pytest.approx(0.05, abs=1e-3)
    assert error.shown == pytest.approx(0.9, abs=2e-3)
    assert (error.before, error.alone, error.rose) == (None, None, False)
    change = replace(Change.first(), minimum_detectable_rise=0.045)
    assert error.seen_through(change).minimum_detectable_rise == pytest.approx(0.05, abs=2e-4)
    assert error.seen_through(Change.first()) == Change.first()
    assert LabelError.of(pairs(9, 10), [], design()).shown == 0.2  # coins: the rest of it is kept finite


def test_nobody_who_looks_twice_changes_nothing() -> None:
    error = LabelError.of([("unsure", "correct")], [], design())
    assert error == NO_LABEL_ERROR
    assert error.result(Change.first()) is None


def test_a_rise_that_worse_labels_make_is_said() -> None:
    degraded = replace(Change.first(), state="degraded", rise=0.06, low=0.03, high=0.09)
    worse = LabelError.of(pairs(20, 100), pairs(2, 200), design())
    assert worse.rose
    assert worse.alone is not None
    assert worse.alone > 0.03
    told = worse.result(degraded)
    assert told is not None
    assert told.explains
    assert "That alone makes the ECE rise" in label_error_sentences(told)[-1]
    for change in (replace(degraded, low=worse.alone + 0.001), replace(degraded, state="changed")):
        other = worse.result(change)
        assert other is not None
        assert not other.explains
    as_before = LabelError.of(pairs(20, 100), pairs(20, 100), design()).result(degraded)
    assert as_before is not None
    assert not as_before.explains
    assert len(label_error_sentences(as_before)) == 1


def test_labels_without_an_error_need_no_words() -> None:
    error = LabelErrorResult(now=0.0, before=0.0, shown=1.0, alone=0.0, explains=False)
    assert label_error_sentences(error) == []


def test_stable_is_said_of_the_true_rise_and_not_of_the_one_that_labels_show() -> None:
    """The same labels: proven stable where they are right, not where two people in five differ."""
    before = window_data("2026-01", **sample("2026-01", n=6_000))
    data = window_data("2026-02", **sample("2026-02", n=6_000), earlier=[before])
    right, wrong = (
        decide_change(replace(data, answered_twice=twice)) for twice in (pairs(0, 100), pairs(40, 100))
    )
    assert right.stream.change.state == "stable"
    assert wrong.stream.change.state == "no_change_seen"
    seen, hidden = (decision.stream.change.minimum_detectable_rise for decision in (right, wrong))
    assert seen is not None
    assert hidden is not None
    assert hidden > seen
    result = wrong.result().label_error
    assert result is not None
    assert result.shown == pytest.approx(0.447, abs=1e-3)


def test_a_limit_leaves_out_what_the_labels_own_errors_make() -> None:
    served = Measured(ece=0.12, low=0.06, high=0.18)
    limits = {"max_ece": 0.1, "max_rise": 0.03}
    assert above_limit(served, **limits)
    assert above_limit(served, **limits, floor=0.019)
    assert not above_limit(served, **limits, floor=0.021)
    assert not above_limit(replace(served, low=0.04), **limits, floor=0.011)
