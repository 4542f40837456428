"""What the alerts of 0.1.0 left open is an open episode after the upgrade."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from carried import Carried, upgrade


def execute(deployment: Carried, *statements: str) -> None:
    """Change the SQLite database past the code under test."""
    with closing(sqlite3.connect(deployment.folder / "calib.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_degradation_that_had_recovered_leaves_nothing_open(left: Carried) -> None:
    upgrade(left)
    for stream in ("triage", "router", "support"):
        assert left.done("alerts", "episodes", stream)["episodes"] == []


def test_an_open_degradation_and_a_warning_without_a_verdict_are_carried_over(left: Carried) -> None:
    execute(
        left,
        "delete from outbox where kind = 'recovered'",
        "update outbox set kind = 'early_warning', period = '2026-04' where stream = 'support'",
    )
    upgrade(left)
    (episode,) = left.done("alerts", "episodes", "triage")["episodes"]
    assert (episode["opened_by"], episode["opened_in"], episode["ended_by"]) == ("degraded", "2026-02", None)
    ((stored,),) = left.rows("select degradation from episodes where stream = 'triage'")
    degradation = json.loads(stored)
    ((result,),) = left.rows("select result from windows where stream = 'triage' and period = '2026-02'")
    found = json.loads(result)
    assert found["change"]["state"] != "degraded"  # a segment was
    assert degradation == {
        "ece": None,
        "segments": {
            name: part["served"]["ece"]
            for name, part in found["segments"].items()
            if (part["change"] or {}).get("state") == "degraded"
        },
        "curves": [part["mapping"] for part in found["served"]["mappings"]],
    }
    assert degradation["segments"]
    assert left.rows("select count(*) from outbox where episode is not null") == [(2,)]

    (warning,) = left.done("alerts", "episodes", "support")["episodes"]
    assert (warning["opened_by"], warning["opened_in"]) == ("early_warning", "2026-04")
    window = left.done("evaluate", "triage")["windows"][0]
    assert window["episode"] is not None
    later = left.done("alerts", "episodes", "triage")["episodes"]
    assert later[0]["id"] == episode["id"]
    assert later[0]["windows"][-1]["period"] == window["period"]
