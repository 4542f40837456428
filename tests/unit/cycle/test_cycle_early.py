"""The early watch on values: in the order of the draw, no more labels than fitted the mapping, tolerant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from window_values import sample, window_data

from calib.cycle.data import WindowData
from calib.cycle.early import early_watch, in_order, tolerances
from calib.format import Mapping, PiecewiseLinear

CURVE = PiecewiseLinear(x=(0.0, 0.12, 1.0), y=(0.001, 0.002, 0.88))  # what such a model is right


def mapping(labels: int = 300, **evidence: Any) -> Mapping:
    return Mapping(
        stream="triage",
        method="isotonic",
        default=CURVE,
        created_at="2026-01-01T00:00:00Z",
        evidence={"labels": labels, "periods": [], **evidence},
    )


def served(down: float, *, n: int = 250, labels: int = 300, **more: Any) -> WindowData:
    """A window that the mapping served, whose accuracy lies `down` below what is stated."""
    rows = sample("2026-03", n, accuracy=lambda raw: raw - down)
    return window_data("2026-03", **rows, served_by=mapping(labels), **more)


@pytest.mark.parametrize(("down", "alarm"), [(0.5, True), (0.12, False)])
def test_a_fall_is_heard_and_health_is_not(down: float, alarm: bool) -> None:
    found = early_watch(served(down))
    assert found is not None
    assert found.alarm is alarm
    assert found.labels == 250


def test_the_alarm_needs_the_evidence_that_a_fifth_of_alpha_buys() -> None:
    found = early_watch(served(0.12, false_alarms_per_year=0.6))
    assert found is not None
    assert found.needed == pytest.approx(1 / (0.6 / 12 * 0.2))


def test_no_more_labels_count_than_fitted_the_mapping() -> None:
    for labels in (0, 40, 249):
        found = early_watch(served(0.5, labels=labels))
        assert found is not None
        assert found.labels == labels


def test_no_label_counts_past_a_row_that_nobody_has_answered() -> None:
    data = served(0.5)
    seventh = in_order(data.cohort)[7]
    answered = data.cohort.answered.copy()
    answered[seventh] = False
    found = early_watch(replace(data, cohort=replace(data.cohort, answered=answered)))
    assert found is not None
    assert found.labels == 7


def test_an_unsure_answer_holds_nothing_up_and_counts_for_nothing() -> None:
    data = served(0.5)
    correct = data.cohort.correct.copy()
    correct[in_order(data.cohort)[:9]] = np.nan
    found = early_watch(replace(data, cohort=replace(data.cohort, correct=correct)))
    assert found is not None
    assert found.labels == 241


def test_there_is_none_for_outcomes_and_where_no_mapping_served() -> None:
    assert early_watch(served(0.5, outcomes=True)) is None
    assert early_watch(window_data("2026-03", **sample("2026-03"))) is None


def test_the_tolerance_is_half_a_standard_error_of_the_mappings_fit() -> None:
    data = served(0.12, labels=100)
    (digest,) = data.mappings
    group = data.design.groups[-1]
    fitted = window_data("2026-02", [1.0] * 64 + [0.5] * 36, [1.0] * 100).sample
    found = tolerances(data.design, data.mappings, {digest: [fitted]})
    error = (group.mean * (1 - group.mean) / 64) ** 0.5
    assert found[group.stratum, digest] == pytest.approx(0.5 * error)
    unknown = tolerances(data.design, data.mappings, {})
    by_mass = 100 * data.design.mass[group.stratum]
    assert unknown[group.stratum, digest] == pytest.approx(0.5 * error * (64 / by_mass) ** 0.5)
