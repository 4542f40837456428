"""Runs of a probe: asked once, compared with what was accepted, told once."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from probes import DAY, NOW, Adder, endpoint, probe, questions
from queues import database
from sqlalchemy import Engine, func, select

from calib.alerts.message import message
from calib.cycle import Retention, erase_texts
from calib.db import tables
from calib.errors import InvalidInput
from calib.probe import Question, accept_run, run_probe
from calib.probe.endpoint import Completion
from calib.testing.crash import Crash, CrashAt
from calib.testing.model import FakeModel
from calib.testing.slack import Fault, broken

pytestmark = pytest.mark.slow  # whole runs, each on both databases


class InProcess:
    """The same model without HTTP."""

    def __init__(self, adder: Adder, model: str = "fake-1") -> None:
        self.adder, self.model = adder, model

    async def __aenter__(self) -> InProcess:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing to close."""

    async def ask(self, prompt: str) -> Completion:
        return Completion(text=self.adder(prompt), model=self.model)


@pytest.fixture
def sums(tmp_path: Path) -> tuple[Question, ...]:
    return questions(tmp_path, 60)


def run(
    engine: Engine, asks: Any, there: tuple[Question, ...], *, at: datetime = NOW, **other: Any
) -> dict[str, Any]:
    wanted = probe(there, **other)
    return run_probe(wanted, period=wanted.period(at), engine=engine, asks=asks, now=lambda: at)


def accepted(
    engine: Engine, asks: Any, there: tuple[Question, ...], *, at: datetime = NOW, **other: Any
) -> None:
    run(engine, asks, there, at=at, **other)
    wanted = probe(there, **other)
    accept_run(wanted, period=wanted.period(at), engine=engine, by="ada", now=lambda: at)


