"""Threads, pictures, mentions and the check of a channel, by the real SDK against a server here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from queues import NOW, alert, parcel
from sqlalchemy import Engine, select, update

from calib.alerts.message import Message
from calib.alerts.note import person_acted
from calib.db import tables
from calib.errors import DeliveryError, Permanent
from calib.outbox import deliveries, queue
from calib.outbox.place import Picture
from calib.outbox.relay import relay
from calib.outbox.slack import SlackPlace
from calib.outbox.slack_webhook import SlackWebhookPlace
from calib.testing.clock import ManualClock
from calib.testing.slack import CHANNEL_ID, HOOK, TOKEN, FakeSlack, Fault, lost, refused

PICTURE = Picture(png=b"\x89PNG...", name="p.png", title="a picture", alt="what it shows")


def place(slack: FakeSlack, **how: Any) -> SlackPlace:
    return SlackPlace(TOKEN, channel="#ml-calibration", base_url=slack.url, **how)


def put(engine: Engine, *kinds: str, episode: str | None = "e-1", **how: Any) -> None:
    with engine.begin() as conn:
        for kind in kinds:
            queue.put(conn, replace(alert(kind), episode=episode, **how), now=NOW)


def run(engine: Engine, slack: FakeSlack, clock: ManualClock) -> Any:
    return relay(engine, [place(slack)], now=clock.now, sleep=clock.sleep)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def test_an_episode_is_one_thread_and_the_mix_of_scores_comes_after_the_verdict(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "score_mix", "certificate_broken", "degraded")
    put(engine, "a", episode=None)
    with FakeSlack() as slack:
        run(engine, slack, clock)
        put(engine, "recovered")
        run(engine, slack, clock)
        kinds = {
            alert(kind).id: kind for kind in ("score_mix", "certificate_broken", "degraded", "a", "recovered")
        }
        told = [
            (kinds[id_], message["thread_ts"]) for id_, message in zip(slack.ids, slack.messages, strict=True)
        ]
    in_thread = [kind for kind, thread in told if thread is not None]
    assert in_thread == ["certificate_broken", "score_mix", "recovered"]
    (root,) = [
        m["ts"] for m in slack.messages if m["metadata"]["event_payload"]["id"] == alert("degraded").id
    ]
    assert {thread for _, thread in told} == {None, root}
    assert ("a", None) in told


def test_a_reply_waits_for_what_opens_its_thread_and_others_do_not_wait(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "degraded", "score_mix")
    put(engine, "a", episode=None)
    with FakeSlack() as slack:
        slack.fail("chat.postMessage", refused("ratelimited"), *[refused("ratelimited")] * 4)
        run(engine, slack, clock)
        clock.sleep(7200)
        run(engine, slack, clock)
        order = [id_ for id_ in slack.ids if id_ != alert("a").id]
    assert order == [alert("degraded").id, alert("score_mix").id]
    assert slack.messages[slack.ids.index(alert("score_mix").id)]["thread_ts"] is not None


def test_a_reply_that_is_parked_or_whose_thread_is_gone_is_not_lost(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "degraded", "score_mix")
    with FakeSlack() as slack:
        slack.fail("chat.postMessage", refused("restricted_action"))
        report = run(engine, slack, clock)
        assert (report.delivered, report.parked) == (1, 1)
        assert slack.messages[0]["thread_ts"] is None
        slack.messages.clear()  # somebody deletes the message
        put(engine, "recovered")
        run(engine, slack, clock)
        assert alert("recovered").id in slack.ids


def test_a_reply_that_landed_is_found_in_its_thread(engine: Engine, clock: ManualClock) -> None:
    put(engine, "degraded", "score_mix")
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        run(engine, slack, clock)
        with engine.begin() as conn:
            mine = tables.deliveries.c.alert_id == alert("score_mix").id
            conn.execute(update(tables.deliveries).where(mine).values(state="waiting", remote=None))
            lost = update(tables.outbox).where(tables.outbox.c.id == alert("score_mix").id)
            conn.execute(lost.values(state="pending"))
        clock.sleep(deliveries.LEASE.total_seconds())
        run(engine, slack, clock)
        assert slack.ids.count(alert("score_mix").id) == 1
        with engine.connect() as conn:
            remote = conn.execute(select(tables.deliveries.c.remote).where(mine)).scalar_one()
        assert remote["thread"] == slack.messages[0]["ts"]


def test_only_what_is_bad_is_shown_in_the_channel_beside_the_thread(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "early_warning")
    put(engine, "degraded", severity="bad")
    put(engine, "score_mix")
    with FakeSlack() as slack:
        run(engine, slack, clock)
        shown = {id_: m["reply_broadcast"] for id_, m in zip(slack.ids, slack.messages, strict=True)}
    assert shown[alert("degraded").id] in (True, "true", "1")
    assert shown[alert("score_mix").id] in (False, "false", "0")


def test_a_note_is_said_in_the_thread_of_its_alert_and_is_no_alert(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "a", episode=None)
    told = {"stream": "triage", "period": "2026-10", "by": "ana <!here>", "reason": "looking", "key": "k"}
    note = person_acted("acknowledge", about=alert("a").id, **told)
    with engine.begin() as conn:
        queue.put(conn, note, now=NOW)
        assert not queue.put(conn, note, now=NOW)
    with FakeSlack() as slack:
        run(engine, slack, clock)
        first, second = slack.messages
    assert second["thread_ts"] == first["ts"]
    assert second["text"] == "triage 2026-10: ana &lt;!here&gt; has seen this and takes care of it: looking."
    with engine.connect() as conn:
        assert [one["kind"] for one in queue.of_window(conn, "triage", "2026-10")] == ["a"]
        assert queue.counts(conn, "triage") == {"delivered": 1}


def test_two_deployments_with_streams_of_one_name_share_a_channel(tmp_path: Any, clock: ManualClock) -> None:
    from queues import database

    engines = []
    for name in ("production", "staging"):
        (tmp_path / name).mkdir()
        engines.append(database(tmp_path / name))
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        for engine in engines:
            put(engine, "degraded")
            run(engine, slack, clock)
        assert slack.ids == [alert("degraded").id] * 2
        whose = [m["metadata"]["event_payload"]["deployment"] for m in slack.messages]
        assert len(set(whose)) == 2
    for engine in engines:
        engine.dispose()


def test_an_alert_of_the_first_version_is_recognised_and_another_s_is_not(
    engine: Engine, clock: ManualClock
) -> None:
    put(engine, "a", "b", episode=None)
    with engine.begin() as conn:  # a was stored by version 0.1.0, which named no deployment
        conn.execute(update(tables.outbox).where(tables.outbox.c.kind == "a").values(deployment=None))
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        for kind in ("a", "b"):
            place(slack).send(parcel(alert(kind).id, deployment=None))
        run(engine, slack, clock)
        assert slack.ids.count(alert("a").id) == 1
        assert slack.ids.count(alert("b").id) == 2  # the first one is of another deployment that is still old


@pytest.mark.parametrize(
    ("owner", "mention"),
    [
        ("@ml-oncall", "&lt;!subteam^S00000001&gt;"),
        ("@maria", "&lt;@U00000001&gt;"),
        ("U00000009", "&lt;@U00000009&gt;"),
        ("S00000009", "&lt;!subteam^S00000009&gt;"),
        ("@nobody", "@nobody"),
    ],
)
def test_an_owner_is_mentioned_by_what_slack_knows_of_them(owner: str, mention: str) -> None:
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in ("head", "tonight", "more")
    ]
    with FakeSlack() as slack:
        slack.groups, slack.people = {"ml-oncall": "S00000001"}, {"maria": "U00000001"}
        place(slack).send(parcel(message=Message(text="worse", blocks=blocks, owner=owner)))
        (said,) = slack.messages
    expected = mention.replace("&lt;", "<").replace("&gt;", ">")
    assert [block["text"]["text"] for block in said["blocks"]] == [
        "head",
        "tonight",
        f"{expected} owns this stream.",
        "more",
    ]
    assert said["text"] == f"worse\n{expected}"


def test_an_owner_that_cannot_be_looked_up_costs_no_alert() -> None:
    with FakeSlack() as slack:
        slack.fail("usergroups.list", refused("missing_scope"))
        place(slack).send(parcel(message=Message(text="worse", blocks=[], owner="@ml-oncall")))
        assert "@ml-oncall" in slack.messages[0]["text"]
        with pytest.raises(Permanent, match="nobody whom this token can find"):
            place(slack).owner("@ml-oncall")


def test_a_picture_is_shown_in_the_thread_with_words_for_who_cannot_see_it() -> None:
    with FakeSlack() as slack:
        remote = place(slack).send(parcel())
        place(slack).attach(PICTURE, remote)
        (shown,) = slack.pictures
    assert shown == {
        "png": PICTURE.png,
        "alt_txt": PICTURE.alt,
        "name": PICTURE.name,
        "title": PICTURE.title,
        "channel": CHANNEL_ID,
        "thread_ts": slack.messages[0]["ts"],
    }


def test_a_channel_that_alerts_would_not_reach_is_said() -> None:
    with FakeSlack() as slack:
        assert "signed in as calibwatch, alerts go to #ml-calibration" in place(slack).check()
        slack.scopes = "chat:write,channels:read"
        assert "no scope channels:history (to recognise" in place(slack).check()
        slack.member = False
        with pytest.raises(Permanent, match=r"not in the channel .*/invite @calibwatch"):
            place(slack).check()
        slack.archived = True
        with pytest.raises(Permanent, match="archived"):
            place(slack).check()
        with pytest.raises(Permanent, match="no channel #other"):
            SlackPlace(TOKEN, channel="#other", base_url=slack.url).check()
        slack.archived, slack.member = False, True
        with pytest.raises(Permanent, match="no channel #labels"):
            place(slack, also=["#labels"]).check()
        slack.fail("conversations.list", refused("missing_scope"))
        assert "cannot be looked up without the scope channels:read" in place(slack).check()


def test_an_alert_for_reviewers_goes_to_their_channel() -> None:
    with FakeSlack(channel="labels") as slack:
        remote = place(slack).send(parcel(channel="#labels"))
        assert remote["channel"] == CHANNEL_ID
        assert place(slack).find(parcel(channel="#labels"), NOW) is not None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (None, None),
        (Fault(status=429), "Retryable"),
        (Fault(status=404, body="no_service"), "Permanent"),
        (Fault(status=500), "DeliveryUnknown"),
        (lost(), "DeliveryUnknown"),
    ],
)
def test_an_incoming_webhook_takes_messages_and_says_no_secret(
    fault: Fault | None, error: str | None
) -> None:
    with FakeSlack() as slack:
        hooked = SlackWebhookPlace(slack.webhook)
        if fault is not None:
            slack.fail(HOOK, fault)
        if error is None:
            assert hooked.send(parcel()) == {"channel": "incoming webhook"}
            assert slack.hooked[0]["blocks"]
        else:
            with pytest.raises(DeliveryError) as caught:
                hooked.send(parcel())
            assert type(caught.value).__name__ == error
            assert "/services/" not in str(caught.value)
    assert hooked.find(parcel(), NOW) is None
    with pytest.raises(Permanent, match="is not encrypted"):
        SlackWebhookPlace("http://hooks.example/services/x").check()
