"""The outbox: in with the transaction, out one at a time, nothing lost and nothing doubled."""

from __future__ import annotations

import threading

import pytest
from queues import MINUTE, NOW, alert
from sqlalchemy import Engine

from calib.errors import ConstraintViolated
from calib.outbox import deliveries, queue

PLACE = "slack"


def put(engine: Engine, *kinds: str) -> None:
    with engine.begin() as conn:
        for i, kind in enumerate(kinds):
            queue.put(conn, alert(kind), now=NOW + i * MINUTE)
            deliveries.spread(conn, [PLACE], now=NOW + i * MINUTE)


def test_an_alert_goes_in_once(engine: Engine) -> None:
    with engine.begin() as conn:
        assert queue.put(conn, alert(), now=NOW)
        assert not queue.put(conn, alert(what="said otherwise"), now=NOW)
        assert queue.put(conn, alert(period="2026-11"), now=NOW + MINUTE)
        deliveries.spread(conn, [PLACE], now=NOW)
        first = deliveries.claim_next(conn, PLACE, now=NOW)
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
        assert deliveries.claim_next(conn, PLACE, now=NOW) is None
        assert queue.of_window(conn, "triage", "2026-10") == []


def test_the_longest_waiting_comes_first_and_is_nobody_elses_for_a_while(engine: Engine) -> None:
    put(engine, "first", "second")
    with engine.begin() as conn:
        assert deliveries.claim_next(conn, PLACE, now=NOW - MINUTE) is None
        taken = [deliveries.claim_next(conn, PLACE, now=NOW + MINUTE) for _ in range(3)]
        assert [pending and pending.payload["kind"] for pending in taken] == ["first", "second", None]
        later = deliveries.claim_next(conn, PLACE, now=NOW + MINUTE + deliveries.LEASE)
    assert later is not None
    assert (later.payload["kind"], later.attempts) == ("first", 1)


def test_an_alert_that_kills_its_relay_stands_behind_the_others_afterwards(engine: Engine) -> None:
    put(engine, "poison")
    with engine.begin() as conn:
        deliveries.claim_next(conn, PLACE, now=NOW)  # and the process dies
        queue.put(conn, alert("healthy"), now=NOW + MINUTE)
        deliveries.spread(conn, [PLACE], now=NOW + MINUTE)
        following = deliveries.claim_next(conn, PLACE, now=NOW + 2 * deliveries.LEASE)
    assert following is not None
    assert following.payload["kind"] == "healthy"


def test_who_was_overtaken_neither_postpones_nor_parks(engine: Engine) -> None:
    put(engine, "a")
    with engine.begin() as conn:
        slow = deliveries.claim_next(conn, PLACE, now=NOW)
        quick = deliveries.claim_next(conn, PLACE, now=NOW + deliveries.LEASE)
        assert slow is not None
        assert quick is not None
        deliveries.park(conn, slow, now=NOW, error="no")
        deliveries.again(conn, slow, at=NOW, error="no")
        assert deliveries.parked(conn) == []
        assert deliveries.claim_next(conn, PLACE, now=NOW + deliveries.LEASE) is None
        deliveries.delivered(conn, quick, at=NOW, remote={"ts": "1"})
        deliveries.park(conn, quick, now=NOW, error="no")
        assert queue.of_window(conn, "triage", "2026-10")[0]["delivered"]


def test_what_is_parked_can_be_seen_and_put_up_again(engine: Engine) -> None:
    put(engine, "a", "b")
    with engine.begin() as conn:
        for _ in range(2):
            pending = deliveries.claim_next(conn, PLACE, now=NOW + MINUTE)
            assert pending is not None
            deliveries.park(conn, pending, now=NOW, error="invalid_auth" + "x" * 1000)
        parked = deliveries.parked(conn)
        assert [entry.kind for entry in parked] == ["a", "b"]
        assert parked[0].reason.startswith("invalid_auth")
        assert deliveries.next_due(conn, PLACE) is None
        assert deliveries.unpark(conn, [entry.id for entry in parked], now=NOW) == 2
        assert deliveries.next_due(conn, PLACE) == NOW
        assert deliveries.parked(conn) == []


def test_the_alerts_of_a_window(engine: Engine) -> None:
    put(engine, "degraded", "rejects_up")
    with engine.begin() as conn:
        queue.put(conn, alert("recovered", period="2026-11"), now=NOW)
        sent = deliveries.claim_next(conn, PLACE, now=NOW)
        assert sent is not None
        deliveries.delivered(conn, sent, at=NOW, remote={})
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
                pending = deliveries.claim_next(conn, PLACE, now=NOW + 20 * MINUTE)
            if pending is None:
                return
            got.append(pending.id)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(got) == len(set(got)) == 20
