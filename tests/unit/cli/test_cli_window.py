"""`calib window`: what it prints, keeps and refuses; and the words of a backfill about its channel."""

from __future__ import annotations

import csv
import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from carried import clock
from conftest import World
from stream_life import quick_fits


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_fits(monkeypatch)


def listed(calib: Any, world: World) -> list[dict[str, Any]]:
    windows: list[dict[str, Any]] = calib(
        "window", "list", "triage", "--json", "--config", world.config
    ).json["windows"]
    return windows


@pytest.mark.slow
def test_a_period_is_watched_anew_and_left_out(world: World, calib: Any) -> None:
    config = ("--config", world.config)
    assert listed(calib, world) == []
    first = calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02", "--json", *config).json
    one = {"period": "2026-01", "revision": 1, "state": "closed", "standing": True}
    two = one | {"period": "2026-02"}
    assert listed(calib, world) == [one, two]

    again = calib("window", "reopen", "triage", "2026-02", "--reason", "a wrong column", "--json", *config)
    assert again.code == 0
    assert (again.json["revision"], again.json["state"], again.json["standing"]) == (2, "sampled", False)
    assert again.json["sample"]["digest"] == first["windows"][1]["sample"]["digest"]
    assert again.json["labels"]["n"] == 300
    assert listed(calib, world) == [one, two, two | {"revision": 2, "state": "sampled", "standing": False}]

    routes = ("routes", "triage", "--period", "2026-02", "--json", *config)
    assert calib(*routes).json["labels"] == 300  # of the revision that stands

    run = calib("run", "triage", "--period", "2026-02", "--json", *config).json
    assert (run["revision"], run["state"], run["standing"]) == (2, "closed", True)
    assert listed(calib, world) == [one, two | {"standing": False}, two | {"revision": 2}]
    assert calib("run", "triage", "--period", "2026-02", "--json", *config).json == run

    gone = calib("window", "discard", "triage", "2026-01", "--reason", "a load test", "--json", *config)
    assert gone.code == 0
    assert gone.json["windows"] == [one | {"standing": False}]
    assert calib("routes", "triage", "--period", "2026-01", *config).code == 2
    assert gone.json["actions"][0]["by"] == getpass.getuser()
    assert calib("run", "triage", "--period", "2026-03", "--json", *config).json["baseline"]["periods"] == [
        "2026-02"
    ]

    shown = calib("window", "show", "triage", "2026-02", "--json", *config).json
    assert (shown["revision"], shown["period"]) == (2, "2026-02")
    (action,) = shown["actions"]
    assert (action["revision"], action["action"], action["by"], action["reason"]) == (
        2,
        "reopened",
        getpass.getuser(),
        "a wrong column",
    )
    old = calib("window", "show", "triage", "2026-02", "--revision", "1", "--json", *config).json
    assert (old["revision"], old["standing"]) == (1, False)


@pytest.mark.slow
def test_people_read_what_stands_and_what_to_do(world: World, calib: Any) -> None:
    config = ("--config", world.config)
    assert "calib run triage --period" in calib("window", "list", "triage", *config).out
    calib("run", "triage", "--period", "2026-01", *config)
    said = calib("window", "reopen", "triage", "2026-01", "--reason", "the column was renamed", *config).out
    assert "triage 2026-01 revision 2  sampled" in said
    assert "calib window list triage" in " ".join(said.split())
    assert "reopened" in said
    assert "the column was renamed" in said
    said = calib("window", "discard", "triage", "2026-01", "--reason", "a load test", *config).out
    assert "counts in no baseline any more" in said
    assert "calib window reopen triage 2026-01" in said
    table = calib("window", "list", "triage", *config).out.splitlines()
    assert table[0].split() == ["period", "revision", "state", "stands"]
    assert [line.split()[-2:] for line in table[1:]] == [["no", "(discarded)"]] * 2
    assert "it counts in no baseline" in calib("window", "show", "triage", "2026-01", *config).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "triage", "2026-01"), "calib window list triage"),
        (("reopen", "triage", "2026-01", "--reason", "x"), "has no window of 2026-01"),
        (("discard", "triage", "2026-01", "--reason", "x"), "has no window of 2026-01"),
        (("discard", "triage", "2026-01", "--reason", " "), "--reason is empty"),
        (("reopen", "triage", "January", "--reason", "x"), "'January' is not a month"),
        (("list", "nobody"), "no stream 'nobody'"),
    ],
)
def test_what_is_not_there_is_said(world: World, calib: Any, arguments: Any, said: str) -> None:
    ran = calib("window", *arguments, "--json", "--config", world.config)
    assert ran.code == 2
    assert said in ran.json["error"]["message"]


