"""Every instruction works: each kind of alert is raised in its real situation, and its commands are run.

The commands are taken out of the text of the alert and run as they stand. Then the situation has ended, or
the information that was promised is there.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from on_call import NOW, OnCall, fell, fill_in, label, outcomes_missing

from calib.alerts.kinds import KINDS
from calib.alerts.message import message
from calib.testing.slack import TOKEN, FakeSlack

pytestmark = pytest.mark.slow


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


def test_every_kind_of_alert_is_followed_here() -> None:
    files = sorted(Path(__file__).parent.glob("test_*.py"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    followed = set(re.findall(r"follow\(\s*\"(\w+)\"", text))
    followed |= set(re.findall(r"for kind in \(\"(\w+)\", \"(\w+)\"\)", text)[0])
    assert followed == set(KINDS)
