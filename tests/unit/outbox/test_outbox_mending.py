"""Parked alerts go out by themselves once their place works; silences keep what they cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from queues import NOW, alert, database
from sqlalchemy import Engine, select

from calib.alerts import NOTE, Alert
from calib.alerts.note import person_acted
from calib.db import tables
from calib.errors import InvalidInput
from calib.outbox import deliveries, handling, listing, queue, silences
from calib.outbox.relay import relay
from calib.outbox.slack import SlackPlace
from calib.outbox.undelivered import undelivered
from calib.testing.clock import ManualClock
from calib.testing.slack import TOKEN, FakeSlack, refused

HOW = {"by": "ana", "reason": "a planned migration"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone: what is looked at here is not the database's."""
    made = database(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def put(engine: Engine, *kinds: str, clock: ManualClock | None = None) -> None:
    with engine.begin() as conn:
        for kind in kinds:
            queue.put(conn, alert(kind), now=NOW if clock is None else clock.wall)


def run(engine: Engine, slack: FakeSlack, clock: ManualClock, channel: str = "#ml-calibration") -> Any:
    place = SlackPlace(TOKEN, channel=channel, base_url=slack.url)
    return relay(engine, [place], now=clock.now, sleep=clock.sleep)


def listed(engine: Engine) -> dict[str, tuple[str, str | None]]:
    with engine.connect() as conn:
        return {one.kind: (one.state, one.reason) for one in listing.raised(conn)}


def test_what_a_wrong_channel_parked_goes_out_once_the_channel_is_right(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "a", "b")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        report = run(engine, slack, clock, "#mistyped")
        assert (report.parked, len(report.kept)) == (2, 2)
        assert "channel_not_found" in report.kept[0].reason
        report = run(engine, slack, clock, "#mistyped")
        assert (report.parked, len(report.kept)) == (0, 2)  # it is not tried, and still said
        assert slack.calls.count("chat.postMessage") == 2
        assert listed(engine)["a"][0] == "parked"
        report = run(engine, slack, clock)
        assert (report.delivered, report.kept) == (2, ())
        assert len(slack.ids) == 2


@pytest.mark.slow
def test_a_place_that_says_it_works_and_refuses_is_asked_less_and_less(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "a")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        slack.fail("chat.postMessage", *[refused("restricted_action")] * 99)
        for _ in range(60):  # five hours, every five minutes
            run(engine, slack, clock)
            clock.sleep(300)
        assert 4 <= slack.calls.count("chat.postMessage") <= 10


def test_what_cannot_be_put_into_words_is_not_put_up_again_by_itself(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "a")
    with engine.begin() as conn:
        conn.execute(tables.outbox.update().values(payload={"kind": 3}))
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        for _ in range(3):
            report = run(engine, slack, clock)
            clock.sleep(86_400)
        assert len(report.kept) == 1
        assert slack.calls.count("auth.test") == 0


def test_an_alert_under_a_silence_is_kept_and_listed_and_can_be_sent(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "a")  # waits when the silence begins
    until = NOW + timedelta(hours=8)
    with engine.begin() as conn:
        begun, covered = silences.silence(conn, stream="triage", kind=None, until=until, now=NOW, **HOW)
    assert covered == 1
    clock.sleep(60)
    put(engine, "b", clock=clock)
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        run(engine, slack, clock)
        assert slack.ids == []
        said = f"silenced by ana until {until:%Y-%m-%d %H:%M} UTC: a planned migration"
        assert listed(engine) == {"a": ("silenced", said), "b": ("silenced", said)}
        with engine.connect() as conn:
            assert undelivered(conn, before=clock.wall + timedelta(days=9)) is None  # a person wanted it so
        clock.sleep(9 * 3600)
        put(engine, "c", clock=clock)  # the silence is over
        with engine.begin() as conn:
            assert handling.resend(conn, [alert("b").id[:8]], now=clock.wall, **HOW) == [alert("b").id]
        run(engine, slack, clock)
        assert sorted(slack.ids) == sorted([alert("b").id, alert("c").id])
    assert listed(engine)["a"][0] == "silenced"
    with engine.connect() as conn:
        actions = conn.execute(select(tables.alert_actions).order_by(tables.alert_actions.c.id)).all()
    assert [(row.action, row.by, row.alert_id) for row in actions] == [
        ("silenced", "ana", None),
        ("resent", "ana", alert("b").id),
    ]
    assert actions[0].silence_id == begun.id


@pytest.mark.parametrize(
    ("stream", "kind", "covers"),
    [(None, None, True), ("triage", "a", True), ("other", None, False), ("triage", "b", False)],
)
def test_a_silence_covers_what_it_names(
    engine: Engine, stream: str | None, kind: str | None, covers: bool
) -> None:
    with engine.begin() as conn:
        silences.silence(conn, stream=stream, kind=kind, until=NOW + timedelta(hours=1), now=NOW, **HOW)
    put(engine, "a")
    assert (listed(engine)["a"][0] == "silenced") is covers


@pytest.mark.parametrize("acts", ["before the silence", "under the silence"])
@pytest.mark.parametrize("within", ["an episode", "no episode"])
def test_a_silence_does_not_keep_back_who_takes_care_of_an_alert_that_was_heard(
    engine: Engine, clock: ManualClock, acts: str, within: str
) -> None:
    opened = replace(alert("degraded"), episode="e1" if within == "an episode" else None)

    def acknowledge() -> None:
        with engine.begin() as conn:
            handling.acknowledge(conn, [opened.id], by="ana", reason="on it", now=clock.wall)

    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        with engine.begin() as conn:
            queue.put(conn, opened, now=clock.wall)
        run(engine, slack, clock)
        if acts == "before the silence":
            acknowledge()
        assert begin_silence(engine, clock) == 0  # no alert waited
        if acts == "under the silence":
            acknowledge()
        run(engine, slack, clock)
        _, note = slack.messages
        assert note["thread_ts"] == slack.messages[0]["ts"]
        assert "ana has seen this and takes care of it: on it." in note["text"]


@pytest.mark.parametrize("waits", [True, False])
def test_a_silence_covers_what_was_done_about_an_alert_that_nobody_heard(
    engine: Engine, clock: ManualClock, waits: bool
) -> None:
    def act() -> None:
        about = person_acted(
            "rollback", stream="triage", period="2026-10", by="ana", reason="", key="k", episode="e1"
        )
        with engine.begin() as conn:
            queue.put(conn, replace(alert("degraded"), episode="e1"), now=clock.wall)
            queue.put(conn, about, now=clock.wall)
            deliveries.spread(conn, ["slack"], now=clock.wall)  # meant for a place, and not there yet

    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        with engine.begin() as conn:  # was heard, and is in no episode either
            queue.put(conn, replace(alert("rejects_up"), stream="other"), now=clock.wall)
            queue.put(conn, replace(quiet(), stream="other"), now=clock.wall)
        run(engine, slack, clock)
        heard = len(slack.messages)
        if waits:
            act()
        assert begin_silence(engine, clock) == int(waits)  # the note is no alert
        if not waits:
            act()
        with engine.begin() as conn:
            queue.put(conn, quiet(), now=clock.wall)
        run(engine, slack, clock)
        assert len(slack.messages) == heard


def test_a_note_that_was_refused_is_listed_and_can_be_sent_again(engine: Engine, clock: ManualClock) -> None:
    with engine.begin() as conn:
        queue.put(conn, quiet(), now=clock.wall)
    assert listed(engine) == {}
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        run(engine, slack, clock, "#mistyped")
        state, reason = listed(engine)["note"]
        assert state == "parked"
        assert reason is not None
        assert "channel_not_found" in reason
        with engine.begin() as conn:
            assert len(handling.resend_parked(conn, now=clock.wall, **HOW)) == 1
        run(engine, slack, clock)
        assert len(slack.messages) == 1
    assert listed(engine) == {}


def quiet() -> Alert:
    facts = {"key": "quiet/1", "state": "stable", "labels": 500, "ece": 0.01, "low": 0.0, "high": 0.02}
    return replace(alert(NOTE, **facts), severity="good")


def begin_silence(engine: Engine, clock: ManualClock) -> int:
    """Begin a silence of eight hours; how many alerts waited."""
    until = clock.wall + timedelta(hours=8)
    with engine.begin() as conn:
        return silences.silence(conn, stream="triage", kind=None, until=until, now=clock.wall, **HOW)[1]


def test_a_silence_that_is_ended_covers_nothing_more(engine: Engine, clock: ManualClock) -> None:
    with engine.begin() as conn:
        silences.silence(conn, stream="triage", kind=None, until=NOW + timedelta(days=1), now=NOW, **HOW)
        assert silences.end(conn, "other", now=NOW, **HOW) == []
        assert len(silences.end(conn, "triage", now=NOW + timedelta(minutes=1), **HOW)) == 1
        assert silences.in_force(conn, at=NOW + timedelta(minutes=2)) == []
    clock.sleep(120)
    put(engine, "a", clock=clock)
    assert listed(engine)["a"][0] == "waiting"


def test_what_a_person_has_seen_is_not_sent_any_more_and_its_thread_says_who(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "a", "b")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        slack.fail("chat.postMessage", refused("restricted_action"))
        run(engine, slack, clock)
        first, second = (alert(kind).id for kind in ("a", "b"))
        parked = second if slack.ids == [first] else first
        with engine.begin() as conn:
            handling.acknowledge(conn, [first, second], now=clock.wall, **HOW)
        clock.sleep(86_400)
        report = run(engine, slack, clock)
        assert report.kept == ()
        assert parked not in slack.ids
        assert [m["text"] for m in slack.messages if m["thread_ts"]] == [
            "triage 2026-10: ana has seen this and takes care of it: a planned migration."
        ]
    assert set(listed(engine).values()) == {("delivered", "acknowledged by ana: a planned migration")}


def test_nothing_is_sent_twice_and_an_id_must_be_known(engine: Engine, clock: ManualClock) -> None:
    put(engine, "a")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        run(engine, slack, clock)
    with engine.begin() as conn:
        with pytest.raises(InvalidInput, match="was delivered"):
            handling.resend(conn, [alert("a").id], now=NOW, **HOW)
        for wrong, says in (("abc", "too short"), ("ffffffffff", "0 alerts"), ("%%%%%%%%", "0 alerts")):
            with pytest.raises(InvalidInput, match=says):
                listing.find(conn, [wrong])


def test_where_nobody_would_see_an_alert_it_waits_and_is_counted(engine: Engine, clock: ManualClock) -> None:
    put(engine, "a", "b")
    report = relay(engine, [], now=clock.now, sleep=clock.sleep)
    assert (report.delivered, report.unseen) == (0, 2)
    state, why = listed(engine)["a"]
    assert state == "waiting"
    assert "no place is set where anybody would see it" in str(why)
    with engine.connect() as conn:
        assert not deliveries.remote_place_known(conn)
