"""Windows that 0.1.0 opened, in every state, reach the end that 0.1.0 itself would have reached."""

from __future__ import annotations

import csv
import json
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from carried import LAST, LATER, Carried, contract, differences_but_for_the_budget, name_of_alert, upgrade

PUBLISHED = uuid.UUID("6f7a2d4c-6d5b-5e0a-9f0e-0c1b7d1f2a33")  # the namespace of 0.1.0's publish ids
EVALUATED = ("triage", "2026-05")  # evaluated by 0.1.0, which died before it published what that proposed
CLOSED = 0
INSUFFICIENT = 3  # exit code of `calib run`


def by_name(windows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(window["stream"], window["period"]): window for window in windows}


def test_the_fixture_has_windows_in_every_state(expected: dict[str, Any]) -> None:
    states = {window["state"] for window in expected["windows"]}
    assert states == {"sampled", "in_review", "evaluated", "closed", "insufficient"}
    assert {alert["state"] for alert in expected["alerts"]} == {"pending", "delivered", "parked"}
    assert expected["made_by"] == "0.1.0"


def test_each_finished_window_is_read_as_it_was_written(carried: Carried) -> None:
    finished = [w for w in carried.expected["windows"] if w["state"] in ("closed", "insufficient")]
    assert len(finished) >= 12
    before = {stream: carried.entries(stream) for stream in ("triage", "support", "router")}
    for window in finished:
        ran = carried.run("run", window["stream"], "--period", window["period"])
        assert ran.code == (INSUFFICIENT if window["state"] == "insufficient" else CLOSED), ran.err
        assert contract(ran.json) == contract(window), f"{window['stream']} {window['period']}"
    assert {stream: carried.entries(stream) for stream in before} == before


