"""Instructions of alerts about a verdict work: what is mended, undone, withdrawn, and told in the thread."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from on_call import OnCall, fell, fill_in, label, months_then

from calib.alerts.message import message
from calib.cycle import refitting
from calib.reasons import Reason
from calib.testing.slack import TOKEN, FakeSlack

pytestmark = pytest.mark.slow


def test_a_degradation_that_is_mended_and_can_be_undone(desk: OnCall) -> None:
    desk.settings("threshold = 0.9")
    months_then(desk, fell(0.45))
    said = message(desk.payload("degraded"))
    assert "Already mended" in said.tonight
    new = desk.head()
    done = desk.follow("degraded")
    listed = next(ran.out for line, ran in done.items() if line.startswith("mapping list"))
    assert new.mapping[:12] in listed
    assert desk.head().generation == new.generation + 1
    assert desk.head().mapping != new.mapping  # rolled back, as the last of the commands says


def no_form_is_better(patch: pytest.MonkeyPatch) -> None:
    """Let the months that follow be such in which no form of mapping is better than what is served."""
    fit = refitting.refit

    def refit(*arguments: Any, **how: Any) -> Any:
        why = Reason("refit_no_better_than_served", {})
        return replace(fit(*arguments, **how), published=False, why=why)

    patch.setattr(refitting, "refit", refit)


def test_a_first_mapping_is_undone_by_withdrawing_it(desk: OnCall, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.months("2026-01", "2026-02", "2026-03")
    desk.months("2026-04", accuracy=fell(0.45))
    with monkeypatch.context() as patch:
        no_form_is_better(patch)
        desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-03")
    desk.calib("run", "triage", "--period", "2026-04")
    assert desk.head().generation == 1
    desk.follow("degraded")
    assert desk.head().withdrawn


def test_what_acts_wrongly_and_cannot_be_mended_is_stopped(
    desk: OnCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.settings("threshold = 0.5", labels=300)
    desk.months("2026-01", "2026-02")
    desk.months("2026-03", accuracy=fell(0.5))
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02")
    with monkeypatch.context() as patch:
        no_form_is_better(patch)
        desk.calib("run", "triage", "--period", "2026-03")
    said = message(desk.payload("degraded"))
    assert said.acts_wrongly
    assert re.fullmatch(
        r"Acts wrongly now: .* pass your threshold 0\.50, and .* of them are right\.", said.tonight
    )
    desk.follow("refit_vetoed")
    assert not desk.head().withdrawn
    desk.follow("degraded")
    assert desk.head().withdrawn
    assert "wrong in 2026-03" in desk.head().reason


def test_after_a_withdrawal_the_new_mapping_is_promoted(desk: OnCall) -> None:
    desk.months("2026-01", "2026-02", "2026-03")
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-03")
    desk.calib("mapping", "withdraw", "triage", "--reason", "to look at it")
    desk.months("2026-04", accuracy=fell(0.45))
    desk.calib("run", "triage", "--period", "2026-04")
    said = message(desk.payload("degraded"))
    assert "act on nothing" in said.tonight
    desk.follow("degraded")
    assert not desk.head().withdrawn
    assert desk.head().mapping.startswith(desk.payload("degraded")["facts"]["refit"]["mapping"])


def test_a_recovery_and_what_a_person_did_are_told_in_the_thread(
    desk: OnCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeSlack() as slack:
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("CALIB_SLACK__BASE_URL", slack.url)
        monkeypatch.setattr("calib.outbox.slack.SlackPlace.pace", 0.0)
        desk.settings(labels=300)
        months_then(desk, fell(0.45))
        (root,) = [m for m in slack.messages if "confidence got worse" in m["text"]]
        assert [picture["thread_ts"] for picture in slack.pictures] == [root["ts"]]
        assert "Reliability diagram of triage in 2026-04" in slack.pictures[0]["alt_txt"]
        assert slack.pictures[0]["png"].startswith(b"\x89PNG")
        desk.calib("mapping", "rollback", "triage", "--reason", "to look at the labels")
        desk.calib(
            "mapping", "promote", "triage", str(desk.payload("degraded")["facts"]["refit"]["mapping"])[:12]
        )
        desk.calib("relay")
        notes = [m["text"] for m in slack.messages if m["thread_ts"] == root["ts"]]
        assert any("rolled production back to the mapping" in text for text in notes)
        assert any("promoted the mapping" in text for text in notes)
        desk.months("2026-05", accuracy=fell(0.45))
        desk.calib("run", "triage", "--period", "2026-05")
        assert desk.payload("recovered")
        last = slack.messages[-1]
        assert "confidence is right again" in last["text"]
        assert last["thread_ts"] == root["ts"]
        desk.follow("recovered")


def test_an_early_warning_is_followed_by_its_verdict(desk: OnCall) -> None:
    desk.settings(review='review = { kind = "files" }', labels=200)
    desk.at(datetime(2026, 2, 3, tzinfo=UTC))
    desk.calib("sample", "triage")
    label(desk, "first.csv", rows=200)
    desk.calib("evaluate", "triage")
    assert desk.state("2026-01") == "closed"
    desk.at(datetime(2026, 3, 3, tzinfo=UTC))
    desk.calib("sample", "triage")
    label(desk, "second.csv", rows=120, wrong_in=1)
    desk.calib("evaluate", "triage")
    assert desk.state("2026-02") == "in_review"
    assert Path("todo.csv").exists() is False
    desk.follow("early_warning")
    assert len(Path("todo.csv").read_text().splitlines()) == 1 + 80
    fill_in(Path("todo.csv"), rows=80)
    desk.calib("labels", "import", "todo.csv", "--stream", "triage")
    desk.calib("evaluate", "triage")
    assert desk.state("2026-02") == "closed"
    assert "is confirmed by this verdict" in message(desk.payload("degraded")).text