def alerts(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        return [
            row.payload for row in conn.execute(select(tables.outbox).order_by(tables.outbox.c.created_at))
        ]


def test_the_first_run_waits_to_be_accepted(engine: Engine, sums: tuple[Question, ...]) -> None:
    with FakeModel(Adder()) as model:
        found = run(engine, endpoint(model), sums)
        assert (found["state"], found["readable"], found["accepted"], found["alerts"]) == (
            "first",
            60,
            None,
            [],
        )
        assert found["served"] == {"fake-1": 60}
        assert found["now"]["accuracy"] == pytest.approx(0.8, abs=0.15)
        assert found["now"]["accuracy_low"] < found["now"]["accuracy"] < found["now"]["accuracy_high"]
        again = run(engine, endpoint(model), sums)
        assert again == found
        assert len(model.requests) == 60  # nothing was asked twice


def test_the_same_model_is_left_in_peace_and_the_next_day_asks_again(
    engine: Engine, sums: tuple[Question, ...]
) -> None:
    with FakeModel(Adder()) as model:
        accepted(engine, endpoint(model), sums)
        found = run(engine, endpoint(model), sums, at=NOW + DAY)
        assert len(model.requests) == 120
    assert found["state"] in ("stable", "no_change_seen")
    assert (found["paired"]["lost"], found["paired"]["gained"], found["paired"]["p"]) == (0, 0, 1.0)
    assert found["accepted"]["by"] == "ada"
    assert alerts(engine) == []


def test_a_worse_model_is_told_once_with_what_is_known(engine: Engine, sums: tuple[Question, ...]) -> None:
    accepted(engine, InProcess(Adder()), sums)
    worse = InProcess(Adder(wrong=0.4))
    found = run(engine, worse, sums, at=NOW + DAY)
    assert found["state"] == "degraded"
    assert found["paired"]["lost"] > found["paired"]["gained"] == 0
    assert found["paired"]["brier_rise_low"] > 0
    assert [(a["kind"], a["delivered"]) for a in found["alerts"]] == [("degraded", False)]
    assert run(engine, worse, sums, at=NOW + DAY) == found
    assert run(engine, worse, sums, at=NOW + 2 * DAY)["alerts"] == []  # known already
    (told,) = alerts(engine)
    assert (told["kind"], told["stream"], told["period"], told["severity"]) == (
        "degraded",
        "sums",
        "2026-11-26",
        "bad",
    )
    text = message(told).text
    assert "On 60 fixed questions" in text
    assert f"{found['paired']['lost']} answers turned wrong" in text
    assert "calib probe sums --accept" in text


def test_a_model_that_only_boasts_more_is_worse_too(engine: Engine, sums: tuple[Question, ...]) -> None:
    accepted(engine, InProcess(Adder(wrong=0.45, stated=0.5)), sums)
    found = run(engine, InProcess(Adder(wrong=0.45, stated=0.89)), sums, at=NOW + DAY)
    assert (found["paired"]["lost"], found["paired"]["gained"]) == (0, 0)
    assert found["now"]["accuracy"] == found["before"]["accuracy"]
    assert found["state"] == "degraded"


def test_after_an_all_clear_a_second_fall_is_news_again(engine: Engine, sums: tuple[Question, ...]) -> None:
    good, bad = InProcess(Adder()), InProcess(Adder(wrong=0.4))
    accepted(engine, good, sums)
    for day, asks in enumerate((bad, good, bad), 1):
        run(engine, asks, sums, at=NOW + day * DAY)
    assert [told["period"] for told in alerts(engine)] == ["2026-11-26", "2026-11-28"]


def test_accepting_the_fall_ends_it(engine: Engine, sums: tuple[Question, ...]) -> None:
    accepted(engine, InProcess(Adder()), sums)
    worse = InProcess(Adder(wrong=0.4))
    accepted(engine, worse, sums, at=NOW + DAY)
    found = run(engine, worse, sums, at=NOW + 2 * DAY)
    assert found["state"] in ("stable", "no_change_seen")
    assert found["accepted"]["period"] == "2026-11-26"


def test_worse_than_what_was_accepted_as_worse_is_news(engine: Engine, sums: tuple[Question, ...]) -> None:
    accepted(engine, InProcess(Adder()), sums)
    accepted(engine, InProcess(Adder(wrong=0.4)), sums, at=NOW + DAY)
    run(engine, InProcess(Adder(wrong=0.9)), sums, at=NOW + 2 * DAY)
    assert [told["period"] for told in alerts(engine)] == ["2026-11-26", "2026-11-27"]


def test_another_model_than_before_is_told_by_its_name(engine: Engine, sums: tuple[Question, ...]) -> None:
    with FakeModel(Adder(), name="fake-1-0813") as model:
        accepted(engine, endpoint(model), sums)
        model.name = "fake-1-1120<!channel>"
        found = run(engine, endpoint(model), sums, at=NOW + DAY)
    assert found["served_new"] == ["fake-1-1120<!channel>"]
    assert [a["kind"] for a in found["alerts"]] == ["scope_changed"]
    (told,) = alerts(engine)
    said = message(told)
    assert "fake-1-0813" in said.text
    assert "<!channel>" not in str(said.blocks)
    assert run(engine, InProcess(Adder(), "fake-1-1120<!channel>"), sums, at=NOW + 2 * DAY)["alerts"] == []
    assert run(engine, InProcess(Adder(), "fake-2"), sums, at=NOW + 3 * DAY)["alerts"] != []


def test_too_few_readable_replies_are_no_verdict(engine: Engine, sums: tuple[Question, ...]) -> None:
    accepted(engine, InProcess(Adder()), sums)
    found = run(engine, InProcess(Adder(mute=0.3)), sums, at=NOW + DAY)
    assert found["state"] == "cannot_see"
    assert found["replies"]["unread"] == {"absent": 60 - found["readable"]}
    assert [a["kind"] for a in found["alerts"]] == ["cannot_see"]
    text = message(alerts(engine)[0]).text
    assert f"{found['readable']} of 60 replies can be read" in text
    facts = {"readable": found["readable"], "questions": 60, "least": 0.9}
    assert (found["why_code"], found["why_facts"]) == ("probe_too_few_readable", facts)
    with pytest.raises(InvalidInput, match="nothing to accept"):
        accept_run(probe(sums[:25]), period="2026-11-25", engine=engine, by="ada", now=lambda: NOW)


def test_what_got_no_reply_is_asked_again_and_nothing_else(
    engine: Engine, sums: tuple[Question, ...]
) -> None:
    with FakeModel(Adder()) as model:
        model.fail(*[broken()] * 4, *[Fault(status=400)] * 16)
        found = run(engine, endpoint(model), sums, attempts=1)
        assert found["state"] == "cannot_see"
        assert found["replies"]["failed"] == {"busy": 4, "rejected": 16}
        assert found["replies"]["arrived"] == 40
        before = len(model.prompts)
        found = run(engine, endpoint(model), sums)
        assert found["state"] == "first"
        assert len(model.prompts) - before == 20
    assert len(alerts(engine)) == 1


def test_a_refused_key_is_an_alert_without_the_key(engine: Engine, sums: tuple[Question, ...]) -> None:
    with FakeModel(Adder()) as model:
        found = run(engine, endpoint(model, key="sk-very-secret"), sums)
    assert found["state"] == "cannot_see"
    assert "401" in found["why"]
    assert found["why_code"] == "probe_refused"
    assert found["replies"] == {"asked": 60, "arrived": 0, "failed": {"refused": 60}, "unread": {}}
    (told,) = alerts(engine)
    assert "very-secret" not in str(told) + str(found)


def test_an_edited_question_is_not_compared_with_its_old_answer(
    engine: Engine, sums: tuple[Question, ...]
) -> None:
    accepted(engine, InProcess(Adder()), sums)
    edited = (Question(id="q000", text="What is 0 + 4?", answer="4"), *sums[1:])
    found = run(engine, InProcess(Adder()), edited, at=NOW + DAY)
    assert found["paired"]["questions"] == 59
    assert found["setup_changed"] == ["questions"]
    few = run(
        engine,
        InProcess(Adder()),
        tuple(Question(id=q.id, text=q.text, answer="0") for q in sums),
        at=NOW + 2 * DAY,
    )
    assert few["state"] == "cannot_see"
    assert "0 questions are the same" in few["why"]
    assert few["why_code"] == "probe_too_few_same_questions"


def test_several_framings_are_asked_and_taken_together(engine: Engine, sums: tuple[Question, ...]) -> None:
    adder = Adder()
    found = run(engine, InProcess(adder), sums[:40], framings=3)
    assert found["replies"]["asked"] == found["replies"]["arrived"] == len(adder.asked) == 120
    assert found["readable"] == 40
    assert set(Counter(adder.asked).values()) == {1}


def test_what_models_wrote_is_erased_and_outcomes_stay(engine: Engine, sums: tuple[Question, ...]) -> None:
    accepted(engine, InProcess(Adder()), sums)
    later = NOW + timedelta(days=100)
    run(engine, InProcess(Adder()), sums, at=later)
    kept = Retention(contexts={}, replies={"sums": timedelta(days=90)})
    for erased in (60, 0):
        assert erase_texts(engine, kept, now=later).done == [
            {"stream": "sums", "what": "replies", "erased": erased}
        ]
    found = run(engine, InProcess(Adder()), sums, at=later)
    with engine.connect() as conn:
        oldest = conn.execute(select(func.min(tables.probe_replies.c.at))).scalar()
        outcomes = conn.execute(select(func.count()).select_from(tables.probe_outcomes)).scalar()
    assert oldest == later
    assert outcomes == 120
    assert found["paired"]["questions"] == 60


def test_two_runs_at_once_are_one(engine: Engine, sums: tuple[Question, ...]) -> None:
    accepted(engine, InProcess(Adder()), sums)
    found: list[dict[str, Any]] = []

    def once() -> None:
        found.append(run(engine, InProcess(Adder(wrong=0.4)), sums, at=NOW + DAY))

    threads = [threading.Thread(target=once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one["state"] for one in found] == ["degraded"] * 3
    assert found[0]["replies"]["arrived"] == 60
    assert len(alerts(engine)) == 1
    with engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(tables.probe_runs)).scalar() == 2
        assert conn.execute(select(func.count()).select_from(tables.probe_replies)).scalar() == 120


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_anywhere_ends_like_one_that_did_not(
    tmp_path: Path, sums: tuple[Question, ...], when: Any
) -> None:
    few = sums[:20]
    for k in (1, 2, 12, 21, 22, 23, 24, 99):
        folder = tmp_path / f"{k}"
        folder.mkdir()
        engine = database(folder)
        accepted(engine, InProcess(Adder()), few)
        crash, model = CrashAt(k, when), InProcess(Adder(wrong=0.9))
        undo = engine.dialect.do_commit
        try:
            run(crash.engine(engine), model, few, at=NOW + DAY, concurrency=1)
            survived = True
        except Crash:
            survived = False
        engine.dialect.do_commit = undo  # type: ignore[method-assign]
        found = run(engine, model, few, at=NOW + DAY)
        assert found["state"] == "degraded"
        assert [told["kind"] for told in alerts(engine)] == ["degraded"]
        assert len(model.adder.asked) <= 21  # at most the reply that was lost is asked for again
        if survived:
            assert k > crash.effects
            return
    raise AssertionError("the sweep is too short")
