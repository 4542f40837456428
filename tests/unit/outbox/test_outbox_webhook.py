"""The webhook: what is posted, how it is signed, and what its answers mean."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from queues import NOW, alert, parcel
from sqlalchemy import Engine

from calib.errors import DeliveryError, DeliveryUnknown, Permanent, Retryable
from calib.outbox import deliveries, queue
from calib.outbox.relay import relay
from calib.outbox.webhook import WebhookPlace, event, key
from calib.results.alerts import AlertEvent
from calib.results.codec import from_json
from calib.testing.clock import ManualClock
from calib.testing.loopback import Fault
from calib.testing.slack import FakeSlack
from calib.testing.webhook import FakeWebhook

SECRET = "0123456789abcdef-a-secret"
ROOT = Path(__file__).resolve().parents[3]


def place(hook: FakeWebhook, secret: str | None = SECRET) -> WebhookPlace:
    return WebhookPlace(hook.url, secret=secret, clock=lambda: NOW)


def test_an_alert_is_posted_whole_signed_and_with_one_key_each_time() -> None:
    with FakeWebhook() as hook:
        assert place(hook).send(parcel("id-1"))["status"] == 200
        place(hook).send(parcel("id-1"))
        place(hook).send(parcel("id-1", deployment="staging"))
        first, again, other = hook.posted
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == "here.id-1"
    assert other.headers["idempotency-key"] == "staging.id-1"
    assert first.headers["content-type"].startswith("application/json")
    told = from_json(AlertEvent, first.event, what="the event")
    assert (told.schema, told.id, told.deployment) == ("calibwatch.alert/1", "id-1", "here")
    assert (told.kind, told.stream, told.period) == ("window_missed", "triage", "2026-10")
    assert told.raised_at == "2026-11-03T06:00:00Z"
    assert "No window was opened" in told.text
    id_, at = first.headers["webhook-id"], first.headers["webhook-timestamp"]
    assert at == str(int(NOW.timestamp()))
    signed = f"{id_}.{at}.".encode() + first.body
    mac = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert first.headers["webhook-signature"] == f"v1,{mac}"


def test_the_check_of_the_signature_in_the_documentation_works() -> None:
    page = (ROOT / "docs" / "how-to" / "alerts.md").read_text(encoding="utf-8")
    (code,) = [part for part in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) if "hmac" in part]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 (the text of our own page)
    verify = names["verify"]
    assert callable(verify)
    with FakeWebhook() as hook:
        place(hook).send(parcel())
        (posted,) = hook.posted
    at = NOW.timestamp()
    assert verify(posted.body, posted.headers, SECRET, now=at + 60)
    assert not verify(posted.body + b" ", posted.headers, SECRET, now=at)
    assert not verify(posted.body, posted.headers, "another secret of its own", now=at)
    assert not verify(posted.body, posted.headers, SECRET, now=at + 3600)  # replayed
    moved = posted.headers | {"webhook-timestamp": str(int(at + 3600))}
    assert not verify(posted.body, moved, SECRET, now=at + 3600)


def test_a_secret_in_the_form_of_standard_webhooks_is_decoded() -> None:
    raw = bytes(range(24))
    assert key("whsec_" + base64.b64encode(raw).decode()) == raw
    assert key("x" * 16) == b"x" * 16
    for wrong in ("tiny", "whsec_!!", "whsec_" + base64.b64encode(b"tiny").decode()):
        with pytest.raises(Permanent, match="CALIB_WEBHOOK_SECRET") as caught:
            key(wrong)
        assert wrong not in str(caught.value)


def test_nothing_is_sent_unsigned() -> None:
    with FakeWebhook() as hook:
        for attempt in (lambda: place(hook, None).send(parcel()), place(hook, None).check):
            with pytest.raises(Permanent, match="CALIB_WEBHOOK_SECRET is not set"):
                attempt()
        assert hook.tried == 0


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Fault(status=302, headers={"Location": "http://127.0.0.1:1/x"}), Permanent, "redirect"),
        (Fault(status=307, headers={"Location": "/alerts"}), Permanent, "none is followed"),
        (Fault(status=401), Permanent, "HTTP 401"),
        (Fault(status=410, body="gone: secret words"), Permanent, "HTTP 410"),
        (Fault(status=429, headers={"Retry-After": "9"}), Retryable, "HTTP 429"),
        (Fault(status=503), Retryable, "HTTP 503"),
        (Fault(dropped=True), DeliveryUnknown, "did not answer"),
    ],
)
def test_each_answer_means_one_thing(fault: Fault, kind: type[DeliveryError], says: str) -> None:
    with FakeWebhook() as hook:
        hook.fail(fault)
        with pytest.raises(kind, match=says) as caught:
            place(hook).send(parcel())
        assert hook.tried == 1
    assert SECRET not in str(caught.value)
    assert "secret words" not in str(caught.value)
    if isinstance(caught.value, Retryable) and fault.status == 429:
        assert caught.value.retry_after == 9.0


def test_a_receiver_that_is_not_there_is_tried_later() -> None:
    with FakeWebhook() as hook:
        gone = place(hook)
        assert "takes a connection" in gone.check()
        assert hook.posted == []
    for attempt in (lambda: gone.send(parcel()), gone.check):
        with pytest.raises(Retryable, match="takes no connection"):
            attempt()


def test_what_is_posted_has_the_schema_of_the_reference() -> None:
    schema = json.loads((ROOT / "docs/reference/json/alert-event.schema.json").read_text(encoding="utf-8"))
    with FakeWebhook() as hook:
        place(hook).send(parcel())
        posted = hook.posted[0].event
    assert set(posted) == set(schema["properties"])
    assert event(parcel(deployment=None)).deployment is None


def test_one_dead_place_blocks_no_other_and_nothing_comes_twice_there(engine: Engine) -> None:
    from calib.outbox.slack import SlackPlace
    from calib.testing.slack import TOKEN

    clock = ManualClock(NOW)
    with engine.begin() as conn:
        for kind in ("a", "b"):
            queue.put(conn, alert(kind), now=NOW)
    with FakeSlack(now=lambda: clock.wall.timestamp()) as slack:
        with FakeWebhook() as hook:
            dead = place(hook)
        to_slack = SlackPlace(TOKEN, channel="#ml-calibration", base_url=slack.url)
        report = relay(engine, [dead, to_slack], now=clock.now, sleep=clock.sleep)
        assert (report.delivered, report.retried) == (2, 2)
        assert len(slack.ids) == 2
        with engine.connect() as conn:
            assert deliveries.waiting(conn) == 2  # not everybody has them yet
        with FakeWebhook() as alive:
            clock.sleep(7200)
            again = relay(engine, [place(alive), to_slack], now=clock.now, sleep=clock.sleep)
            assert again.delivered == 2
            assert sorted(one.event["kind"] for one in alive.posted) == ["a", "b"]
        assert len(slack.ids) == 2
        with engine.connect() as conn:
            assert deliveries.waiting(conn) == 0


def test_a_place_that_was_added_gets_what_comes_and_not_what_was(engine: Engine) -> None:
    with engine.begin() as conn:
        queue.put(conn, alert("a"), now=NOW)
    with FakeWebhook() as hook, FakeWebhook() as second:
        first = place(hook)
        relay(engine, [first], now=lambda: NOW, sleep=lambda _: None)
        other = WebhookPlace(second.url, secret=SECRET, clock=lambda: NOW)
        other.name = "second"
        with engine.begin() as conn:
            queue.put(conn, replace(alert("b")), now=NOW)
        relay(engine, [first, other], now=lambda: NOW, sleep=lambda _: None)
        assert [one.event["kind"] for one in hook.posted] == ["a", "b"]
        assert [one.event["kind"] for one in second.posted] == ["b"]
