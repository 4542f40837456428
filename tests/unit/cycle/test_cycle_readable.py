"""A limit of what cannot be read stands before every verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from alert_results import QUIET
from window_values import sample, window_data

from calib.alerts import window_alerts
from calib.alerts.episodes import Turn
from calib.alerts.message import message
from calib.cycle.data import WindowData
from calib.cycle.evaluation import Evaluation, evaluate
from calib.cycle.stream import StreamPolicy
from calib.reasons import UNREADABLE

SOUND = {"out_of_scope": 9000, "missing": 900, "duplicate": 100, "bad_timestamp": 4000, "cut_line": 1}


def window(rejected: dict[str, int], seen: dict[str, Any] | None = None, **policy: Any) -> WindowData:
    """A window of 300 labels and 1,500 rows that count, beside those of `rejected`."""
    data = window_data("2026-01", **sample("2026-01", 300), **policy)
    window = replace(data.window, rejected=rejected)
    return replace(data, window=window, design=replace(data.design, **(seen or {})))


def code(found: Evaluation) -> str | None:
    return None if found.insufficient is None else found.insufficient.code


@pytest.mark.parametrize("kind", ["not_a_number", "out_of_range", "missing_id"])
def test_unreadable_rows_decide_beyond_the_limit(kind: str) -> None:
    at_most = 78  # of 1,578 rows 4.9%
    assert code(evaluate(window({kind: at_most}))) is None
    found = evaluate(window({kind: 80}))
    assert code(found) == "too_many_rejected"
    assert found.insufficient is not None
    assert found.insufficient.facts["unreadable"] == 80
    assert (found.proposal.mapping, found.proposal.renew, found.confirmed_change) == (None, False, False)
    assert found.result.raw.ece is None  # no number that nobody should rest on
    assert code(evaluate(window({kind: 80}, max_rejected=0.1))) is None


def test_other_rejects_stop_nothing_and_do_not_dilute() -> None:
    assert code(evaluate(window(SOUND))) is None
    # 1,500, 900 missing, 100 doubled and 130 are in scope; rows of other scopes and of no period are not
    assert code(evaluate(window(SOUND | {"out_of_range": 130}))) is None
    assert code(evaluate(window(SOUND | {"out_of_range": 132}))) == "too_many_rejected"


@pytest.mark.parametrize(
    ("scale", "seen", "why"),
    [
        (1.0, {"greatest": 0.004, "unscaled": 0}, None),
        (100.0, {"greatest": 1.0, "unscaled": 20}, None),
        (100.0, {"greatest": 0.01, "unscaled": 1400}, "scale_not_reached"),
        (100.0, {"greatest": 1.0, "unscaled": 74}, None),
        (100.0, {"greatest": 1.0, "unscaled": 76}, "scale_of_a_part"),
        (10.0, {"greatest": 1.0, "unscaled": 299}, None),  # a fifth of all tenths lies there by itself
        (10.0, {"greatest": 1.0, "unscaled": 301}, "scale_of_a_part"),
    ],
)
def test_a_scale_that_is_not_meant_is_refused(scale: float, seen: dict[str, Any], why: str | None) -> None:
    assert code(evaluate(window({}, seen, scale=scale))) == why


def test_a_window_of_an_older_version_has_no_limit() -> None:
    data = window({"out_of_range": 800})
    stored = {k: v for k, v in data.policy.to_json().items() if k not in ("max_rejected", "scale")}
    assert code(evaluate(replace(data, policy=StreamPolicy.from_json(stored)))) is None


def outcomes(unknown: int, *, correct: float | None = None) -> Evaluation:
    values = sample("2026-01", 300)
    answers = np.where(np.arange(300) < unknown, np.nan, values["correct"] if correct is None else correct)
    data = window_data("2026-01", values["raw"], answers, outcomes=True)
    return evaluate(replace(data, window=replace(data.window, rejected={"not_an_answer": unknown})))


def test_outcomes_in_unknown_words_do_not_decide_by_leaving() -> None:
    assert code(outcomes(15)) is None
    assert outcomes(15).result.outcomes.not_an_answer == 15
    assert outcomes(15).result.rejected == {}  # they are among the population
    assert code(outcomes(16)) == "unknown_outcomes"
    assert code(outcomes(1, correct=1.0)) == "one_class_beside_unknown"
    assert code(outcomes(0, correct=1.0)) is None


@pytest.mark.parametrize("reason", UNREADABLE)
def test_the_alert_says_why_and_what_to_do(reason: str) -> None:
    cases = {
        "too_many_rejected": window(
            {"out_of_range": 900}, {"looks": {"out_of_range": "numbers from 5 to 100"}}
        ),
        "scale_not_reached": window({}, {"greatest": 0.01}, scale=100.0),
        "scale_of_a_part": window({}, {"greatest": 1.0, "unscaled": 700}, scale=100.0),
    }
    found = outcomes(40) if reason == "unknown_outcomes" else outcomes(2, correct=0.0)
    found = evaluate(cases[reason]) if reason in cases else found
    result = replace(found.result, state="insufficient")
    (alert,) = window_alerts(result, previous=QUIET, turn=Turn())
    assert (alert.kind, alert.severity, result.refit.reason_code) == ("cannot_see", "bad", reason)
    payload = {key: getattr(alert, key) for key in ("kind", "stream", "period", "severity", "facts")}
    said = message(payload).text
    assert result.refit.reason.lower() in said.lower()
    assert "`calib check`" in said
    if reason == "too_many_rejected":
        assert (
            "900 of 2,400 rows cannot be read, 900 out of range (out of range: numbers from 5 to 100)" in said
        )


def test_out_of_scope_rows_are_no_alert_and_unknown_outcomes_are_one() -> None:
    def kinds(found: Evaluation) -> list[str]:
        result = replace(found.result, state="closed")
        return [alert.kind for alert in window_alerts(result, previous=QUIET, turn=Turn())]

    assert kinds(evaluate(window({"out_of_scope": 5000}))) == []
    assert kinds(evaluate(window({"bad_timestamp": 500}))) == ["rejects_up"]
    assert kinds(evaluate(window({"missing": 500}))) == ["rejects_up"]
    some = outcomes(15).result
    result = replace(some, outcomes=replace(some.outcomes, not_an_answer=16), state="closed")
    (alert,) = window_alerts(result, previous=QUIET, turn=Turn())
    payload = {key: getattr(alert, key) for key in ("kind", "stream", "period", "severity", "facts")}
    assert "16 drawn rows have an outcome that says neither right nor wrong" in message(payload).text
