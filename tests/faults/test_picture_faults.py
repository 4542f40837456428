"""A picture that dies at any of its three steps costs the picture alone, and nothing is shown twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from log_records import Records
from queues import NOW, alert, database
from sqlalchemy import Engine, select, update

from calib.db import tables
from calib.outbox import queue
from calib.outbox.place import Picture
from calib.outbox.relay import relay
from calib.outbox.slack import SlackPlace
from calib.testing.clock import ManualClock
from calib.testing.slack import TOKEN, UPLOAD, FakeSlack, Fault, broken, limited, lost, refused

PICTURE = Picture(png=b"\x89PNG", name="p.png", title="t", alt="words")
STEPS = ("files.getUploadURLExternal", UPLOAD, "files.completeUploadExternal")


def draws(payload: dict[str, Any]) -> Picture | None:
    return PICTURE if payload["kind"] == "degraded" else None


def put(engine: Engine, *kinds: str) -> None:
    with engine.begin() as conn:
        for kind in kinds:
            queue.put(conn, alert(kind), now=NOW)


def run(engine: Engine, slack: FakeSlack, clock: ManualClock, draw: Any = draws) -> Any:
    place = SlackPlace(TOKEN, channel="#ml-calibration", base_url=slack.url)
    return relay(engine, [place], now=clock.now, sleep=clock.sleep, draw=draw)


def outcome(engine: Engine) -> str:
    with engine.connect() as conn:
        remote = conn.execute(
            select(tables.deliveries.c.remote).where(tables.deliveries.c.alert_id == alert("degraded").id)
        ).scalar_one()
    return str(remote["picture"])


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone: what is looked at here is not the database's."""
    made = database(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "fault",
    [
        lost(),
        lost(accepted=False),
        limited(30),
        broken(500),
        broken(500, accepted=True),
        refused("missing_scope"),
        Fault(status=403, body="<html>no</html>"),
    ],
)
def test_a_step_that_dies_leaves_the_message_and_at_most_one_picture(
    engine: Engine, clock: ManualClock, step: str, fault: Fault, records: Records
) -> None:
    put(engine, "degraded", "a")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        slack.fail(step, fault)
        for _ in range(3):
            run(engine, slack, clock)
            clock.sleep(7200)
        assert sorted(slack.ids) == sorted([alert("degraded").id, alert("a").id])
        assert len(slack.pictures) <= 1
        seen = step == STEPS[-1] and fault.accepted
        assert bool(slack.pictures) is seen
    if fault.status == 200 and not fault.dropped and step == UPLOAD:
        return  # an upload knows no errors but those of HTTP
    assert outcome(engine).startswith("not shown: ")
    records.has("outbox.relay", "no_picture", level="warning", times=1, kind="degraded")


def test_a_relay_that_is_killed_while_it_uploads_posts_nothing_again(
    engine: Engine, clock: ManualClock
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    def dies(payload: dict[str, Any]) -> Picture | None:
        raise Killed

    put(engine, "degraded")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        with pytest.raises(Killed):
            run(engine, slack, clock, dies)
        clock.sleep(7200)
        assert run(engine, slack, clock).delivered == 0
        assert slack.ids == [alert("degraded").id]
        assert slack.pictures == []


def test_a_picture_that_cannot_be_drawn_costs_no_message(engine: Engine, clock: ManualClock) -> None:
    def fails(payload: dict[str, Any]) -> Picture | None:
        raise ValueError("postgresql://u:hunter2@db")

    put(engine, "degraded", "a")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        assert run(engine, slack, clock, fails).delivered == 2
    assert outcome(engine) == "not shown: ValueError"


def test_it_is_drawn_for_what_was_just_sent_and_shown_once(engine: Engine, clock: ManualClock) -> None:
    put(engine, "degraded", "a")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        run(engine, slack, clock)
        run(engine, slack, clock)
        assert [picture["alt_txt"] for picture in slack.pictures] == ["words"]
    assert outcome(engine) == "shown"


def test_a_message_that_is_found_again_gets_no_second_picture(engine: Engine, clock: ManualClock) -> None:
    """The relay died before it put down what it had done: an earlier attempt may have shown the picture."""
    put(engine, "degraded")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        run(engine, slack, clock)
        with engine.begin() as conn:
            conn.execute(update(tables.deliveries).values(state="waiting", remote=None))
            conn.execute(update(tables.outbox).values(state="pending"))
        clock.sleep(7200)
        assert run(engine, slack, clock).delivered == 1
        assert slack.ids == [alert("degraded").id]
        assert len(slack.pictures) == 1
