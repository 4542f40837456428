"""Alerts under failure, by the real SDK: never lost, at most an identifiable duplicate, nothing blocked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from log_records import Records
from queues import NOW, alert
from sqlalchemy import Engine, delete

from calib.db import tables
from calib.outbox import deliveries, queue
from calib.outbox.place import Parcel
from calib.outbox.relay import RelayReport, relay
from calib.outbox.slack import SlackPlace
from calib.testing.clock import ManualClock
from calib.testing.slack import TOKEN, FakeSlack, Fault, broken, limited, lost, refused

POST, HISTORY = "chat.postMessage", "conversations.history"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def put(engine: Engine, *kinds: str) -> list[str]:
    with engine.begin() as conn:
        for kind in kinds:
            queue.put(conn, alert(kind), now=NOW)
    return sorted(alert(kind).id for kind in kinds)


def fake(clock: ManualClock) -> FakeSlack:
    return FakeSlack(now=lambda: clock.wall.timestamp())


def run(engine: Engine, slack: FakeSlack, clock: ManualClock, sender: Any = None) -> RelayReport:
    to = sender or SlackPlace(TOKEN, channel="#ml-calibration", base_url=slack.url)
    return replace(relay(engine, [to], now=clock.now, sleep=clock.sleep), kept=())


def states(engine: Engine) -> dict[str, bool]:
    with engine.begin() as conn:
        return {entry["id"]: entry["delivered"] for entry in queue.of_window(conn, "triage", "2026-10")}


@pytest.mark.parametrize(
    "faults",
    [
        [lost()],
        [lost(accepted=False)],
        [broken(500, accepted=True)],
        [broken(502), lost()],
        [limited(3), lost(), limited(1)],
        [refused("ratelimited"), refused("internal_error"), broken(503)],
    ],
)
def test_each_alert_arrives_exactly_once_whatever_happens_on_the_way(
    engine: Engine, clock: ManualClock, faults: list[Fault], records: Records
) -> None:
    ids = put(engine, "a", "b")
    with fake(clock) as slack:
        slack.fail(POST, *faults)
        for _ in range(4):
            run(engine, slack, clock)
            clock.sleep(3600)
        assert sorted(slack.ids) == ids
    assert all(states(engine).values())
    records.has("outbox.relay", "retried", level="warning", kind="a", stream="triage", attempt=1)


class Killed(BaseException):
    """The process ends here."""


class DyingSlack(SlackPlace):
    """Posts, and is killed before anybody hears of it."""

    def send(self, parcel: Parcel) -> dict[str, Any]:
        super().send(parcel)
        raise Killed


def test_a_crash_after_slack_accepted_is_reconciled_not_repeated(
    engine: Engine, clock: ManualClock, records: Records
) -> None:
    (id_,) = put(engine, "a")
    with fake(clock) as slack:
        with pytest.raises(Killed):
            run(engine, slack, clock, DyingSlack(TOKEN, channel="#ml-calibration", base_url=slack.url))
        assert slack.ids == [id_]
        assert states(engine) == {id_: False}
        assert run(engine, slack, clock) == RelayReport(delivered=0, retried=0, parked=0)  # its lease
        clock.sleep(deliveries.LEASE.total_seconds())
        assert run(engine, slack, clock) == RelayReport(delivered=1, retried=0, parked=0)
        assert slack.ids == [id_]
    assert states(engine) == {id_: True}
    with engine.begin() as conn:
        row = conn.execute(tables.deliveries.select()).one()
    assert row.remote["ts"] == slack.messages[0]["ts"]
    records.has("outbox.relay", "reconciled", times=1, alert=id_, attempt=2)


def test_a_restored_backup_sends_nothing_that_was_sent(
    engine: Engine, clock: ManualClock, records: Records
) -> None:
    (id_,) = put(engine, "a")
    with fake(clock) as slack:
        run(engine, slack, clock)
        with engine.begin() as conn:
            conn.execute(delete(tables.deliveries))
            conn.execute(delete(tables.outbox))
        clock.sleep(86_400)
        with engine.begin() as conn:
            queue.put(conn, alert("a"), now=clock.wall)
        assert run(engine, slack, clock).delivered == 1
        assert slack.ids == [id_]
    records.has("outbox.relay", "reconciled", times=1, alert=id_, attempt=1)


def test_without_leave_to_read_the_history_a_duplicate_can_be_told(
    engine: Engine, clock: ManualClock, records: Records
) -> None:
    (id_,) = put(engine, "a")
    with fake(clock) as slack:
        slack.fail(POST, lost())
        slack.fail(HISTORY, *[refused("missing_scope")] * 9)
        for _ in range(3):
            run(engine, slack, clock)
            clock.sleep(3600)
        assert slack.ids == [id_, id_]
    assert states(engine) == {id_: True}
    records.has("outbox.relay", "not_looked_for", level="warning", alert=id_)


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "is_archived", "channel_not_found"])
def test_what_fails_for_good_is_parked_in_sight_and_can_be_sent_once_mended(
    engine: Engine, clock: ManualClock, code: str, records: Records
) -> None:
    put(engine, "a", "b")
    with fake(clock) as slack:
        slack.fail(POST, refused(code))
        report = run(engine, slack, clock)
        assert report == RelayReport(delivered=1, retried=0, parked=1)
        with engine.begin() as conn:
            (parked,) = deliveries.parked(conn)
            assert code in parked.reason
            assert "calib.toml" in parked.reason
        run(engine, slack, clock)
        assert sorted(slack.ids) == sorted(alert(kind).id for kind in "ab")
    record = records.has("outbox.relay", "parked", level="warning", times=1, period="2026-10")
    assert code in record.getMessage()


def test_a_slack_that_is_down_costs_a_run_seconds_and_no_alert(
    engine: Engine, clock: ManualClock, records: Records
) -> None:
    ids = put(engine, *"abcdef")
    with fake(clock) as gone:
        pass
    begun = clock.wall
    assert run(engine, gone, clock).delivered == 0
    assert (clock.wall - begun).total_seconds() <= 20
    with fake(clock) as slack:
        for _ in range(3):
            clock.sleep(3600)
            run(engine, slack, clock)
        assert sorted(slack.ids) == ids
    records.has("outbox.relay", "retried", level="warning")
    assert len(records.of("outbox.relay", "delivered")) == len(ids)


def test_messages_keep_slacks_pace(engine: Engine, clock: ManualClock, records: Records) -> None:
    put(engine, *"abcd")
    times: list[float] = []

    def tell() -> float:
        times.append(clock.wall.timestamp())
        return times[-1]

    with FakeSlack(now=tell) as slack:
        run(engine, slack, clock)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == 4
    assert min(gaps) >= 1.0
    assert records.warnings() == []
