"""A window that people label in Label Studio, through the commands, from `calib check` to erased texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import World
from in_process import Ran, run_calib
from label_studio_fake import LEGACY, PERSONAL, FakeLabelStudio, FakePeople
from planted import leaks_in
from sqlalchemy import select, update

from calib.app import App
from calib.cycle import erase_texts, evaluate_open, open_due
from calib.db import tables
from calib.testing.loopback import Fault
from calib.testing.slack import FakeSlack

Calib = Callable[..., Ran]
DAY = timedelta(days=1)


@pytest.fixture
def studio() -> Iterator[FakeLabelStudio]:
    with FakeLabelStudio() as server:
        yield server


@pytest.fixture
def calib(
    world: World,
    studio: FakeLabelStudio,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Calib:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", PERSONAL)
    (world.folder / "triage.md").write_text("# When is it correct?\n\nIf **all** of it is right.")
    settings(world, studio.address)
    return lambda *words: run_calib(monkeypatch, capsys, *words, "--config", world.config)


def settings(world: World, url: str, head: str = "") -> None:
    review = (
        f'review = {{ kind = "label-studio", url = "{url}", project = "triage labels", channel = "#labels" }}'
    )
    world.settings('guidelines = "triage.md"\ndouble_review = 0', head, review=review)


def line(ran: Ran) -> dict[str, Any]:
    (found,) = (each for each in ran.json["checks"] if each["what"] == "Label Studio of triage")
    return found


def truth(world: World) -> dict[str, bool]:
    """Whether each prediction of April is right, by its question."""
    import pyarrow.parquet as pq

    table = pq.read_table(world.folder / "traffic" / "2026-04.parquet").to_pydict()
    return {q: bool(right) for q, right in zip(table["question"], table["correct"], strict=True)}


def test_a_window_is_labelled_there_closed_and_erased(
    world: World, studio: FakeLabelStudio, calib: Calib
) -> None:
    assert line(calib("check", "--json"))["says"].endswith(
        "signed in as admin@calib.example; the project 'triage labels' is made with the first sample"
    )
    first = calib("run", "triage", "--period", "2026-04", "--json")
    assert (first.code, first.json["state"]) == (0, "in_review")
    assert len(studio.tasks) == 300
    assert [alert["kind"] for alert in first.json["alerts"]] == ["cohort_opened"]
    assert "project 'triage labels' with 300 tasks, http" in line(calib("check", "--json"))["says"]
    (project,) = studio.projects.values()
    assert "<strong>all</strong>" in project["expert_instruction"]
    right = truth(world)
    people = FakePeople(studio)
    for task in list(studio.tasks.values())[:290]:
        people.annotate(task["id"], "correct" if right[task["data"]["question"]] else "incorrect")
    waiting = calib("run", "triage", "--period", "2026-04")
    assert waiting.code == 0
    assert "answer in the Label Studio project that `calib check` names" in " ".join(waiting.out.split())
    for task in list(studio.tasks.values())[290:]:
        people.annotate(task["id"], "unsure", comment="Frau Moosbrugger-7f3a would know")
    last = calib("run", "triage", "--period", "2026-04", "--json")
    assert last.json["state"] == "closed"
    labels = last.json["labels"]
    assert (labels["n"], labels["unsure"], labels["missing"]) == (290, 10, 0)
    opened = world.open(datetime.now(UTC) + 91 * DAY)
    done = erase_texts(opened.engine, opened.retention(), now=opened.now()).done
    assert done == [{"stream": "triage", "what": "contexts", "erased": 300}]
    assert studio.tasks == {}
    with opened.engine.connect() as conn:
        assert set(conn.execute(select(tables.labels.c.comment)).scalars()) == {None}


def test_errors_outside_end_with_4_and_the_window_is_there(
    world: World, studio: FakeLabelStudio, calib: Calib, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.fail("POST", "/api/projects/1/import", Fault(status=503))
    ran = calib("run", "triage", "--period", "2026-04")
    assert ran.code == 4
    said = " ".join(ran.err.split())
    assert "the window of 2026-04 is open, but its rows are not all put up for review" in said
    assert "`calib evaluate triage` tries again" in said
    assert calib("evaluate", "triage").code == 0
    assert len(studio.tasks) == 300
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", LEGACY[:-1] + "x")
    for words in (("evaluate", "triage"), ("check",)):
        ran = calib(*words)
        assert ran.code == 4
        assert "does not accept the key" in " ".join((ran.err + ran.out).split())
        assert LEGACY[:-1] not in ran.err + ran.out
    with world.open().engine.connect() as conn:
        payload = json.dumps(list(conn.execute(select(tables.outbox.c.payload)).scalars()))
    assert '"cause": "review"' in payload
    assert leaks_in(payload) == []
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "")
    ran = calib("evaluate", "triage")
    assert ran.code == 2
    assert "the environment variable LABEL_STUDIO_API_KEY is not set" in " ".join(ran.err.split())


def test_a_restored_key_and_another_place_are_followed(
    world: World, studio: FakeLabelStudio, calib: Calib
) -> None:
    """A stream that the settings name no more is erased where its window was put up."""
    calib("run", "triage", "--period", "2026-04")
    world.settings(
        '[streams.other]\ntraffic = "parquet:none/*.parquet"', review='review = { kind = "files" }'
    )
    text = world.config.read_text().replace("[streams.triage]", "[streams.renamed]")
    world.config.write_text(text)
    opened = world.open(datetime.now(UTC) + 200 * DAY)
    done = erase_texts(opened.engine, opened.retention(), now=opened.now()).done
    assert done == [{"stream": "triage", "what": "contexts", "erased": 300}]
    assert studio.tasks == {}


def test_a_window_that_is_opened_anew_keeps_its_answers_and_replaces_its_tasks(
    world: World, studio: FakeLabelStudio, calib: Calib
) -> None:
    calib("run", "triage", "--period", "2026-04")
    first = next(iter(studio.tasks.values()))["data"]["calibwatch_window"]
    people = FakePeople(studio)
    for task in list(studio.tasks)[:5]:
        people.annotate(task, "correct")
    calib("evaluate", "triage")
    again = calib("window", "reopen", "triage", "2026-04", "--reason", "the guidelines were wrong", "--json")
    assert again.code == 0
    marks = [task["data"]["calibwatch_window"] for task in studio.tasks.values()]
    assert (marks.count(first), len(marks)) == (5, 300)
    ran = calib("run", "triage", "--period", "2026-04", "--json")
    assert (ran.json["revision"], ran.json["labels"]["n"], len(studio.tasks)) == (2, 5, 300)
    people.annotate(max(studio.tasks), "incorrect")
    assert calib("run", "triage", "--period", "2026-04", "--json").json["labels"]["n"] == 6


def messages(opened: App) -> list[tuple[str, str | None, int]]:
    with opened.engine.connect() as conn:
        rows = conn.execute(select(tables.outbox.c.payload).order_by(tables.outbox.c.created_at)).scalars()
        return [(row["kind"], row["channel"], row["facts"]["missing"]) for row in rows]


def test_reviewers_are_told_in_their_channel_and_reminded_once(
    world: World, studio: FakeLabelStudio, calib: Calib, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("2026-05")
    with FakeSlack(channel="labels") as slack:
        settings(world, studio.address, f'[slack]\nbase_url = "{slack.url}"\nchannel = "#ml-calibration"')
        monkeypatch.setenv("SLACK_BOT_TOKEN", slack.token)
        opening = datetime(2026, 6, 3, 6, tzinfo=UTC)
        opened = world.open(opening)
        open_due(opened.watch("triage"), opened.ports("triage"))
        people = FakePeople(studio)
        for task in list(studio.tasks)[:120]:
            people.annotate(task, "correct")
        with opened.engine.begin() as conn:
            conn.execute(update(tables.windows).values(closes_at=opening + 14 * DAY))
        for after in (1, 11, 12, 12.5, 13):
            at = world.open(opening + after * DAY)
            evaluate_open(at.watch("triage"), at.ports("triage"))
        told = [("cohort_opened", "#labels", 300), ("cohort_closing", "#labels", 180)]
        assert messages(at) == told
        at.deliver()
        assert len(slack.messages) == 2
        shown = [json.dumps(message["blocks"]) + message["text"] for message in slack.messages]
        assert "300 rows wait" in shown[0]
        assert "180 rows wait" in shown[1]
        for text in shown:
            assert f"{studio.address}/projects/" in text
            assert "triage labels" in text
            assert leaks_in(text) == []
