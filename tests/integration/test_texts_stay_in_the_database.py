"""What reviewers see and write stands in the database alone, and nowhere once its time is over."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import NOW, World
from in_process import run_calib
from planted import TEXT, leaks_in
from sqlalchemy import Engine, select

from calib import cycle
from calib.app import App
from calib.db import tables
from calib.period import Period
from calib.review import conflicts, own_answers, queue
from calib.testing.slack import TOKEN, FakeSlack

MONTHS = ("2026-04", "2026-05")
PERIODS = {month: Period.parse(month, "month") for month in MONTHS}
COMMENT = f"comment on: {TEXT}"


def texts_in(engine: Engine) -> list[str]:
    """The tables and columns that hold a planted text."""
    with engine.connect() as conn:
        return [
            f"{table.name}.{column.name}"
            for table in tables.metadata.sorted_tables
            for column in table.columns
            if any(leaks_in(str(value)) for value in conn.execute(select(column)).scalars())
        ]


def labelled(app: App, right: dict[str, int]) -> None:
    """Two people answer all that waits, differ here and there, comment on everything; an admin decides."""
    for by, differs in (("ada", 0), ("bo", 7)):
        with app.engine.begin() as conn:
            for claim in queue.claim(conn, stream="triage", by=by, now=NOW, n=300):
                word = (
                    "correct" if right[claim.prediction_id] ^ (claim.item_id % 9 == differs) else "incorrect"
                )
                queue.answer(
                    conn,
                    item_id=claim.item_id,
                    token=claim.token,
                    answer=word,
                    by=by,
                    at=NOW,
                    comment=COMMENT,
                )
    with app.engine.begin() as conn:
        first, *_ = conflicts.of_stream(conn, "triage", undecided=True)
        conflicts.decide(conn, item_id=first.item_id, answer="unsure", by="root", at=NOW, comment=COMMENT)
        (own, *_) = own_answers.own_answers(conn, stream="triage", by="ada")
        own_answers.take_back(conn, item_id=own.item_id, by="ada", at=NOW)
        own_answers.correct(
            conn, item_id=first.item_id, answer="correct", by="bo", at=NOW, comment=f"{COMMENT} again"
        )
        (claim,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
        queue.answer(
            conn,
            item_id=claim.item_id,
            token=claim.token,
            answer="correct",
            by="ada",
            at=NOW,
            comment=COMMENT,
        )


@pytest.mark.slow
def test_texts_and_comments_are_nowhere_else_and_are_erased(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="calib")
    monkeypatch.setenv("CALIB_REPORTS", "true")
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    with FakeSlack() as slack:
        head = f'[slack]\nbase_url = "{slack.url}"\nchannel = "#ml-calibration"\n'
        world.settings(
            "keep_context_days = 90\nclose_after_days = 300", head, review='review = { kind = "builtin" }'
        )
        app = world.open(NOW)
        for month, fall in zip(MONTHS, (0.12, 0.5), strict=True):
            table = world.write(month, n=4_000, accuracy=lambda s, fall=fall: s - fall)
            ids, truth = (table.column(name).to_pylist() for name in ("prediction_id", "correct"))
            cycle.open_window(app.watch("triage"), app.ports("triage"), PERIODS[month], channel="production")
            labelled(app, dict(zip(ids, truth, strict=True)))
            (result,) = cycle.evaluate_open(app.watch("triage"), app.ports("triage"))
            assert result.state == "closed"
        ran = run_calib(monkeypatch, capsys, "relay", "--json", "--config", world.config)
        assert ran.json["delivered"] >= 1
        said: list[Any] = [slack.messages, slack.pictures, [record.__dict__ for record in caplog.records]]
    assert texts_in(app.engine) == ["items.context", "labels.comment"]

    verbs = (
        ("status",),
        ("history", "triage"),
        ("run", "triage", "--period", MONTHS[1]),
        ("labels", "conflicts", "triage"),
        ("window", "show", "triage", MONTHS[1]),
        ("report", "triage", "--period", MONTHS[1], "--to", str(world.folder / "report.html")),
    )
    for verb in verbs:
        for as_json in ((), ("--json",)):
            ran = run_calib(monkeypatch, capsys, *verb, *as_json, "--config", world.config)
            assert ran.code == 0, ran.err
            said += [ran.out, ran.err]
    assert [text for text in said if leaks_in(str(text))] == []
    assert "decided" in str(said)
    assert leaving(world.folder) == []

    later = NOW + timedelta(days=92)
    early = cycle.erase_texts(app.engine, app.retention(), now=NOW + timedelta(days=89))
    assert [done["erased"] for done in early.done] == [0]
    fleet = cycle.erase_texts(app.engine, app.retention(), now=later)
    assert [(done["what"], done["erased"]) for done in fleet.done] == [("contexts", 600)]
    assert texts_in(app.engine) == []
    assert cycle.erase_texts(app.engine, app.retention(), now=later).done == []
    with app.engine.connect() as conn:
        assert own_answers.own_answers(conn, stream="triage", by="ada")[0].comment is None
    app.engine.dispose()
    assert [path.name for path in world.folder.glob("calib.db*") if leaks_in(path.read_bytes())] == []


def leaving(folder: Path) -> list[Path]:
    """The files outside traffic and database that hold a planted text: store, reports, pages."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.parent.name != "traffic"
        and not path.name.startswith("calib.db")
        and leaks_in(path.read_bytes())
    ]
