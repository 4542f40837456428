"""The other verbs on what 0.1.0 left: alerts, channels, plans, routes, probes and checks."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from carried import LAST, Carried, differences, name_of_alert

from calib.testing.model import FakeModel
from calib.testing.slack import TOKEN, FakeSlack

PROBED = datetime.fromisoformat("2026-06-01T07:15:00+00:00")


def ids(alerts: list[dict[str, Any]], state: str) -> set[str]:
    return {alert["id"] for alert in alerts if alert["state"] == state}


def test_alerts_that_wait_are_delivered_and_parked_ones_once_slack_works(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = carried.expected["alerts"]
    with FakeSlack() as slack:
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("CALIB_SLACK__BASE_URL", slack.url)
        report = carried.done("relay")
        assert report["delivered"] == len(ids(before, "pending")) + len(ids(before, "parked")) == 3
        assert set(slack.ids) == ids(before, "pending") | ids(before, "parked")
        assert carried.done("relay")["delivered"] == 0
        carried.done("evaluate", "triage")
        carried.done("relay")
        assert slack.ids[-1] == name_of_alert("triage/2026-05/degraded")
        assert len(slack.ids) == len(set(slack.ids))
    states = dict(carried.rows("select id, state from outbox"))
    assert set(states.values()) == {"delivered"}
    shown = carried.run("run", "support", "--period", "2026-02").json["alerts"]
    assert [(alert["kind"], alert["delivered"]) for alert in shown] == [("insufficient_labels", True)]


def test_what_the_first_version_knew_of_its_deliveries_is_kept(carried: Carried) -> None:
    carried.done("db", "migrate")
    before = {alert["id"]: alert for alert in carried.expected["alerts"]}
    rows = carried.rows("select alert_id, place, state, attempts, last_error from deliveries")
    tried = {id_ for id_, alert in before.items() if alert["attempts"] or alert["state"] != "pending"}
    assert {row[0] for row in rows} == tried
    for id_, place, state, attempts, error in rows:
        alert = before[id_]
        assert place in ("slack", "terminal")
        assert state == ("waiting" if alert["state"] == "pending" else alert["state"])
        assert (attempts, error) == (alert["attempts"], alert["last_error"])
    assert carried.rows("select count(*) from outbox where deployment is not null") == [(0,)]
    assert len(carried.rows("select identity from deployment")) == 1
    listed = carried.done("alerts", "list", "--limit", "500")["alerts"]
    assert {alert["id"] for alert in listed} == set(before)


def test_the_watchdog_finds_what_is_late_and_tells_it_once(carried: Carried) -> None:
    known = {row[0] for row in carried.rows("select id from outbox")}
    same = carried.run("watchdog", "router")
    assert [(f["kind"], f["period"]) for f in same.json["findings"]] == [("window_missed", "2026-05-31")]
    assert {row[0] for row in carried.rows("select id from outbox")} == known
    late = carried.run("watchdog", "support", now=LAST + timedelta(days=45))
    found = {(f["kind"], f["period"]) for f in late.json["findings"]}
    assert {("cohort_late", "2026-04"), ("cohort_late", "2026-05")} <= found
    assert ("cohort_late", "2026-03") not in found
    told = {row[0] for row in carried.rows("select id from outbox")}
    assert name_of_alert("support/2026-04/cohort_late") in told


def test_channels_are_listed_shown_verified_and_moved(carried: Carried) -> None:
    for name, entries in carried.expected["channels"].items():
        stream, channel = name.split("/")
        assert carried.entries(stream, channel) == entries
    listed = carried.done("mapping", "list", "triage")
    assert listed["channels"] == ["backfill-2025-05", "candidate", "production"]
    for stream in ("triage", "support", "router"):
        assert carried.done("mapping", "verify", stream)["problems"] == []
    log = carried.entries("triage")
    shown = carried.done("mapping", "show", "triage")
    assert shown["digest"] == log[-1]["mapping"] == carried.expected["client"]["mapping"]
    applied = carried.done("mapping", "apply", "triage", "0.9", "--segment", "sales")
    at = carried.expected["client"]["raw"].index(0.9)
    assert applied["calibrated"] == [carried.expected["client"]["sales"][at]]
    undone = carried.done("mapping", "rollback", "triage", "--reason", "odd")
    assert (undone["mapping"], undone["generation"]) == (log[-2]["mapping"], 8)
    promoted = carried.done("mapping", "promote", "triage", log[0]["mapping"][:12], "--channel", "candidate")
    assert promoted["generation"] == 2
    assert carried.done("mapping", "verify", "triage")["problems"] == []


def test_routes_and_plans_rest_on_the_stored_labels(carried: Carried) -> None:
    for stream, goal in carried.expected["routes"].items():
        found = carried.done("routes", stream)
        assert (found["period"], found["labels"]) == (goal["period"], goal["labels"])
        differ = differences(found["threshold"], goal["threshold"])
        for part in ("/raw", "/served"):  # few clusters count as fewer labels since 0.2.0
            for key, least, most in (("n", 0.95, 1.0), ("low", 0.99, 1.0), ("high", 1.0, 1.01)):
                now, then = differ.pop(f"{part}/{key}", (1.0, 1.0))
                assert least * then <= now <= most * then, (stream, part, key)
        assert differ == {}
        for now, then in zip(found["certificates"], goal["certificates"], strict=True):
            differ = differences(now, {key: value for key, value in then.items() if key != "reason"})
            fewer, more = differ.pop("/n", (1, 1))
            low, before = differ.pop("/accuracy_low", (1.0, 1.0))
            assert (0.95 * more <= fewer <= more, abs(low - before) < 0.002) == (True, True)
            assert differ == {}
    goal = carried.expected["plan"]
    found = carried.done("plan", "support", "--period", "2026-05")
    assert found["population"] == goal["population"]
    assert found["accuracy_from"] == goal["accuracy_from"]
    assert found["minimum_detectable_rise"] == pytest.approx(goal["minimum_detectable_rise"], rel=0.1)


def test_stored_runs_of_a_probe_are_read_and_compared_with(carried: Carried) -> None:
    """Nothing listens at the settings' endpoint: a run that is finished asks nothing."""
    for days, goal in enumerate(carried.expected["probe"]):
        ran = carried.run("probe", "sums", now=PROBED + timedelta(days=days))
        assert ran.code == goal["exit_code"], ran.err
        for key in ("state", "period", "readable", "served", "replies", "now", "accepted_by", "accepted_at"):
            assert differences(ran.json[key], goal[key]) == {}, key
    assert [alert["id"] for alert in ran.json["alerts"]] == [name_of_alert("sums/2026-06-02/degraded")]

    def all_right(prompt: str) -> str:
        line = next(line for line in prompt.splitlines() if line.startswith("What is "))
        one, other = (int(part) for part in line.removeprefix("What is ").rstrip("?").split(" + "))
        return f"Answer: {one + other}\nConfidence: 0.95"

    with FakeModel(all_right) as model:
        text = carried.config.read_text()
        carried.config.write_text(text.replace("http://127.0.0.1:9/v1", model.url))
        ran = carried.run("probe", "sums", now=PROBED + timedelta(days=2))
        assert len(model.requests) == 60
    assert ran.json["accepted"]["period"] == "2026-06-01"
    assert ran.json["accepted"]["by"] == "maria"
    assert ran.json["before"]["accuracy"] == pytest.approx(carried.expected["probe"][0]["now"]["accuracy"])
    assert ran.json["state"] in ("stable", "no_change_seen", "changed")


def test_the_old_settings_are_taken_and_checked(carried: Carried) -> None:
    checks = {check["what"]: check for check in carried.run("check").json["checks"]}
    for what in ("settings", "store", "database"):
        assert checks[what]["ok"], checks[what]
    assert [what for what, check in checks.items() if not check["ok"] and "stream" in what] == []


def test_every_key_of_the_old_settings_is_set_in_the_fixture(original: Path) -> None:
    """So that a key which is renamed or refused later does not go unnoticed."""
    text = (original / "calib.toml").read_text()
    for key in (
        "where",
        "seed",
        "threshold",
        "judge",
        "cluster",
        "trace",
        "served",
        "mapping",
        "api_key_env",
    ):
        assert f"{key} = " in text, key