def test_a_backfill_over_windows_that_are_closed_reads_them(carried: Carried) -> None:
    stored = by_name(carried.expected["windows"])
    for first, last, channel in (
        ("2025-09", "2026-04", "production"),
        ("2025-05", "2025-06", "backfill-2025-05"),
    ):
        before = carried.entries("triage", channel)
        found = carried.done("backfill", "triage", "--from", first, "--to", last)["windows"]
        assert len(found) == (8 if channel == "production" else 2)
        for window in found:
            assert window["channel"] == channel
            assert contract(window) == contract(stored["triage", window["period"]])
        assert carried.entries("triage", channel) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "triage"),
        ("run", "triage", "--period", "2026-05"),
        ("backfill", "triage", "--from", "2026-05", "--to", "2026-05"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_stored_proposal_is_carried_out_once(carried: Carried, arguments: tuple[str, ...]) -> None:
    goal = carried.expected["carried_on"]
    said = carried.done(*arguments)
    window = said if arguments[0] == "run" else said["windows"][0]
    assert contract(window) == contract(by_name(goal["evaluated"])[EVALUATED])
    assert window["state"] == "closed"
    assert [alert["id"] for alert in window["alerts"]] == [name_of_alert("triage/2026-05/degraded")]
    log = carried.entries("triage")
    assert log == goal["channels"]["triage/production"]
    assert log[-1]["publish_id"] == str(uuid.uuid5(PUBLISHED, "triage/2026-05/production"))
    again = carried.done("run", "triage", "--period", "2026-05")
    assert contract(again) == contract(window)
    assert carried.entries("triage") == log


def test_a_proposal_that_was_carried_out_and_not_noted_is_recognised(
    carried: Carried, original: Path, tmp_path: Path
) -> None:
    """As after a crash in between: the store has the entry, the database does not know of it."""
    crashed = replace(carried, folder=tmp_path / "crashed")
    shutil.copytree(original, crashed.folder, ignore=shutil.ignore_patterns("mappings"))
    upgrade(crashed)
    carried.done("evaluate", "triage")
    log = carried.entries("triage")
    shutil.copytree(carried.folder / "mappings", crashed.folder / "mappings")
    window = crashed.done("evaluate", "triage")["windows"][0]
    assert window["state"] == "closed"
    assert window["refit"]["generation"] == log[-1]["generation"]
    assert crashed.entries("triage") == log


def test_a_person_who_moved_the_channel_meanwhile_has_the_last_word(carried: Carried) -> None:
    moved = carried.done("mapping", "rollback", "triage", "--reason", "the new one is odd")
    window = carried.done("evaluate", "triage")["windows"][0]
    assert window["state"] == "closed"
    assert window["refit"]["published"] is False
    assert carried.entries("triage")[-1]["mapping"] == moved["mapping"]
    assert {alert["kind"] for alert in window["alerts"]} >= {"degraded", "refit_vetoed"}


def test_sampled_and_half_labelled_windows_go_on_to_the_right_end(carried: Carried) -> None:
    goal = carried.expected["carried_on"]
    report = carried.done(
        "labels", "import", carried.folder / "todo.csv", "--stream", "support", "--by", "maria"
    )
    counts = ("new", "same", "conflicts", "late", "unknown", "rejected_total")
    assert {key: report[key] for key in counts} == {key: goal["imported"][key] for key in counts}
    for key, moment in (("evaluated", LAST), ("later", LATER)):
        found = by_name(carried.done("evaluate", now=moment)["windows"])
        assert set(found) == set(by_name(goal[key]))
        for name, window in by_name(goal[key]).items():
            assert found[name]["state"] == window["state"], name
            if name == EVALUATED or window["state"] != "closed":
                assert contract(found[name]) == contract(window), name
            else:  # measured by the present version
                now, then = reproducible(found[name]), reproducible(window)
                assert differences_but_for_the_budget(now, then) == {}, name
    published = carried.entries("support")[-1]
    assert published["publish_id"] == goal["channels"]["support/production"][-1]["publish_id"]
    told = {row[0] for row in carried.rows("select id from outbox")}
    assert {alert["id"] for alert in goal["alerts"]} <= told


def test_a_new_window_stands_on_the_windows_of_before(carried: Carried) -> None:
    opened = carried.done("sample", "router", "--period", "2026-05-31")["windows"][0]
    assert opened["state"] == "sampled"
    window = carried.done("run", "router", "--period", "2026-05-31")
    assert window["state"] == "closed"
    assert window["change"]["state"] in ("stable", "no_change_seen", "degraded", "changed")
    assert window["change"]["baseline_labels"] > 60
    log = carried.entries("router")
    assert log[-1]["publish_id"] == str(uuid.uuid5(PUBLISHED, "router/2026-05-31/production"))
    assert log[-1]["previous"] == log[-2]["digest"]


def test_the_sheet_that_is_exported_now_has_the_rows_that_it_had(carried: Carried, tmp_path: Path) -> None:
    def ids(path: Path) -> list[tuple[str, str]]:
        with path.open(newline="") as file:
            return [(row["period"], row["prediction_id"]) for row in csv.DictReader(file)]

    old = ids(carried.folder / "todo.csv")
    said = carried.done("labels", "export", "support", "--to", tmp_path / "now.csv")
    assert said["rows"] == len(old) == 128
    assert ids(tmp_path / "now.csv") == old


def test_answers_that_were_given_before_still_count(carried: Carried, tmp_path: Path) -> None:
    query = """select items.prediction_id, labels.answer from items join labels on labels.id = items.label_id
    join windows on windows.id = items.window_id where windows.period = '2026-04' and stream = 'support'
    and labels.answer != 'unsure' order by items.id"""
    answered = carried.rows(query)
    assert len(answered) == 31
    other = {"correct": "incorrect", "incorrect": "correct"}
    sheet = tmp_path / "again.csv"
    with sheet.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prediction_id", "answer"])
        writer.writerows([id_, other[said] if i < 4 else said] for i, (id_, said) in enumerate(answered))
    report = carried.done("labels", "import", sheet, "--stream", "support", "--by", "tom")
    assert (report["new"], report["conflicts"], report["same"]) == (0, 4, 27)
    assert carried.rows(query) == answered


def reproducible(window: dict[str, Any]) -> dict[str, Any]:
    """What others rely on, without the digest of a new mapping: its bytes name the version that made it."""
    copy: dict[str, Any] = json.loads(json.dumps(contract(window)))
    copy["refit"]["mapping"] = copy["refit"]["mapping"] is not None
    return copy
