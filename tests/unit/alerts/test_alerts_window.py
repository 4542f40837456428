"""Which findings people are told of, and which months stay silent."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from alert_results import QUIET, mix, result

from calib.alerts import Alert, Previous, early_warning, rejected_share, window_alerts
from calib.alerts.episodes import Turn
from calib.alerts.message import message
from calib.results import Measured, WindowResult
from calib.results.window import CertificateKept, ChangeResult, EarlyResult, SegmentResult

NOTHING = Turn()


def kinds(found: WindowResult, *, previous: Previous = QUIET, turn: Turn = NOTHING) -> list[str]:
    return [alert.kind for alert in window_alerts(found, previous=previous, turn=turn)]


@pytest.mark.parametrize("state", ["first", "stable", "no_change_seen"])
@pytest.mark.parametrize("published", [True, False])
def test_a_healthy_month_is_silent_whether_the_mapping_is_upheld_or_not(state: str, published: bool) -> None:
    assert kinds(result(state, published=published)) == []


def test_a_change_that_did_not_hurt_is_silent_where_a_refit_answered_it() -> None:
    assert kinds(result("changed")) == []
    assert kinds(result("changed", published=False)) == ["refit_vetoed"]


def test_a_degradation_is_told_and_so_is_the_veto() -> None:
    assert kinds(result("degraded")) == ["degraded"]
    assert kinds(result("degraded", published=False)) == ["degraded", "refit_vetoed"]


def test_a_month_without_enough_labels_is_told_even_with_no_row_at_all() -> None:
    assert kinds(result(None, window="insufficient")) == ["insufficient_labels"]
    empty = result(None, window="insufficient", served_ece=None, mappings=(), population=0)
    assert kinds(empty, previous=Previous(rejected_share=None)) == ["insufficient_labels"]


@pytest.mark.parametrize(
    ("rejected", "before", "told"),
    [(50, 0.0, False), (60, 0.0, True), (60, None, True), (60, 0.03, False), (100, 0.03, True)],
)
def test_rejects_are_told_beyond_five_percent_and_three_times_the_usual(
    rejected: int, before: float | None, told: bool
) -> None:
    found = result("stable", rejected={"nan": rejected - 5, "range": 5}, population=1000 - rejected)
    previous = Previous(rejected_share=before)
    assert kinds(found, previous=previous) == (["rejects_up"] if told else [])


def test_the_rejected_share_of_nothing_is_unknown() -> None:
    assert rejected_share(result(None, rejected={}, population=0)) is None
    assert rejected_share(result(None, rejected={"nan": 3}, population=0)) == 1.0


def test_the_same_finding_has_the_same_id_and_others_have_others() -> None:
    def alert(kind: str = "degraded", stream: str = "a", period: str = "2026-10", **facts: Any) -> Alert:
        return Alert(kind=kind, stream=stream, period=period, severity="bad", facts=facts)

    assert alert().id == alert(what="else").id == "eecf2aaf-08ec-58c5-928d-07e7df9a10e3"  # in every version
    others = {alert().id, alert("recovered").id, alert(stream="b").id, alert(period="2026-11").id}
    assert len(others) == 4


def segment(change: ChangeResult | None) -> SegmentResult:
    return SegmentResult(
        population=1000, labels=100, raw=Measured(), served=Measured(), change=change, gap_pooled=None
    )


def test_a_segment_that_degraded_is_told_by_name() -> None:
    parts = {"refunds": segment(ChangeResult(state="degraded")), "billing": segment(None)}
    found = result("no_change_seen", segments=parts)
    (alert,) = window_alerts(found, previous=QUIET, turn=Turn(recovered=True))
    assert alert.kind == "degraded"
    assert [part["name"] for part in alert.facts["segments"]] == ["refunds"]


def test_an_underpowered_window_is_told_when_it_begins_and_not_every_month() -> None:
    for detectable, told in ((0.151, True), (None, True), (0.15, False)):
        quiet = result("no_change_seen")
        found = replace(quiet, change=replace(quiet.change, minimum_detectable_rise=detectable))
        assert ("cannot_see" in kinds(found)) is told
        already = replace(QUIET, underpowered=True)
        assert kinds(found, previous=already) == []


def test_another_mix_of_scores_and_another_scope_are_told() -> None:
    assert kinds(result("stable", score_mix=mix(notable=True))) == ["score_mix"]
    before = Previous(rejected_share=0.0, scope={"model": "a"})
    for scope, told in (({"model": "b"}, ["scope_changed"]), ({"model": "a"}, []), (None, [])):
        alerts = window_alerts(result("first"), previous=before, turn=Turn(), scope=scope)
        assert [alert.kind for alert in alerts] == told
        said = [message(asdict(alert)).text for alert in alerts]  # the window is closed: nothing waits in it
        assert not any("calib labels export" in text for text in said)


def test_an_early_warning_says_how_strong_the_evidence_is() -> None:
    early = EarlyResult(labels=143, e_value=5120.4, needed=120.0, alarm=True)
    alert = early_warning("triage", "2026-10", early)
    assert alert.kind == "early_warning"
    said = message(asdict(alert)).text
    assert "After 143 labels" in said
    assert "more than 1,000 to 1; the alarm is at 120 to 1" in said
    said = message(asdict(early_warning("triage", "2026-10", replace(early, e_value=143.4)))).text
    assert "The evidence against it is 143 to 1" in said


def test_the_end_of_an_episode_is_told_once_whatever_ended_it() -> None:
    quiet = result("stable")
    assert kinds(quiet, turn=Turn(recovered=True)) == ["recovered"]
    assert kinds(quiet, turn=Turn(warning="not_confirmed")) == ["recovered"]
    assert kinds(quiet, turn=Turn(recovered=True, warning="not_confirmed")) == ["recovered"]
    assert kinds(result("degraded"), turn=Turn(warning="not_confirmed")) == ["degraded"]


def test_a_warning_that_stays_open_is_told_why() -> None:
    turn = Turn(warning="still_open", warned_in="2026-09", current="episode")
    insufficient = result(None, window="insufficient")
    for found, kind in ((insufficient, "insufficient_labels"), (result("first"), "cannot_see")):
        (alert,) = window_alerts(found, previous=QUIET, turn=turn)
        assert (alert.kind, alert.episode) == (kind, "episode")
        assert "The early warning of 2026-09 is still open" in message(asdict(alert)).text
    assert "no baseline" in message(asdict(alert)).text


def test_what_became_of_a_warning_is_said_in_the_verdict_s_alert() -> None:
    (alert,) = window_alerts(
        result("degraded"), previous=QUIET, turn=Turn(warning="confirmed", warned_in="2026-10", current="e")
    )
    assert "early warning of 2026-10 is confirmed" in message(asdict(alert)).text
    turn = Turn(warning="not_confirmed", warned_in="2026-10", current="e")
    (alert,) = window_alerts(result("stable"), previous=QUIET, turn=turn)
    said = message(asdict(alert)).text
    assert said.startswith("triage 2026-10: the early warning is not confirmed. Nothing")
    assert "the change test says stable, p < 0.001" in said
    both = replace(turn, recovered=True)
    (alert,) = window_alerts(result("stable"), previous=QUIET, turn=both)
    assert message(asdict(alert)).text.startswith("triage 2026-10: confidence is right again. Nothing")


def kept(verdict: Any, *, target: float = 0.9) -> CertificateKept:
    return CertificateKept(
        target=target, cut=0.95, from_="2026-09", accuracy=0.72, low=0.65, high=0.78, share=0.41, kept=verdict
    )


def test_a_broken_certificate_is_told_with_what_it_promised_and_what_was_done() -> None:
    quiet = result("no_change_seen", published=False, certificates_kept=(kept("yes"), kept("unknown")))
    assert kinds(quiet) == []
    found = replace(quiet, certificates_kept=(kept("no"), kept("unknown", target=0.85)))
    (alert,) = window_alerts(found, previous=QUIET, turn=Turn(current="e"))
    assert (alert.kind, alert.severity, alert.episode) == ("certificate_broken", "bad", "e")
    said = message(asdict(alert)).text
    assert "At and above 0.95, 90.0% were proven to be right (by 2026-09)" in said
    assert "72.0% are (65.0% to 78.0%); 41.0% of all predictions lie there" in said
    assert "85.0%" not in said
    assert "Nothing was published" in said
    assert "`calib routes triage`" in said
    dropped = replace(found, refit=replace(found.refit, upheld=True, certificates_dropped=1))
    (alert,) = window_alerts(dropped, previous=QUIET, turn=Turn())
    assert "is published anew without what is broken" in message(asdict(alert)).text
    (alert,) = window_alerts(
        replace(result("stable"), certificates_kept=(kept("no"),)), previous=QUIET, turn=Turn()
    )
    assert "Its certificates rest on this period's labels" in message(asdict(alert)).text
