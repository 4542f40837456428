"""What goes wrong on a client's first day is said: a misspelt scope, a wrong folder, a start with nothing."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from log_records import Records

from calib.client import InvalidInput, MappingClient, Status
from calib.errors import Unavailable
from calib.store import Intent, open_store, withdraw
from calib.testing.clock import ManualClock
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore

SCOPE = {"model": "gpt-4o", "prompt": "triage-v7"}


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def client(store: Any, clock: ManualClock, **more: Any) -> MappingClient:
    values: dict[str, Any] = {"stream": "triage", "background": False, "fetcher": store}
    return MappingClient("file:unused", **values | more, now=clock.now, monotonic=clock.monotonic)


@pytest.mark.parametrize(
    ("own", "named"),
    [
        (
            {"modle": "gpt-5", "prompt": "triage-v7"},
            ["this client names 'modle'", "the mapping names 'model'"],
        ),
        ({"model": "gpt-4o"}, ["the mapping names 'prompt'"]),
        (SCOPE | {"region": "eu", "tier": "1"}, ["this client names 'region', 'tier'"]),
        (None, ["the mapping names 'model', 'prompt'"]),
    ],
)
def test_keys_that_one_side_alone_names_are_said_and_refused_where_that_is_asked(
    store: FaultyStore, clock: ManualClock, own: dict[str, str] | None, named: list[str]
) -> None:
    put(store, a_mapping(1, scope=SCOPE))
    said = client(store, clock, scope=own).refresh_now()
    assert said.state == "FRESH"
    assert all(part in said.reason for part in named)
    strict = client(store, clock, scope=own, strict_scope=True)
    refused = strict.refresh_now()
    assert (refused.state, refused.mapping) == ("UNCALIBRATED", None)
    assert all(part in refused.reason for part in (*named, "strict_scope"))
    assert strict.calibrate(0.9).value == 0.9
    assert not strict.decide(0.99, target=0.1).act


def test_the_same_keys_are_no_news_and_other_values_are_refused_either_way(
    store: FaultyStore, clock: ManualClock
) -> None:
    put(store, a_mapping(1, scope=SCOPE))
    for strict in (False, True):
        assert client(store, clock, scope=SCOPE, strict_scope=strict).refresh_now()[::7] == ("FRESH", "")
        other = client(store, clock, scope=SCOPE | {"model": "gpt-5"}, strict_scope=strict).refresh_now()
        assert other.state == "UNCALIBRATED"
        assert "gpt-5" in other.reason


def test_a_remark_stays_beside_what_is_wrong(store: FaultyStore, clock: ManualClock) -> None:
    put(store, a_mapping(1, scope=SCOPE))
    c = client(store, clock)
    c.refresh_now()
    clock.pass_by(days=70)
    reason = c.status().reason
    assert "expired" in reason
    assert "only the mapping names" in reason


def test_a_store_that_has_something_else_says_what(tmp_path: Path) -> None:
    url = f"file:{tmp_path / 'mappings'}"

    def reason(**more: Any) -> str:
        with MappingClient(url, **{"stream": "triage", "background": False} | more) as c:
            status = c.refresh_now()
            assert status.state == "UNCALIBRATED"
            return status.reason

    assert "does not exist" in reason()
    put(open_store(url), a_mapping(1))
    put(open_store(url), a_mapping(1, stream="support"))
    assert "nothing of the stream triaje; it has support, triage" in reason(stream="triaje")
    assert "no channel producton; it has production" in reason(channel="producton")
    with MappingClient(url, stream="triage", background=False) as c:
        assert c.refresh_now().state == "FRESH"


def test_a_store_without_folders_says_that_nothing_is_there(store: FaultyStore, clock: ManualClock) -> None:
    c = client(store, clock)
    assert "no entry of triage/production" in c.refresh_now().reason
    put(store, a_mapping(1))
    assert c.refresh_now()[::7] == ("FRESH", "")


def test_a_change_of_state_is_told_once_and_logged(
    store: FaultyStore, clock: ManualClock, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told: list[Status] = []
    c = client(store, clock, on_state_change=told.append)
    for _ in range(2):
        c.refresh_now()
    put(store, a_mapping(1))
    for _ in range(3):
        c.refresh_now()
    store.down = True
    clock.pass_by(days=1)
    for _ in range(2):
        c.refresh_now()
    store.down = False
    c.refresh_now()
    assert [status.state for status in told] == ["UNCALIBRATED", "FRESH", "STALE", "FRESH"]
    assert told[1].mapping == a_mapping(1).digest
    assert len(records.of("client", "state")) == 4


def test_a_listener_that_fails_fails_alone(store: FaultyStore, clock: ManualClock) -> None:
    def broken(status: Status) -> None:
        raise KeyError(status.state)

    put(store, a_mapping(1))
    c = client(store, clock, on_state_change=broken)
    assert c.refresh_now().state == "FRESH"
    assert "on_state_change failed: KeyError" in c.status().reason
    assert c.calibrate(1.0).mapping == a_mapping(1).digest


def test_a_listener_may_use_the_client(store: FaultyStore, clock: ManualClock) -> None:
    """It is called without the lock that polls hold."""
    put(store, a_mapping(1))
    seen: list[str] = []

    def listen(status: Status) -> None:
        seen.append(status.state)
        seen.append(c.refresh_now().state)

    c = client(store, clock, on_state_change=listen)
    caller = threading.Thread(target=c.refresh_now, daemon=True)
    caller.start()
    caller.join(60)
    assert seen == ["FRESH", "FRESH"]


class Slow:
    """A store that answers when it is let go."""

    def __init__(self, store: FaultyStore) -> None:
        self.store, self.go = store, threading.Event()

    def get(self, key: str) -> bytes | None:
        if not self.go.wait(60):
            raise Unavailable("it never came")
        return self.store.get(key)


def test_a_service_waits_until_it_is_known_what_to_serve(store: FaultyStore) -> None:
    put(store, a_mapping(1), expires_at=None)
    slow = Slow(store)
    with MappingClient("file:unused", stream="triage", fetcher=slow) as c:
        assert not c.wait_ready(0.05)
        assert c.calibrate(1.0).status == "INITIALIZING"
        threading.Timer(0.1, slow.go.set).start()
        assert c.wait_ready(60)
        assert c.calibrate(1.0)[2:] == (a_mapping(1).digest, "FRESH")
        assert c.wait_ready(0)


@pytest.mark.parametrize("kind", ["empty", "withdrawn"])
def test_a_channel_that_serves_raw_is_known_as_well(
    store: FaultyStore, clock: ManualClock, kind: str
) -> None:
    """Else no service could start again while a channel is withdrawn."""
    if kind == "withdrawn":
        put(store, a_mapping(1))
        intent = Intent(publish_id="w", at=AT, by="ada", reason="r", expires_at=None)
        withdraw(store, stream="triage", channel="production", intent=intent)
    c = client(store, clock)
    assert c.wait_ready(0)  # without a thread it polls once itself
    assert c.status().state == "UNCALIBRATED"


def test_a_store_that_does_not_answer_leaves_it_to_the_caller(
    store: FaultyStore, clock: ManualClock, tmp_path: Path
) -> None:
    store.down = True
    began = time.monotonic()
    assert not client(store, clock).wait_ready(0.1)
    assert time.monotonic() - began < 30
    store.down = False
    put(store, a_mapping(1))
    client(store, clock, cache=tmp_path).refresh_now()
    store.down = True
    assert client(store, clock, cache=tmp_path).wait_ready(0)  # the last known good is there
    bundled = tmp_path / "bundled.json"
    bundled.write_bytes(a_mapping(2).to_bytes())
    assert client(store, clock, bundled=bundled).wait_ready(0)


def test_a_withdrawn_channel_serves_nothing_not_even_what_is_bundled(
    store: FaultyStore, clock: ManualClock, tmp_path: Path
) -> None:
    bundled = tmp_path / "bundled.json"
    bundled.write_bytes(a_mapping(2).to_bytes())
    put(store, a_mapping(1))
    intent = Intent(publish_id="w", at=AT, by="ada", reason="secret words", expires_at=None)
    withdraw(store, stream="triage", channel="production", intent=intent)
    for down in (False, True):  # the second client knows it from the cache alone
        store.down = down
        c = client(store, clock, bundled=bundled, cache=tmp_path / "cache")
        status = c.refresh_now()
        assert (status.state, status.mapping, status.generation) == ("UNCALIBRATED", None, 2)
        assert "withdrawn since" in status.reason
        assert "secret" not in status.reason
        assert c.calibrate(0.9)[:3] == (0.9, 0.9, None)
        assert not c.decide(0.99, target=0.1).act


def test_a_certificate_for_more_than_was_asked_is_used_and_named(
    store: FaultyStore, clock: ManualClock
) -> None:
    certificates = [
        {"target": target, "confidence": 0.95, "cut": cut, "share": 0.4, "n": 200, "accuracy_low": target}
        for target, cut in ((0.5, 0.62), (0.9, 0.95))
    ]
    put(store, a_mapping(1, certificates=certificates))
    c = client(store, clock)
    c.refresh_now()
    asked = c.decide(0.7, target=0.42)
    assert (asked.act, asked.cut, asked.certified) == (True, 0.62, 0.5)
    assert "which proves 0.5; no certificate is for 0.42 itself" in asked.reason
    below = c.decide(0.6, target=0.42)
    assert (below.act, below.certified) == (False, 0.5)
    exact = c.decide(0.7, target=0.5)
    assert (exact.act, exact.certified) == (True, 0.5)
    assert "itself" not in exact.reason
    assert c.decide(0.99, target=0.95)[:2] == (False, None)
    assert c.decide(0.99, target=0.95).certified is None


def test_what_a_caller_needs_is_exported() -> None:
    with pytest.raises(InvalidInput):
        MappingClient("nowhere", stream="triage")


def test_who_waited_for_the_first_answer_is_served_by_it(
    store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll is answered, and what it brought is in use a moment later: nobody may see that moment."""
    put(store, a_mapping(1, scope=SCOPE))
    made = MappingClient._snapshot

    def slowly(self: MappingClient, trusted: Any) -> Any:
        if trusted is not None:
            time.sleep(0.3)
        return made(self, trusted)

    monkeypatch.setattr(MappingClient, "_snapshot", slowly)
    with MappingClient("file:unused", stream="triage", fetcher=store, scope=SCOPE) as waiting:
        assert waiting.wait_ready(30)
        answer = waiting.calibrate(0.9)
        assert answer.mapping is not None
        assert waiting.status().mapping == answer.mapping
