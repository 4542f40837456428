"""Every instruction works: each kind of alert is raised in its real situation, and its commands are run.

The commands are taken out of the text of the alert and run as they stand. Then the situation has ended, or
the information that was promised is there.
"""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import World
from in_process import Ran, run_calib
from sqlalchemy import select
from stream_life import quick_fits

from calib.alerts.kinds import KINDS
from calib.alerts.message import message
from calib.cycle import refitting
from calib.db import tables
from calib.reasons import Reason
from calib.store import Entry, head
from calib.testing.slack import TOKEN, FakeSlack

OUTCOMES = 'review = { kind = "outcomes", column = "correct" }'
NOW = datetime(2026, 6, 3, 6, tzinfo=UTC)
pytestmark = pytest.mark.slow


def fell(by: float) -> Callable[[Any], Any]:
    return lambda stated: stated - by


class OnCall:
    """Whoever gets the alerts, in the folder of the deployment."""

    def __init__(self, world: World, run: Callable[..., Ran], clock: dict[str, datetime]) -> None:
        self.world, self._run, self._clock = world, run, clock
        self.settings()

    def settings(self, stream: str = "", *, review: str = OUTCOMES, labels: int = 120, **how: Any) -> None:
        self.world.settings(stream, review=review, **how)
        text = self.world.config.read_text().replace("labels = 300", f"labels = {labels}")
        self.world.config.write_text(text)

    def at(self, now: datetime) -> None:
        self._clock["now"] = now

    def calib(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Ran:
        ran = self._run(*arguments)
        assert ran.code in codes, (arguments, ran)
        return ran

    def months(self, *names: str, **how: Any) -> None:
        for name in names:
            self.world.write(name, n=500, **how)

    def payload(self, kind: str) -> dict[str, Any]:
        """The newest alert of a kind that this deployment has raised."""
        opened = self.world.open()
        with opened.engine.connect() as conn:
            query = select(tables.outbox.c.payload).where(tables.outbox.c.kind == kind)
            found = conn.execute(query.order_by(tables.outbox.c.created_at.desc())).scalars().first()
            kinds = conn.execute(select(tables.outbox.c.kind)).scalars().all()
        opened.engine.dispose()
        assert found is not None, f"no {kind} among {kinds}"
        return dict(found)

    def follow(
        self, kind: str, *, codes: tuple[int, ...] = (0,), without: tuple[str, ...] = ()
    ) -> dict[str, Ran]:
        """Run the commands of an alert as they stand, one after the other; what each did.

        `without`: verbs that another test of the same alert runs, where one of two ways is taken.
        """
        commands = commands_in(message(self.payload(kind)).text)
        assert commands
        done = {}
        for words in commands:
            line = " ".join(words)
            if not any(line.startswith(verb) for verb in without):
                done[line] = self.calib(*words, codes=codes)
        return done

    def head(self) -> Entry:
        current = head(self.world.open().store, stream="triage", channel="production")
        assert current is not None
        return current

    def state(self, period: str) -> str:
        windows = self.calib("window", "list", "triage", "--json").json["windows"]
        return next(one["state"] for one in windows if one["period"] == period and one["standing"])

    def found(self) -> list[str]:
        return [
            one["kind"] for one in self.calib("watchdog", "triage", "--json", codes=(0, 1)).json["findings"]
        ]


def commands_in(text: str) -> list[list[str]]:
    """The commands of a message, each once, in their order."""
    found = dict.fromkeys(re.findall(r"`calib ([^`]+)`", text))
    return [shlex.split(command) for command in found]


@pytest.fixture
def desk(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> OnCall:
    from calib.app import App

    quick_fits(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALIB_CONFIG", str(world.config))
    clock = {"now": NOW}
    defaults: dict[str, Any] = App.open.__func__.__kwdefaults__  # type: ignore[attr-defined]
    monkeypatch.setitem(defaults, "now", lambda: clock["now"])
    monkeypatch.setattr("calib.app.utc_now", lambda: clock["now"])
    return OnCall(world, lambda *arguments: run_calib(monkeypatch, capsys, *arguments), clock)


def months_then(desk: OnCall, accuracy: Callable[[Any], Any], *, last: str = "2026-04") -> None:
    """Three healthy months and one that is not, watched one after the other."""
    desk.months("2026-01", "2026-02", "2026-03")
    desk.months(last, accuracy=accuracy)
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", last)


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


def label(desk: OnCall, sheet: str, *, rows: int, wrong_in: int = 3) -> None:
    """Let the stream's reviewers answer so many rows; every `wrong_in`-th prediction is wrong."""
    desk.calib("labels", "export", "triage", "--to", sheet)
    fill_in(Path(sheet), rows=rows, wrong_in=wrong_in)
    desk.calib("labels", "import", sheet, "--stream", "triage")


def outcomes_missing(desk: OnCall, period: str, table: pa.Table, *, share: float) -> Callable[[], None]:
    """Take the outcomes of a share of the rows away; a function that brings them back."""
    path = desk.world.folder / "traffic" / f"{period}.parquet"
    keep = np.random.default_rng(1).random(len(table)) >= share
    known = [int(v) if k else None for v, k in zip(table.column("correct").to_pylist(), keep, strict=True)]
    column = table.column_names.index("correct")
    pq.write_table(table.set_column(column, "correct", pa.array(known, pa.int8())), path)
    return lambda: pq.write_table(table, path)


def test_too_few_outcomes_are_looked_at_again_when_they_have_come(desk: OnCall) -> None:
    table = desk.world.write("2026-04", n=500)
    late = outcomes_missing(desk, "2026-04", table, share=0.8)
    desk.calib("run", "triage", "--period", "2026-04", codes=(3,))
    late()
    desk.follow("insufficient_labels")
    assert desk.state("2026-04") == "closed"


def test_a_period_without_a_row_is_read_again_when_rows_have_come(desk: OnCall) -> None:
    rows = desk.world.folder / "traffic" / "2026-04.parquet"
    rows.unlink()
    desk.at(datetime(2026, 5, 3, tzinfo=UTC))
    desk.calib("sample", "triage")
    desk.calib("evaluate", "triage")
    assert "no row arrived" in message(desk.payload("insufficient_labels")).title
    desk.months("2026-04")
    desk.follow("insufficient_labels")
    assert desk.state("2026-04") == "closed"


@pytest.mark.parametrize("cause", ["no rows", "no outcomes", "unreadable"])
def test_a_backfill_is_promoted_and_its_gap_is_read_again(desk: OnCall, cause: str) -> None:
    desk.months("2026-01", "2026-03")
    table = desk.world.write("2026-02", n=500)
    path = desk.world.folder / "traffic" / "2026-02.parquet"
    desk.calib("run", "triage", "--period", "2026-03")
    if cause == "no rows":
        path.unlink()
    elif cause == "no outcomes":
        outcomes_missing(desk, "2026-02", table, share=1.0)
    else:
        beyond = pa.array([70.0 if i % 2 else 0.5 for i in range(len(table))])
        column = table.column_names.index("raw_confidence")
        pq.write_table(table.set_column(column, "raw_confidence", beyond), path)
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02")
    newest = desk.payload("backfill_done")["facts"]["newest"]["mapping"]
    assert desk.head().mapping != newest
    assert desk.state("2026-02") == "insufficient"
    pq.write_table(table, path)
    done = desk.follow("backfill_done")
    assert desk.head().mapping == newest
    assert desk.state("2026-02") == "closed"
    assert "2026-02" in done["history triage"].out
    assert ("check" in done) == (cause != "no outcomes")


def test_a_backfill_whose_labels_come_later_is_evaluated(desk: OnCall) -> None:
    desk.settings(review='review = { kind = "files" }')
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-01")
    label(desk, "todo.csv", rows=120)
    desk.follow("backfill_done")
    assert desk.state("2026-01") == "closed"


def test_a_window_that_can_see_nothing_is_planned_anew(desk: OnCall) -> None:
    desk.settings(labels=60)
    desk.months("2026-01", "2026-02", "2026-03")
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-03")
    (ran,) = desk.follow("cannot_see").values()
    assert "labels" in ran.out


def test_rows_that_cannot_be_read_are_shown_and_read_again_once_they_are_right(desk: OnCall) -> None:
    table = desk.world.write("2026-05", n=500)
    path = desk.world.folder / "traffic" / "2026-05.parquet"
    broken = [
        float("nan") if i % 3 == 0 else v for i, v in enumerate(table.column("raw_confidence").to_pylist())
    ]
    column = table.column_names.index("raw_confidence")
    pq.write_table(table.set_column(column, "raw_confidence", pa.array(broken)), path)
    desk.calib("run", "triage", "--period", "2026-05", codes=(3,))
    shown = desk.follow("cannot_see", without=("window", "evaluate"), codes=(2,))["check"]
    assert "not a number" in shown.out.lower()
    assert "2026-05.parquet" in shown.out
    pq.write_table(table, path)
    desk.follow("cannot_see")
    assert desk.state("2026-05") == "closed"


def test_more_rejects_than_usual_are_shown_with_their_place(desk: OnCall) -> None:
    desk.settings("max_rejected = 0.5")
    table = desk.world.write("2026-05", n=500)
    path = desk.world.folder / "traffic" / "2026-05.parquet"
    broken = [7.5 if i % 9 == 0 else v for i, v in enumerate(table.column("raw_confidence").to_pylist())]
    column = table.column_names.index("raw_confidence")
    pq.write_table(table.set_column(column, "raw_confidence", pa.array(broken)), path)
    desk.calib("run", "triage", "--period", "2026-05")
    shown = desk.follow("rejects_up")["check"]
    assert "out of range" in shown.out
    assert "7.5" in shown.out


def test_another_mix_of_scores_is_shown(desk: OnCall) -> None:
    desk.months("2026-01", "2026-02", "2026-03")
    table = desk.world.write("2026-04", n=500)
    path = desk.world.folder / "traffic" / "2026-04.parquet"
    stated = np.array(table.column("raw_confidence").to_pylist())
    keep = (stated >= 0.9) | (np.arange(len(stated)) % 4 == 0)
    pq.write_table(table.filter(pa.array(keep)), path)
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-04")
    (ran,) = desk.follow("score_mix").values()
    assert "moved to another stated confidence" in " ".join(ran.out.split())


def test_another_scope_is_told_and_what_is_served_is_shown(desk: OnCall) -> None:
    desk.settings('scope = { model = "a" }')
    desk.months("2026-01", "2026-02")
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02")
    desk.settings('scope = { model = "b" }')
    desk.months("2026-03", accuracy=fell(0.5))
    desk.calib("run", "triage", "--period", "2026-03")
    for kind in ("scope_changed", "above_limit"):
        listed = next(ran.out for line, ran in desk.follow(kind).items() if line.startswith("mapping list"))
        assert desk.head().mapping[:12] in listed


def test_a_broken_certificate_has_a_record(desk: OnCall) -> None:
    desk.settings("targets = [0.8]", labels=300)
    for month, fall in (("2026-01", 0.0), ("2026-02", 0.0), ("2026-03", 0.45)):
        desk.world.write(
            month, n=1500, accuracy=lambda s, fall=fall: np.where(s >= 0.9, s - 0.02 - fall, s - 0.2)
        )
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", "2026-03")
    done = desk.follow("certificate_broken")
    record = next(ran.out for line, ran in done.items() if line.startswith("routes"))
    assert "2026-01" in record or "2026-02" in record


def test_sampled_rows_that_are_gone(desk: OnCall) -> None:
    desk.settings("close_after_days = 60")
    table = desk.world.write("2026-04", n=500)
    late = outcomes_missing(desk, "2026-04", table, share=0.9)
    desk.calib("run", "triage", "--period", "2026-04")
    late()
    path = desk.world.folder / "traffic" / "2026-04.parquet"
    pq.write_table(table.filter(pa.array(np.arange(len(table)) % 2 == 0)), path)
    desk.calib("evaluate", "triage")
    shown = desk.follow("labels_not_found")["check"]
    assert "2026-04" in shown.out


@pytest.mark.parametrize("empty", [False, True])
def test_a_period_that_was_missed_is_made_up_for_or_noted_as_empty(desk: OnCall, empty: bool) -> None:
    desk.calib("run", "triage", "--period", "2026-01")
    if empty:
        (desk.world.folder / "traffic" / "2026-02.parquet").unlink()
    desk.at(datetime(2026, 3, 10, tzinfo=UTC))
    assert desk.found() == ["window_missed"]
    desk.follow("window_missed", without=("run",) if empty else ("backfill",))
    assert desk.found() == []
    assert desk.state("2026-02") == ("insufficient" if empty else "closed")


def test_a_window_that_nobody_closed_is_closed(desk: OnCall) -> None:
    desk.settings(review='review = { kind = "files" }')
    desk.at(datetime(2026, 4, 3, tzinfo=UTC))
    desk.calib("sample", "triage")
    desk.follow("cohort_opened", without=("labels import",))  # nothing is filled in yet
    desk.at(datetime(2026, 4, 15, tzinfo=UTC))
    desk.calib("evaluate", "triage")
    fill_in(Path("todo.csv"), rows=118)
    desk.follow("cohort_closing", without=("labels export",))
    desk.at(datetime(2026, 4, 20, tzinfo=UTC))
    assert "cohort_late" in desk.found()
    desk.follow("cohort_late", without=("labels",))
    assert desk.state("2026-03") == "closed"
    assert "cohort_late" not in desk.found()


def fill_in(sheet: Path, *, rows: int, wrong_in: int = 3) -> None:
    """Answer so many rows of an exported sheet; every `wrong_in`-th is wrong."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    for i, row in enumerate(table[:rows]):
        row["label"] = "correct" if i % wrong_in else "incorrect"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows(table)


@pytest.mark.parametrize("expired", [False, True])
def test_a_mapping_that_expires_is_renewed(desk: OnCall, expired: bool) -> None:
    desk.settings(labels=300)
    desk.at(datetime(2026, 2, 3, tzinfo=UTC))
    desk.calib("sample", "triage")
    desk.calib("evaluate", "triage")
    expires_at = datetime.fromisoformat(str(desk.head().expires_at))
    desk.at(expires_at + timedelta(days=11 if expired else -3))
    assert "mapping_stale" in desk.found()
    said = message(desk.payload("mapping_stale"))
    assert said.title.endswith("the mapping has expired" if expired else "the mapping is about to expire")
    assert ("11 days ago" if expired else "in 3 days") in said.text
    old = desk.head()
    desk.follow("mapping_stale")
    assert desk.head().generation > old.generation
    assert "mapping_stale" not in desk.found()


def test_a_stream_that_failed_shows_the_whole_error(desk: OnCall) -> None:
    desk.world.config.write_text(desk.world.config.read_text().replace("raw_confidence", "confidnce"))
    desk.calib("sample", codes=(2,))
    done = desk.follow("stream_failed", codes=(2,))
    assert "confidnce" in done["sample triage"].err
    assert "confidnce" in done["check"].out


def test_parked_alerts_and_jobs_that_do_not_run(desk: OnCall, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.at(datetime(2026, 3, 10, tzinfo=UTC))
    with FakeSlack() as slack:
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("CALIB_SLACK__BASE_URL", slack.url)
        monkeypatch.setenv("CALIB_SLACK__CHANNEL", "#mistyped")
        monkeypatch.setattr("calib.outbox.slack.SlackPlace.pace", 0.0)
        desk.calib("watchdog", codes=(1,))
        ran = desk.calib("relay", codes=(4,))
        assert "parked at slack: triage 2026-02: window missed: " in ran.out
        assert "channel_not_found" in ran.out
        desk.at(datetime(2026, 3, 13, tzinfo=UTC))
        findings = desk.calib("watchdog", "--json", codes=(1,)).json["findings"]
        assert {one["kind"] for one in findings} >= {"alerts_parked", "job_missed"}
        checked = desk.calib("check", codes=(4,))
        assert "no channel #mistyped" in checked.out
        monkeypatch.setenv("CALIB_SLACK__CHANNEL", "#ml-calibration")
        done = desk.follow("alerts_parked")
        assert "channel_not_found" in done["alerts list"].out
        assert any("window missed" in m["text"] or "was not watched" in m["text"] for m in slack.messages)
        assert desk.calib("alerts", "list", "--state", "parked", "--json").json == {"alerts": []}
        desk.follow("job_missed")


def test_a_store_that_overwrites_is_tried_again(desk: OnCall) -> None:
    from calib.alerts import store_unsafe
    from calib.outbox import queue

    opened = desk.world.open()
    with opened.engine.begin() as conn:
        queue.put(conn, store_unsafe(since=NOW, store="s3://bucket"), now=NOW)
    shown = " ".join(desk.follow("store_unsafe")["check"].out.split())
    assert "refuses to create an object twice" in shown


def test_every_kind_of_alert_is_followed_above() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    followed = set(re.findall(r"follow\(\s*\"(\w+)\"", text))
    followed |= set(re.findall(r"for kind in \(\"(\w+)\", \"(\w+)\"\)", text)[0])
    assert followed == set(KINDS)
