"""The relay's manners: what it tries, in what order, how long it waits and when it gives up."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from queues import NOW, alert
from sqlalchemy import Engine, text

from calib.errors import DeliveryError, DeliveryUnknown, Permanent, Retryable
from calib.outbox import deliveries, queue
from calib.outbox.place import Parcel
from calib.outbox.relay import FAILURES, PATIENCE, RelayReport, relay
from calib.outbox.terminal import TerminalPlace


@dataclass
class World:
    """A sender and a clock in one: sleeping moves the clock."""

    engine: Engine
    name: str = "slack"
    pace: float = 0.0
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    find_fails: DeliveryError | None = None
    ill: DeliveryError | None = None
    sent: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    moment: datetime = NOW

    def put(self, *kinds: str) -> None:
        with self.engine.begin() as conn:
            for kind in kinds:
                queue.put(conn, alert(kind), now=self.moment)
                self.moment += timedelta(seconds=1)

    def send(self, parcel: Parcel) -> dict[str, Any]:
        kind = next(k for k in "abcdefgh" if alert(k).id == parcel.id)
        if self.faults.get(kind):
            raise self.faults[kind].pop(0)
        self.sent.append(kind)
        return {"ts": "1"}

    def check(self) -> str:
        if self.ill is not None:
            raise self.ill
        return "well"

    def find(self, parcel: Parcel, since: datetime) -> dict[str, Any] | None:
        if self.find_fails is not None:
            raise self.find_fails
        return None

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)

    def run(self, **how: Any) -> RelayReport:
        return without_kept(relay(self.engine, [self], now=lambda: self.moment, sleep=self.sleep, **how))


def without_kept(report: RelayReport) -> RelayReport:
    return replace(report, kept=())


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_what_is_due_is_delivered_in_order_and_once(world: World) -> None:
    world.put("b", "a")
    assert world.run() == RelayReport(delivered=2, retried=0, parked=0)
    assert world.run() == RelayReport(delivered=0, retried=0, parked=0)
    assert world.sent == ["b", "a"]
    assert world.slept == []


def test_a_paced_sender_gets_a_message_a_second(world: World) -> None:
    world.pace = 1.0
    world.put("a", "b", "c")
    world.run()
    assert world.slept == [1.0, 1.0]


def test_what_fails_for_now_is_tried_again_within_seconds(world: World) -> None:
    world.faults = {"a": [Retryable("busy"), Retryable("busy")]}
    world.put("a")
    assert world.run() == RelayReport(delivered=1, retried=0, parked=0)
    assert world.slept == [2.0, 4.0]


def test_the_servers_wish_is_kept(world: World) -> None:
    world.faults = {"a": [Retryable("busy", retry_after=9.0)]}
    world.put("a", "b")
    world.run()
    assert world.sent == ["b", "a"]
    assert world.slept == [9.0]


def test_a_run_does_not_wait_for_ever(world: World) -> None:
    world.faults = {"a": [Retryable("busy", retry_after=PATIENCE + 1)]}
    world.put("a")
    assert world.run() == RelayReport(delivered=0, retried=1, parked=0)
    assert world.slept == []
    world.moment += timedelta(seconds=PATIENCE)
    assert world.run().delivered == 1
    assert world.slept == [1.0]


def test_a_clock_that_stands_still_ends_the_run(world: World) -> None:
    world.faults = {"a": [Retryable("busy")]}
    world.put("a")
    still = world.moment
    report = relay(world.engine, [world], now=lambda: still, sleep=lambda _: None)
    assert report == RelayReport(delivered=0, retried=1, parked=0)


def test_after_three_failures_in_a_row_the_rest_waits_for_the_next_run(world: World) -> None:
    world.faults = {kind: [DeliveryUnknown("timeout")] for kind in "abcde"}
    world.put(*"abcde")
    assert world.run() == RelayReport(delivered=0, retried=FAILURES, parked=0)
    assert [kind for kind in "abcde" if world.faults[kind]] == ["d", "e"]


def test_what_fails_for_good_is_parked_and_blocks_nothing(world: World) -> None:
    world.faults = {"a": [Permanent("is_archived")]}
    world.put("a", "b")
    assert world.run() == RelayReport(delivered=1, retried=0, parked=1)
    with world.engine.begin() as conn:
        assert deliveries.parked(conn)[0].reason == "is_archived"


def test_an_alert_that_cannot_be_put_into_words_is_parked_and_blocks_nothing(world: World) -> None:
    world.put("a", "b")
    with world.engine.begin() as conn:
        conn.execute(text("update outbox set payload = '{\"kind\": 3}' where kind = 'a'"))
    assert world.run() == RelayReport(delivered=1, retried=0, parked=1)
    with world.engine.begin() as conn:
        assert "malformed" in deliveries.parked(conn)[0].reason


def test_where_looking_fails_a_first_attempt_is_made_and_a_second_is_not(world: World) -> None:
    world.find_fails = DeliveryUnknown("timeout")
    world.put("a", "b")
    with world.engine.begin() as conn:
        deliveries.spread(conn, ["slack"], now=world.moment)
        deliveries.claim_next(
            conn, "slack", now=world.moment
        )  # an earlier attempt at a, and its process died
    world.moment += deliveries.LEASE
    world.run()
    assert world.sent == ["b"]


def test_where_looking_is_not_allowed_the_alert_is_sent(world: World) -> None:
    world.find_fails = Permanent("missing_scope")
    world.put("a")
    with world.engine.begin() as conn:
        deliveries.spread(conn, ["slack"], now=world.moment)
        deliveries.claim_next(conn, "slack", now=world.moment)
    world.moment += deliveries.LEASE
    assert world.run().delivered == 1


def test_one_run_has_its_limit(world: World) -> None:
    world.put(*"abcd")
    assert world.run(limit=3).delivered == 3
    assert world.run(limit=3).delivered == 1


def test_the_terminal_gets_the_words_without_control_characters(world: World) -> None:
    to = io.StringIO()
    with world.engine.begin() as conn:
        queue.put(conn, alert("a", what="no window \x1b[2J\u202e here"), now=NOW)
    report = relay(world.engine, [TerminalPlace(to)], now=lambda: NOW, sleep=world.sleep)
    assert report.delivered == 1
    assert "triage 2026-10: a\nWhat happened: no window [2J here\n" in to.getvalue()


def test_an_error_that_nobody_foresaw_stops_no_other_alert(world: World) -> None:
    world.put("a", "b", "c")
    world.faults = {"a": [KeyError("what Maria wrote")] * 9}
    report = world.run()
    assert (report.delivered, report.retried) == (2, 1)
    assert world.sent == ["b", "c"]
    with world.engine.connect() as conn:
        said = conn.execute(
            text("SELECT last_error FROM deliveries JOIN outbox ON id = alert_id WHERE kind = 'a'")
        ).scalar_one()
    assert said == "KeyError, which was not foreseen"
    world.faults = {}
    world.sleep(7200.0)
    assert world.run().delivered == 1
