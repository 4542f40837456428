"""Who answered, and what the answers that are missing do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from window_values import sample, window_data

from calib.cycle.data import WindowData
from calib.cycle.nonresponse import agreement, insufficient_because, response

NAN = float("nan")


def two_strata(first: tuple[int, int], second: tuple[int, int]) -> WindowData:
    """A window of two stated confidences: drawn and labelled rows of each; three in four are right."""
    raw: list[float] = []
    correct: list[float] = []
    for level, (drawn, labelled) in ((0.6, first), (0.9, second)):
        raw += [level] * drawn
        correct += [float(i % 4 > 0) for i in range(labelled)] + [NAN] * (drawn - labelled)
    return window_data("2026-01", raw, correct)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ((30, 25), (30, 25), None),
        ((30, 24), (30, 25), "too_few_labels"),
        ((50, 35), (50, 35), None),
        ((50, 35), (50, 34), "low_response"),
        ((20, 10), (100, 100), None),
        ((20, 9), (100, 100), "uneven_response"),
        ((9, 0), (100, 100), None),  # nine drawn rows say nothing of a stratum's response
    ],
)
def test_answers_carry_a_verdict_up_to_each_boundary(
    first: tuple[int, int], second: tuple[int, int], code: str | None
) -> None:
    why = insufficient_because(two_strata(first, second).cohort)
    assert (why.code if why is not None else None) == code


def test_a_reason_says_its_facts() -> None:
    why = insufficient_because(two_strata((30, 24), (30, 25)).cohort)
    assert why is not None
    assert why.sentence == "49 of the 60 drawn rows are labelled; a verdict needs 50"


def test_a_labelled_row_stands_for_those_of_its_stratum_that_nobody_answered() -> None:
    rows = two_strata((40, 20), (40, 40)).sample
    low, high = (rows.weights[rows.scores == level] for level in (0.6, 0.9))
    assert low / high[0] == pytest.approx(2.0)
    assert low.sum() == pytest.approx(high.sum())
    assert rows.weights.sum() == pytest.approx(60)


def test_missing_answers_bound_the_accuracy() -> None:
    found = response(*_response(two_strata((40, 20), (40, 40))))
    assert [part.answered for part in found.strata] == [20, 40]
    assert found.share == pytest.approx(60 / 80)
    assert found.accuracy_if_missing_wrong == pytest.approx((15 / 40 + 30 / 40) / 2)
    assert found.accuracy_if_missing_right == pytest.approx((35 / 40 + 30 / 40) / 2)


def _response(data: WindowData) -> Any:
    return data.cohort, data.design, data.answered_twice


def test_an_unsure_answer_is_an_answer_and_no_label() -> None:
    data = two_strata((30, 20), (30, 30))
    cohort = replace(data.cohort, answered=np.ones(60, dtype=bool))
    assert (cohort.unsure, int(cohort.labelled.sum()), cohort.complete) == (10, 50, True)


def test_agreement_gives_the_label_error_and_the_ece_that_it_alone_makes() -> None:
    design = window_data("2026-01", **sample("2026-01")).design
    error = 0.05
    differ = round(1000 * 2 * error * (1 - error))
    pairs = [("correct", "incorrect")] * differ + [("correct", "correct")] * (1000 - differ)
    found = agreement([*pairs, ("unsure", "correct")], design)
    assert found.rows == 1000
    assert found.label_error == pytest.approx(error, abs=1e-3)
    assert (found.label_error_low or 1) < error < (found.label_error_high or 0)
    served = design.served_mean
    through = error + (1 - 2 * error) * served  # what such labels make of a perfect mapping's accuracies
    assert found.ece_floor == pytest.approx(design.mass @ np.abs(through - served), abs=1e-3)
    assert agreement([], design).label_error is None
