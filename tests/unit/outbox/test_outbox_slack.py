"""Slack's answers as ours, by the real SDK against a server on this machine."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from queues import NOW, parcel

from calib.alerts.message import Message
from calib.errors import DeliveryError, DeliveryUnknown, Permanent, Retryable
from calib.outbox.slack import SlackPlace
from calib.testing.slack import CHANNEL_ID, TOKEN, FakeSlack, Fault, broken, limited, lost, refused

BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "worse"}}]
MESSAGE = Message(text="worse <!channel>", blocks=BLOCKS)
POST, LONG_AGO = "chat.postMessage", NOW - timedelta(days=3650)


def sender(slack: FakeSlack, *, channel: str = "#ml-calibration", token: str = TOKEN) -> SlackPlace:
    return SlackPlace(token, channel=channel, base_url=slack.url)


def test_a_message_carries_its_alerts_id_and_can_be_found_by_it() -> None:
    with FakeSlack() as slack:
        there = sender(slack).send(parcel("id-1", MESSAGE))
        assert there == {"channel": CHANNEL_ID, "ts": slack.messages[0]["ts"]}
        assert slack.messages[0]["blocks"] == BLOCKS
        assert slack.messages[0]["text"] == "worse &lt;!channel&gt;"
        assert slack.ids == ["id-1"]
        assert sender(slack).find(parcel("id-1"), LONG_AGO) == there
        assert sender(slack).find(parcel("id-2"), LONG_AGO) is None


@pytest.mark.parametrize("channel", ["#ml-calibration", "ml-calibration", CHANNEL_ID])
def test_a_channel_goes_by_its_name_or_its_id(channel: str) -> None:
    with FakeSlack() as slack:
        sender(slack, channel=channel).send(parcel("id-1", MESSAGE))
        assert sender(slack, channel=channel).find(parcel("id-1"), LONG_AGO) is not None


def test_it_is_found_pages_back_and_not_before_the_time_asked_for() -> None:
    moment = NOW.timestamp()
    with FakeSlack(now=lambda: moment) as slack:
        for i in range(450):
            slack.messages.append(
                {"channel": CHANNEL_ID, "ts": f"{moment + i}", "text": "chat", "metadata": None, "blocks": []}
            )
        slack.messages[3]["metadata"] = {
            "event_type": "calibwatch_alert",
            "event_payload": {"id": "deep", "deployment": "here"},
        }
        slack.messages[4]["metadata"] = {
            "event_type": "somebody_elses",
            "event_payload": {"id": "deep", "deployment": "here"},
        }
        found = sender(slack).find(parcel("deep"), NOW)
        assert found is not None
        assert float(found["ts"]) == moment + 3
        assert slack.calls.count("conversations.history") == 3
        assert sender(slack).find(parcel("deep"), NOW + timedelta(seconds=4)) is None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (limited(7), Retryable),
        (refused("ratelimited"), Retryable),
        (refused("invalid_auth"), Permanent),
        (refused("token_revoked"), Permanent),
        (refused("channel_not_found"), Permanent),
        (refused("is_archived"), Permanent),
        (refused("not_in_channel"), Permanent),
        (Fault(status=403, error="access_denied"), Permanent),
        (refused("internal_error"), DeliveryUnknown),
        (broken(500), DeliveryUnknown),
        (broken(503), DeliveryUnknown),
        (broken(200, "<html>a proxy's sign-in page</html>"), DeliveryUnknown),
        (broken(200, "[1, 2]"), DeliveryUnknown),
        (broken(200, ""), DeliveryUnknown),
        (broken(500, accepted=True), DeliveryUnknown),
        (lost(), DeliveryUnknown),
        (lost(accepted=False), DeliveryUnknown),
    ],
)
def test_each_failure_is_one_of_three(fault: Fault, kind: type[DeliveryError]) -> None:
    with FakeSlack() as slack:
        slack.fail(POST, fault)
        with pytest.raises(kind) as caught:
            sender(slack).send(parcel("id-1", MESSAGE))
        assert slack.calls == [POST]  # the SDK does not retry behind our back
        assert len(slack.messages) == int(fault.accepted)
    assert TOKEN not in str(caught.value)
    assert "worse" not in str(caught.value)


@pytest.mark.parametrize(("wish", "seconds"), [("7", 7.0), ("soon", None), ("", None), ("-1", None)])
def test_the_wish_to_wait_is_read_where_it_is_a_number(wish: str, seconds: float | None) -> None:
    with FakeSlack() as slack:
        slack.fail(POST, Fault(status=429, error="ratelimited", headers={"Retry-After": wish}))
        with pytest.raises(Retryable) as caught:
            sender(slack).send(parcel("id-1", MESSAGE))
    assert caught.value.retry_after == seconds


def test_a_message_whose_blocks_are_refused_goes_as_text() -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with FakeSlack() as slack:
        sender(slack).send(parcel("id-1", Message(text="worse <!here>", blocks=blocks)))
        assert slack.ids == ["id-1"]
        assert slack.messages[0]["blocks"] is None
        assert slack.messages[0]["text"] == "worse &lt;!here&gt;"


def test_a_server_that_is_not_there_leaves_the_outcome_open() -> None:
    with FakeSlack() as slack:
        gone = sender(slack)
    with pytest.raises(DeliveryUnknown, match="did not answer"):
        gone.send(parcel("id-1", MESSAGE))


def test_a_token_is_checked() -> None:
    with FakeSlack() as slack:
        assert "signed in as calibwatch" in sender(slack).check()
        with pytest.raises(Permanent, match="invalid_auth"):
            sender(slack, token="xoxb-other").check()


def test_a_channel_that_cannot_be_seen_is_said() -> None:
    with (
        FakeSlack(channel="elsewhere") as slack,
        pytest.raises(Permanent, match="a private one"),
    ):
        sender(slack).find(parcel("id-1"), datetime.fromtimestamp(0, tz=NOW.tzinfo))
