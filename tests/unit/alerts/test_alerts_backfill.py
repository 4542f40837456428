"""What the alert that sums a backfill up counts, is known by, and says."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from alert_results import QUIET, result
from hypothesis import given
from hypothesis import strategies as st

from calib.alerts import window_alerts
from calib.alerts.backfill import backfill_done, backfill_id
from calib.alerts.backfill_words import OUTCOMES
from calib.alerts.episodes import Turn
from calib.alerts.message import message
from calib.results import WindowResult

DIGESTS = ["a1" * 32, "b2" * 32, "c3" * 32]


def month(number: int, state: Any = "stable", **how: Any) -> WindowResult:
    return result(state, period=f"2026-{number:02}", **how)


def publishing(made: WindowResult, mapping: str, **how: Any) -> WindowResult:
    return replace(made, refit=replace(made.refit, published=True, mapping=mapping, **how))


def without_verdict(number: int, why: str | None, **how: Any) -> WindowResult:
    made = month(number, None, window="insufficient", published=False, **how)
    return replace(made, refit=replace(made.refit, reason_code=why))


def silent(made: WindowResult) -> WindowResult:
    return replace(made, refit=replace(made.refit, published=False, mapping=None))


def year(channel: str) -> list[WindowResult]:
    return [
        publishing(month(1, "first", channel=channel), DIGESTS[0]),
        without_verdict(2, None, population=0),
        without_verdict(3, "too_few_labels"),
        without_verdict(4, "too_many_rejected", population=0),
        publishing(month(5, "degraded", channel=channel), DIGESTS[1]),
        silent(month(6, "changed", channel=channel)),
        silent(month(7, None, window="in_review", channel=channel)),
    ]


def told(results: list[WindowResult], channel: str) -> str:
    return message(asdict(backfill_done("triage", results, channel=channel))).text


def test_it_is_told_with_what_was_found_and_the_command_that_promotes() -> None:
    text = told(year("backfill-2026-01"), "backfill-2026-01")
    assert text.splitlines() == [
        "triage 2026-07: the backfill from 2026-01 is done. Nothing has to be done tonight.",
        "What happened: 7 periods from 2026-01 to 2026-07 went through the cycle. Evaluated: 3. Too few "
        "labels for a verdict: 1 (2026-03). No row: 1 (2026-02). Rows that cannot be read: 1 (2026-04). "
        "Waiting for labels: 1 (2026-07). Periods without a verdict raise no alerts of their own.",
        "How bad: A degradation was detected in 2026-05; each such period has an alert of its own. The "
        "accuracies changed in 2026-06 without a degradation.",
        "What was done: 2 mappings were published on backfill-2026-01, which nobody is served from. The "
        "newest is b2b2b2b2b2b2, of 2026-05.",
        "What to do now: If the newest mapping should replace what production serves now: `calib mapping "
        "promote triage b2b2b2b2b2b2`. The daily evaluation takes the periods that wait on as their labels "
        "come; `calib evaluate triage` does it at once. `calib check` shows what the traffic holds, and what "
        "of it cannot be read. Once the cause is mended, `calib window reopen triage 2026-04 --reason "
        '"the rows are correct now"` reads 2026-04 anew, and `calib evaluate triage` evaluates it; the same '
        "for the others. `calib history triage` shows every period with its verdict.",
    ]


def test_on_production_nothing_is_to_be_promoted() -> None:
    text = told(year("production"), "production")
    assert "published on production, which serves." in text
    assert "mapping promote" not in text


def test_an_older_mapping_is_not_offered_for_the_newer_one_that_serves() -> None:
    served = publishing(month(8, channel="production"), DIGESTS[2])
    text = told([*year("backfill-2026-01"), served], "backfill-2026-01")
    assert "mapping promote" not in text
    assert "The newest is c3c3c3c3c3c3, of 2026-08." in text


def test_a_mapping_that_waits_while_production_is_withdrawn_is_where_it_is() -> None:
    waits = publishing(month(1), DIGESTS[0], channel="candidate")
    text = told([waits], "production")
    assert "1 mapping was published on candidate, which nobody is served from." in text
    assert "mapping promote triage a1a1a1a1a1a1" in text


def test_a_mapping_that_lost_certificates_was_published() -> None:
    made = silent(month(1))
    upheld = replace(made.refit, upheld=True, certificates_dropped=2, mapping=DIGESTS[0])
    assert backfill_done("s", [replace(made, refit=upheld)], channel="x").facts["published"] == {
        "production": 1
    }


def test_without_any_verdict_no_change_is_denied() -> None:
    text = told([without_verdict(1, None, population=0)], "production")
    assert "nothing is known of changes" in text
    assert "No change was detected" not in text
    assert "No mapping was published." in text
    assert "No change was detected." in told([silent(month(1))], "production")


def test_it_is_known_by_stream_range_and_channel() -> None:
    pairs = [("2026-01", "2026-03"), ("2026-01", "2026-04"), ("2026-02", "2026-03")]
    ids = {
        backfill_id(stream, first, last, channel=channel)
        for first, last in pairs
        for channel in ("production", "backfill-2026-01")
        for stream in ("a", "b")
    }
    assert len(ids) == 12
    made = backfill_done("a", [month(1), month(2), month(3)], channel="production")
    assert made.id == backfill_id("a", "2026-01", "2026-03", channel="production")


KINDS_OF_MONTH = st.sampled_from(["evaluated", "too_few", "empty", "unreadable", "waiting"])


def month_of(outcome: str, number: int) -> WindowResult:
    if outcome == "evaluated":
        return month(number)
    if outcome == "waiting":
        return month(number, None, window="sampled")
    why = "scale_not_reached" if outcome == "unreadable" else None
    return without_verdict(number, why, population=0 if outcome == "empty" else 500)


@given(st.lists(KINDS_OF_MONTH, min_size=1, max_size=12))
def test_every_period_is_counted_once_and_a_long_list_is_cut(outcomes: list[str]) -> None:
    alert = backfill_done("s", [month_of(o, i + 1) for i, o in enumerate(outcomes)], channel="production")
    counted = alert.facts["outcomes"]
    assert {period: name for name, periods in counted.items() for period in periods} == {
        f"2026-{i + 1:02}": outcome for i, outcome in enumerate(outcomes)
    }
    assert sum(map(len, counted.values())) == len(outcomes)
    assert set(counted) <= set(OUTCOMES)
    assert (alert.severity == "warning") == ("unreadable" in outcomes)
    text = message(asdict(alert)).text
    for name, periods in counted.items():
        assert (f"and {len(periods) - 6} more" in text) or len(periods) <= 6 or name == "evaluated"


@pytest.mark.parametrize("why", [None, "too_many_rejected"])
def test_a_window_without_a_verdict_is_silent_where_it_is_summed_up_but_for_an_early_warning(
    why: str | None,
) -> None:
    made = without_verdict(1, why)
    kind = "insufficient_labels" if why is None else "cannot_see"

    def kinds(turn: Turn, *, summed_up: bool) -> list[str]:
        alerts = window_alerts(made, previous=QUIET, turn=turn, summed_up=summed_up)
        return [alert.kind for alert in alerts]

    assert kinds(Turn(), summed_up=False) == [kind]
    assert kinds(Turn(), summed_up=True) == []
    assert kinds(Turn(warning="still_open"), summed_up=True) == [kind]
    degraded = window_alerts(month(1, "degraded"), previous=QUIET, turn=Turn(), summed_up=True)
    assert [alert.kind for alert in degraded] == ["degraded"]
