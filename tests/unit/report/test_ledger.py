"""The manager's ledger: what it cost, what was found, what the mappings changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from report_values import DIGESTS, month, months, window

from calib.report.ledger import ledger_of
from calib.results.pictures import Amount
from calib.review.pace import pace
from calib.wording.ledger import ledger_sentences


def test_the_ledger_of_a_year() -> None:
    found = ledger_of(months())
    assert (found.windows, found.labels, found.answers, found.changes, found.versions) == (
        12,
        6000,
        6000,
        1,
        2,
    )
    assert found.seconds_per_label == 8
    assert found.hours == pytest.approx(6000 * 8 / 3600)
    (change,) = found.found
    assert (change.period, change.state) == ("2026-07", "degraded")
    assert change.days_low == pytest.approx(14.26, abs=0.01)
    assert change.days_high == pytest.approx(14.26 + 31, abs=0.01)
    first, second = found.mappings
    assert (first.mapping, first.fitted_on, first.served_first) == (DIGESTS[0], "2025-11", "2025-12")
    assert (second.mapping, second.fitted_on, second.served_first) == (DIGESTS[1], "2026-07", "2026-08")
    assert first.before is not None
    assert first.after is not None
    assert first.after.accuracy > first.before.accuracy


def test_actions_avoided_are_the_mean_of_the_periods_that_a_mapping_served() -> None:
    """The first period was served raw. Independent samples: the interval shrinks with their number."""
    found = ledger_of(months())
    assert found.periods_compared == 11
    effects = [m.result.pictures.threshold.wrong_avoided for m in months()[1:]]
    assert found.wrong_avoided.value == pytest.approx(sum(e.value for e in effects) / 11)
    halves = [(e.high - e.low) / 2 for e in effects]
    half = (found.wrong_avoided.high - found.wrong_avoided.low) / 2
    assert half == pytest.approx(sum(h * h for h in halves) ** 0.5 / 11)
    assert half < min(halves)


def test_nothing_is_claimed_where_nothing_is_known() -> None:
    found = ledger_of([month(window(mapping=None), seconds=None, answers=0)])
    assert (found.wrong_avoided, found.seconds_per_label, found.hours, found.assumption) == (
        None,
        None,
        None,
        "",
    )
    text = " ".join(ledger_sentences(found))
    assert "is not known" in text
    assert "avoided" not in text
    assert ledger_of([]).windows == 0


def test_a_backfill_knows_no_delay() -> None:
    found = ledger_of([month(window(state="degraded"), replay=True)])
    assert (found.found[0].days_low, found.found[0].days_high) == (None, None)
    assert "after it happened" not in " ".join(ledger_sentences(found))


def test_the_sentences_state_the_interval_and_the_assumption() -> None:
    found = replace(ledger_of(months()), wrong_avoided=Amount(value=212.4, low=190.2, high=234.6))
    text = " ".join(ledger_sentences(found))
    assert "212 (190 to 235) wrong automatic actions were avoided" in text
    assert found.assumption in text
    assert "13.3 hours" in text


def test_a_break_is_no_work_and_answers_of_one_instant_were_not_given_one_by_one() -> None:
    start = datetime(2026, 11, 2, 9, tzinfo=UTC)
    ada = [start + timedelta(seconds=s) for s in (0, 5, 12, 4000, 4006)]
    at_once = [start] * 100
    found = pace([ada, at_once])
    assert (found.answers, found.seconds) == (105, 6)
    assert pace([at_once]).seconds is None
    assert pace([]).answers == 0