@pytest.mark.parametrize("verb", ["reopen", "discard"])
def test_a_reason_is_asked_for(world: World, calib: Any, verb: str) -> None:
    assert calib("window", verb, "triage", "2026-01", "--config", world.config).code == 2


@pytest.mark.slow
def test_a_backfill_says_its_channel_and_how_it_is_served(world: World, calib: Any) -> None:
    config = ("--config", world.config)
    calib("run", "triage", "--period", "2026-03", *config)
    ran = calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02", *config)
    assert "on the channel backfill-2026-01" in ran.out
    command = ran.out.split("`")[-2]
    assert command.startswith("calib mapping promote triage ")
    promoted = calib(*command.split()[1:], "--json", *config)
    assert promoted.code == 0
    assert promoted.json["channel"] == "production"


def sheet(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.slow
def test_an_import_says_what_was_late_and_ends_with_1_where_nothing_was_taken(
    world: World, calib: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ("--config", world.config)
    world.settings("close_after_days = 1", review='review = { kind = "files" }')
    calib("sample", "triage", "--period", "2026-01", *config)
    calib("labels", "export", "triage", "--to", tmp_path / "todo.csv", *config)
    with (tmp_path / "todo.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["stream"] for row in rows} == {"triage"}
    half = [row | {"label": "yes" if i % 3 else "no"} for i, row in enumerate(rows)]
    taken = calib("labels", "import", sheet(tmp_path / "some.csv", half[:40]), *config)
    assert taken.code == 0
    mine = calib("labels", "import", sheet(tmp_path / "one.csv", [half[0] | {"label": "yes"}]), *config)
    assert mine.code == 0
    assert "1 corrected" in mine.out
    assert "was incorrect, now correct" in mine.out
    theirs = sheet(tmp_path / "theirs.csv", [half[1] | {"label": "no"}])
    differs = calib("labels", "import", theirs, "--by", "somebody else", *config)
    assert differs.code == 1
    assert "`calib labels conflicts triage` lists what differs" in differs.err
    assert half[1]["prediction_id"] in calib("labels", "conflicts", "triage", *config).out
    period = ("run", "triage", "--period", "2026-01", "--json", *config)
    assert calib(*period).json["state"] == "in_review"
    monkeypatch.setitem(clock(), "now", lambda: datetime.now(UTC) + timedelta(days=2))
    assert calib(*period).json["state"] != "in_review"
    late = calib("labels", "import", sheet(tmp_path / "rest.csv", half[40:]), *config)
    assert late.code == 0
    assert "260 late" in late.out
    assert "calib window reopen triage 2026-01" in late.out
    nothing = calib("labels", "import", sheet(tmp_path / "empty.csv", rows), *config)
    assert nothing.code == 1
    assert "no label was taken" in nothing.err
    other = [row | {"stream": "other"} for row in half]
    wrong = calib("labels", "import", sheet(tmp_path / "other.csv", other), *config)
    assert wrong.code == 1
    assert "belongs to the stream 'other'" in wrong.out
    words = [row | {"label": "no" if i % 2 else "agreed!"} for i, row in enumerate(half)]
    again = calib("window", "reopen", "triage", "2026-01", "--reason", "late labels", "--json", *config)
    assert again.json["labels"]["n"] == 300
    one_sided = calib(
        "labels", "import", sheet(tmp_path / "words.csv", words), "--by", "bo", "--partial", *config
    )
    assert one_sided.code == 1
    assert "every answer that was taken is incorrect" in one_sided.err
