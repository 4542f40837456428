"""Which findings people are told of, and which months stay silent."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from alert_results import QUIET, mix, result

from calib.alerts import Alert, Previous, early_warning, rejected_share, window_alerts
from calib.alerts.message import message
from calib.results import Measured, WindowResult
from calib.results.window import ChangeResult, EarlyResult, SegmentResult


def kinds(found: WindowResult, *, previous: Previous = QUIET) -> list[str]:
    return [alert.kind for alert in window_alerts(found, previous=previous, max_rise=0.03)]


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
    assert kinds(
        empty, previous=Previous(degradation_open=True, degraded_mappings=(None,), rejected_share=None)
    ) == ["insufficient_labels"]


OPEN = Previous(degradation_open=True, degraded_mappings=("old",), rejected_share=0.0)


def test_a_recovery_is_told_once_the_new_mapping_serves_it_all_and_is_true() -> None:
    mended = result("no_change_seen", served_ece=0.02, mappings=("new",))
    assert kinds(mended, previous=OPEN) == ["recovered"]
    assert kinds(mended) == []  # nothing was broken


@pytest.mark.parametrize(
    "not_yet",
    [
        result("degraded", served_ece=0.02, mappings=("new",)),
        result("no_change_seen", served_ece=0.031, mappings=("new",)),
        result("no_change_seen", served_ece=0.02, mappings=("old", "new")),
        result("no_change_seen", served_ece=0.02, mappings=(None, "new")),
        result("no_change_seen", served_ece=None, mappings=("new",)),
        result(None, window="insufficient", served_ece=0.02, mappings=("new",)),
    ],
)
def test_no_recovery_is_told_before(not_yet: WindowResult) -> None:
    assert "recovered" not in kinds(not_yet, previous=OPEN)


@pytest.mark.parametrize(
    ("rejected", "before", "told"),
    [(50, 0.0, False), (60, 0.0, True), (60, None, True), (60, 0.03, False), (100, 0.03, True)],
)
def test_rejects_are_told_beyond_five_percent_and_three_times_the_usual(
    rejected: int, before: float | None, told: bool
) -> None:
    found = result("stable", rejected={"nan": rejected - 5, "range": 5}, population=1000 - rejected)
    previous = Previous(degradation_open=False, degraded_mappings=(), rejected_share=before)
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


def test_a_segment_that_degraded_is_told_by_name_and_holds_a_recovery_up_no_less() -> None:
    parts = {"refunds": segment(ChangeResult(state="degraded")), "billing": segment(None)}
    found = result("no_change_seen", segments=parts)
    (alert,) = window_alerts(found, previous=QUIET, max_rise=0.03)
    assert alert.kind == "degraded"
    assert [part["name"] for part in alert.facts["segments"]] == ["refunds"]
    served = result("stable", served_ece=0.0, mappings=("new",)).served
    assert "recovered" not in kinds(replace(found, served=served), previous=OPEN)


def test_an_underpowered_window_is_told_when_it_begins_and_not_every_month() -> None:
    for detectable, told in ((0.151, True), (None, True), (0.15, False)):
        quiet = result("no_change_seen")
        found = replace(quiet, change=replace(quiet.change, minimum_detectable_rise=detectable))
        assert ("cannot_see" in kinds(found)) is told
        already = replace(QUIET, underpowered=True)
        assert kinds(found, previous=already) == []


def test_another_mix_of_scores_and_another_scope_are_told() -> None:
    assert kinds(result("stable", score_mix=mix(notable=True))) == ["score_mix"]
    before = Previous(degradation_open=False, degraded_mappings=(), rejected_share=0.0, scope={"model": "a"})
    for scope, told in (({"model": "b"}, ["scope_changed"]), ({"model": "a"}, []), (None, [])):
        alerts = window_alerts(result("first"), previous=before, max_rise=0.03, scope=scope)
        assert [alert.kind for alert in alerts] == told


def test_an_early_warning_says_how_strong_the_evidence_is() -> None:
    early = EarlyResult(labels=143, e_value=5120.4, needed=120.0, alarm=True)
    alert = early_warning("triage", "2026-10", early)
    assert alert.kind == "early_warning"
    said = message(asdict(alert)).text
    assert "After 143 labels" in said
    assert "5,120 to 1, and the alarm is at 120 to 1" in said
