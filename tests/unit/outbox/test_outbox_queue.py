"""The outbox: in with the transaction, out one at a time, nothing lost and nothing doubled."""

from __future__ import annotations

import threading

import pytest
from queues import MINUTE, NOW, alert
from sqlalchemy import Engine

from calib.errors import ConstraintViolated
from calib.outbox import queue


def put(engine: Engine, *kinds: str) -> None:
    with engine.begin() as conn:
        for i, kind in enumerate(kinds):
            queue.put(conn, alert(kind), now=NOW + i * MINUTE)


def test_an_alert_goes_in_once(engine: Engine) -> None:
    with engine.begin() as conn:
        assert queue.put(conn, alert(), now=NOW)
        assert not queue.put(conn, alert(what="said otherwise"), now=NOW)
        assert queue.put(conn, alert(period="2026-11"), now=NOW + MINUTE)
        first = queue.claim_next(conn, now=NOW)
    assert first is not None
    assert first.payload["facts"] == {"what": "No window was opened for 2026-10."}


def test_an_alert_that_is_malformed_is_not_taken_for_one_that_is_there(engine: Engine) -> None:
    nameless = alert()
    object.__setattr__(nameless, "severity", None)
    object.__setattr__(nameless, "period", None)
    with pytest.raises(ConstraintViolated), engine.begin() as conn:
        queue.put(conn, nameless, now=NOW)


def test_a_transaction_that_is_rolled_back_puts_nothing_in(engine: Engine) -> None:
    def die() -> None:
        with engine.begin() as conn:
            queue.put(conn, alert(), now=NOW)
            raise RuntimeError("died before the commit")

    with pytest.raises(RuntimeError, match="died"):
        die()
    with engine.begin() as conn:
        assert queue.claim_next(conn, now=NOW) is None
        assert queue.of_window(conn, "triage", "2026-10") == []


def test_the_longest_waiting_comes_first_and_is_nobody_elses_for_a_while(engine: Engine) -> None:
    put(engine, "first", "second")
    with engine.begin() as conn:
        assert queue.claim_next(conn, now=NOW - MINUTE) is None
        taken = [queue.claim_next(conn, now=NOW + MINUTE) for _ in range(3)]
        assert [pending and pending.payload["kind"] for pending in taken] == ["first", "second", None]
        later = queue.claim_next(conn, now=NOW + MINUTE + queue.LEASE)
    assert later is not None
    assert (later.payload["kind"], later.attempts) == ("first", 1)


def test_an_alert_that_kills_its_relay_stands_behind_the_others_afterwards(engine: Engine) -> None:
    put(engine, "poison")
    with engine.begin() as conn:
        queue.claim_next(conn, now=NOW)  # and the process dies
        queue.put(conn, alert("healthy"), now=NOW + MINUTE)
        following = queue.claim_next(conn, now=NOW + 2 * queue.LEASE)
    assert following is not None
    assert following.payload["kind"] == "healthy"


def test_who_was_overtaken_neither_postpones_nor_parks(engine: Engine) -> None:
    put(engine, "a")
    with engine.begin() as conn:
        slow = queue.claim_next(conn, now=NOW)
        quick = queue.claim_next(conn, now=NOW + queue.LEASE)
        assert slow is not None
        assert quick is not None
        queue.park(conn, slow, error="no")
        queue.again(conn, slow, at=NOW, error="no")
        assert queue.parked(conn) == []
        assert queue.claim_next(conn, now=NOW + queue.LEASE) is None
        queue.delivered(conn, quick.id, at=NOW, remote={"ts": "1"})
        queue.park(conn, quick, error="no")
        assert queue.of_window(conn, "triage", "2026-10")[0]["delivered"]


def test_what_is_parked_can_be_seen_and_put_up_again(engine: Engine) -> None:
    put(engine, "a", "b")
    with engine.begin() as conn:
        for _ in range(2):
            pending = queue.claim_next(conn, now=NOW + MINUTE)
            assert pending is not None
            queue.park(conn, pending, error="invalid_auth" + "x" * 1000)
        assert [entry["kind"] for entry in queue.parked(conn)] == ["a", "b"]
        assert queue.parked(conn)[0]["last_error"].startswith("invalid_auth")
        assert queue.next_due(conn) is None
        assert queue.unpark(conn, now=NOW) == 2
        assert queue.next_due(conn) == NOW
        assert queue.parked(conn) == []


def test_the_alerts_of_a_window(engine: Engine) -> None:
    put(engine, "degraded", "rejects_up")
    with engine.begin() as conn:
        queue.put(conn, alert("recovered", period="2026-11"), now=NOW)
        queue.delivered(conn, alert("degraded").id, at=NOW, remote={})
        assert queue.of_window(conn, "triage", "2026-10") == [
            {"kind": "degraded", "id": alert("degraded").id, "delivered": True, "episode": None},
            {"kind": "rejects_up", "id": alert("rejects_up").id, "delivered": False, "episode": None},
        ]


def test_what_happened_on_a_day_is_no_alert_of_that_days_window(engine: Engine) -> None:
    with engine.begin() as conn:
        for kind in ("degraded", "stream_failed", "mapping_stale"):
            queue.put(conn, alert(kind, period="2026-11-28"), now=NOW)
        found = queue.of_window(conn, "triage", "2026-11-28")
    assert [entry["kind"] for entry in found] == ["degraded"]


def test_many_relays_never_share_an_alert(engine: Engine) -> None:
    put(engine, *(f"kind-{i}" for i in range(20)))
    got: list[str] = []

    def work() -> None:
        while True:
            with engine.begin() as conn:
                pending = queue.claim_next(conn, now=NOW + 20 * MINUTE)
            if pending is None:
                return
            got.append(pending.id)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(got) == len(set(got)) == 20
