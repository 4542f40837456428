"""Probes in the database: opened once, replies kept once, what is accepted stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from queues import NOW
from sqlalchemy import Connection, Engine

from calib.db import probes
from calib.db.probes import QuestionOutcome, Run, Stored


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def opened(conn: Connection, period: str = "2026-11-03", **other: Any) -> Run:
    values: dict[str, Any] = {"probe": "p", "setup": {"model": "m"}, "digest": "0" * 64, "now": NOW}
    return probes.open_run(conn, period=period, **values | other)


def outcome(id_: str, correct: bool = True) -> QuestionOutcome:
    return QuestionOutcome(question_id=id_, question_digest="1" * 64, correct=correct, confidence=0.9)


def test_a_run_is_opened_once_for_each_setup(conn: Connection) -> None:
    first = opened(conn)
    assert opened(conn, now=NOW + timedelta(hours=1)) == first
    assert opened(conn, digest="2" * 64).id != first.id
    assert opened(conn, period="2026-11-04").id != first.id
    assert opened(conn, probe="q").id != first.id
    assert (first.opened_at, first.result, first.accepted_at) == (NOW, None, None)


def test_of_two_replies_to_a_question_the_first_is_kept(conn: Connection) -> None:
    run = opened(conn)
    reply = Stored(question_id="q1", framing=0, text="Answer: A", model="m")
    assert probes.keep_reply(conn, run.id, reply, at=NOW)
    assert not probes.keep_reply(
        conn, run.id, Stored(question_id="q1", framing=0, text="B", model="n"), at=NOW
    )
    assert probes.keep_reply(conn, run.id, Stored(question_id="q1", framing=1, text="B", model="m"), at=NOW)
    assert [stored.text for stored in probes.replies(conn, run.id)] == ["Answer: A", "B"]


def test_outcomes_are_replaced_until_they_are_accepted(conn: Connection) -> None:
    run = opened(conn)
    assert not probes.accept(conn, run.id, by="ada", now=NOW)  # not finished
    assert probes.finish(conn, run, result={"n": 1}, outcomes=[outcome("q1"), outcome("q2")], now=NOW)
    assert probes.finish(conn, run, result={"n": 2}, outcomes=[outcome("q1", False)], now=NOW)
    assert probes.outcomes(conn, run.id) == [outcome("q1", False)]
    assert probes.accepted(conn, "p") is None
    assert probes.accept(conn, run.id, by="ada", now=NOW)
    assert not probes.accept(conn, run.id, by="bo", now=NOW + timedelta(days=1))
    assert not probes.finish(conn, run, result={"n": 3}, outcomes=[], now=NOW)
    assert probes.outcomes(conn, run.id) == [outcome("q1", False)]
    found = probes.accepted(conn, "p")
    assert found is not None
    assert (found.id, found.accepted_by, found.result) == (run.id, "ada", {"n": 2})


def test_the_run_that_was_accepted_last_counts_whatever_its_period(conn: Connection) -> None:
    older, newer = opened(conn), opened(conn, period="2026-11-04")
    for run in (older, newer):
        probes.finish(conn, run, result={}, outcomes=[], now=NOW)
    probes.accept(conn, newer.id, by="ada", now=NOW)
    probes.accept(conn, older.id, by="ada", now=NOW + timedelta(hours=1))
    assert probes.accepted(conn, "p") == probes.reload(conn, older.id)


def test_the_run_before_is_the_last_that_was_finished(conn: Connection) -> None:
    one, two, three = (opened(conn, period=f"2026-11-0{i}") for i in (3, 4, 5))
    probes.finish(conn, one, result={}, outcomes=[], now=NOW)
    found = probes.before(conn, three)
    assert found is not None
    assert found.id == one.id  # the second was never finished
    assert probes.before(conn, one) is None
    assert two.finished_at is None


def test_replies_of_this_probe_alone_are_erased(conn: Connection) -> None:
    for name in ("p", "q"):
        run = opened(conn, probe=name)
        for i in range(3):
            reply = Stored(question_id=f"{i}", framing=0, text="x", model="m")
            probes.keep_reply(conn, run.id, reply, at=NOW + i * timedelta(days=1))
    assert probes.erase_replies(conn, "p", before=NOW + timedelta(days=2)) == 2
    assert len(probes.replies(conn, opened(conn, probe="p").id)) == 1
    assert len(probes.replies(conn, opened(conn, probe="q").id)) == 3
