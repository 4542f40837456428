"""The serving client: boring, whatever the store does."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calib.channel import key_of, mapping_key
from calib.client import MappingClient
from calib.errors import InvalidInput
from calib.mapping import Mapping, PiecewiseLinear
from calib.store import publish, rollback
from calib.testing.store import FaultyStore

AT = datetime(2026, 11, 3, 6, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.moment, self.seconds = AT, 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.seconds


def mapping(i: int, **more: Any) -> Mapping:
    curve = PiecewiseLinear(x=(0.0, 1.0), y=(0.1, 0.5 + i / 100))
    return Mapping(
        stream="triage", method="isotonic", default=curve, created_at="2026-11-03T06:00:00Z", **more
    )


def put(store: FaultyStore, i: int, *, days: float | None = 60, **more: Any) -> None:
    publish(
        store,
        mapping(i, **more),
        channel="production",
        publish_id=f"p{i}",
        at=AT,
        by="calibwatch",
        reason="refit",
        expires_at=None if days is None else AT + timedelta(days=days),
    )


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def client(store: FaultyStore, clock: Clock, **more: Any) -> MappingClient:
    values: dict[str, Any] = {"stream": "triage", "background": False, "fetcher": store}
    return MappingClient("file:unused", **values | more, now=clock.now, monotonic=clock.monotonic)


def test_it_starts_uncalibrated_and_says_so(store: FaultyStore, clock: Clock) -> None:
    c = client(store, clock)
    assert c.calibrate(0.9) == (0.9, 0.9, None, "INITIALIZING")
    assert c.refresh_now().state == "UNCALIBRATED"
    assert c.calibrate(0.9).status == "UNCALIBRATED"
    assert not c.decide(0.99, target=0.9).act


def test_it_follows_the_channel_and_notices_a_rollback(store: FaultyStore, clock: Clock) -> None:
    put(store, 0)
    c = client(store, clock)
    assert c.refresh_now().state == "FRESH"
    assert c.calibrate(1.0) == (0.5, 1.0, mapping(0).digest, "FRESH")
    put(store, 1)
    assert c.calibrate(1.0).value == 0.5
    assert c.refresh_now().generation == 2
    assert c.calibrate(1.0).value == 0.51
    rollback(
        store,
        stream="triage",
        channel="production",
        publish_id="r",
        at=AT,
        by="ada",
        reason="odd",
        expires_at=None,
    )
    assert c.refresh_now().generation == 3
    assert c.calibrate(1.0).value == 0.5


def test_arrays_come_back_as_arrays(store: FaultyStore, clock: Clock) -> None:
    put(store, 0)
    c = client(store, clock)
    c.refresh_now()
    raw = np.linspace(0, 1, 5)
    answer = c.calibrate(raw)
    assert answer.value.tolist() == [c.calibrate(r).value for r in raw.tolist()]


@pytest.mark.parametrize("raw", [1.5, -0.1, float("nan")])
def test_only_the_callers_own_mistake_is_raised(store: FaultyStore, clock: Clock, raw: float) -> None:
    c = client(store, clock)
    with pytest.raises(InvalidInput):
        c.calibrate(raw)
    put(store, 0)
    c.refresh_now()
    with pytest.raises(InvalidInput):
        c.calibrate(raw)


def test_an_expired_mapping_serves_and_is_said_to_be_stale(store: FaultyStore, clock: Clock) -> None:
    put(store, 0, days=1)
    c = client(store, clock)
    c.refresh_now()
    clock.moment += timedelta(days=2)
    clock.seconds += 2 * 86_400
    assert c.calibrate(1.0) == (0.5, 1.0, mapping(0).digest, "STALE")
    assert "expired" in c.status().reason
    assert not c.decide(1.0, target=0.5).act


def test_a_store_that_is_down_leaves_the_last_known_good(store: FaultyStore, clock: Clock) -> None:
    put(store, 0)
    c = client(store, clock, refresh=100)
    c.refresh_now()
    store.down = True
    clock.seconds = 250
    assert c.refresh_now().state == "FRESH"
    clock.seconds = 301
    status = c.refresh_now()
    assert (status.state, status.age_seconds) == ("STALE", 301)
    assert "down" in status.reason
    assert c.calibrate(1.0).value == 0.5


def test_a_cold_start_with_the_store_down_uses_the_cache(
    store: FaultyStore, clock: Clock, tmp_path: Path
) -> None:
    put(store, 0)
    client(store, clock, cache=tmp_path).refresh_now()
    store.down = True
    c = client(store, clock, cache=tmp_path)
    assert c.calibrate(1.0).value == 0.5
    assert c.status().state == "STALE"
    assert "cache" in c.status().reason


def test_an_older_store_cannot_move_it_back_not_even_across_a_restart(
    store: FaultyStore, clock: Clock, tmp_path: Path
) -> None:
    put(store, 0)
    before = dict(store.objects)
    put(store, 1)
    client(store, clock, cache=tmp_path).refresh_now()
    store.objects = before
    c = client(store, clock, cache=tmp_path)
    assert c.refresh_now().generation == 2
    assert c.calibrate(1.0).value == 0.51


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"null", b'{"entry": 1, "mapping": 2}', b"\xff" * 100])
def test_a_corrupt_cache_is_no_cache(
    store: FaultyStore, clock: Clock, tmp_path: Path, content: bytes
) -> None:
    put(store, 0)
    folder = tmp_path / "triage" / "production"
    folder.mkdir(parents=True)
    (folder / "0001-000000000001.json").write_bytes(content)
    c = client(store, clock, cache=tmp_path)
    assert c.status().state == "INITIALIZING"
    assert c.refresh_now().state == "FRESH"


def test_a_cache_that_cannot_be_written_costs_nothing_else(
    store: FaultyStore, clock: Clock, tmp_path: Path
) -> None:
    put(store, 0)
    (tmp_path / "file").write_text("")
    assert client(store, clock, cache=tmp_path / "file" / "below").refresh_now().state == "FRESH"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_torn_write_leaves_the_old_cache(
    store: FaultyStore, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0)
    client(store, clock, cache=tmp_path).refresh_now()
    put(store, 1)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    client(store, clock, cache=tmp_path).refresh_now()
    assert client(store, clock, cache=tmp_path).status().generation == 1
    assert len(list(tmp_path.rglob("*.*"))) == 1


@pytest.mark.parametrize(
    "break_it",
    [
        lambda s, key: s.objects.update({key: b"{"}),
        lambda s, key: s.objects.update({key: mapping(9).to_bytes()}),
        lambda s, key: s.objects.update({key: s.objects[key][:-20]}),
        lambda s, key: s.objects.update({key: b" " * 2_000_000}),
        lambda s, key: s.objects.pop(key),
    ],
)
def test_a_bad_mapping_is_refused_and_fetched_again(store: FaultyStore, clock: Clock, break_it: Any) -> None:
    put(store, 0)
    c = client(store, clock)
    c.refresh_now()
    put(store, 1)
    good = dict(store.objects)
    break_it(store, mapping_key("triage", mapping(1).digest))
    status = c.refresh_now()
    assert (status.generation, c.calibrate(1.0).value) == (1, 0.5)
    assert status.reason
    store.objects = good
    assert c.refresh_now().generation == 2


def test_a_forked_history_is_refused_until_a_person_opens_a_new_epoch(
    store: FaultyStore, clock: Clock
) -> None:
    put(store, 0)
    put(store, 1)
    c = client(store, clock)
    c.refresh_now()
    other = FaultyStore()
    put(other, 0), put(other, 2), put(other, 3)
    store.objects = other.objects
    status = c.refresh_now()
    assert "forked" in status.reason
    assert c.calibrate(1.0).value == 0.51
    entry = json.loads(other.objects[key_of("triage", "production", 1, 1)])
    entry |= {"epoch": 2, "mapping": mapping(3).digest, "publish_id": "epoch-2"}
    store.objects[key_of("triage", "production", 2, 1)] = json.dumps(entry).encode()
    for key in [key_of("triage", "production", 1, g) for g in (2, 3)]:
        store.objects.pop(key)
    assert c.refresh_now().epoch == 2
    assert c.calibrate(1.0).value == 0.53


def test_another_scope_is_uncalibrated_and_says_why(store: FaultyStore, clock: Clock) -> None:
    put(store, 0, scope={"model": "gpt-4o", "prompt": "v7"})
    c = client(store, clock, scope={"model": "gpt-5"})
    c.refresh_now()
    assert c.calibrate(0.9) == (0.9, 0.9, None, "UNCALIBRATED")
    assert "gpt-5" in c.status().reason
    fits = client(store, clock, scope={"model": "gpt-4o"})
    assert fits.refresh_now().state == "FRESH"


def test_it_acts_by_certificate_alone(store: FaultyStore, clock: Clock) -> None:
    certificates = ({"target": 0.9, "cut": 0.8}, {"target": 0.97, "cut": 0.95})
    put(store, 0, certificates=certificates)
    c = client(store, clock)
    c.refresh_now()
    assert c.decide(0.8, target=0.9).act
    assert not c.decide(0.79, target=0.9).act
    assert not c.decide(0.94, target=0.9, steps=3).act  # three steps need .9655 each
    assert c.decide(0.95, target=0.9, steps=3).act
    refused = c.decide(1.0, target=0.99)
    assert not refused.act
    assert "no certificate" in refused.reason


def test_a_bundled_mapping_serves_until_something_is_fetched(
    store: FaultyStore, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "bundled.json"
    path.write_bytes(mapping(7).to_bytes())
    c = client(store, clock, bundled=path)
    assert c.calibrate(1.0).value == pytest.approx(0.57)
    assert "bundled" in c.status().reason
    put(store, 0)
    c.refresh_now()
    assert c.calibrate(1.0).value == 0.5


def test_threads_see_one_mapping_each_time_during_swaps(store: FaultyStore, clock: Clock) -> None:
    put(store, 0)
    c = client(store, clock)
    c.refresh_now()
    digests = {mapping(i).digest: 0.5 + i / 100 for i in range(30)}
    wrong: list[Any] = []
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            answer = c.calibrate(np.array([1.0, 1.0]))
            if len(set(answer.value.tolist())) != 1 or answer.value[0] != digests[answer.mapping]:
                wrong.append(answer)

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(1, 30):
        put(store, i)
        c.refresh_now()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_polls_by_itself_and_stops_when_closed(store: FaultyStore) -> None:
    put(store, 0)
    fetched = threading.Event()
    real = store.get

    def get(key: str) -> bytes | None:
        if key == key_of("triage", "production", 1, 2):
            fetched.set()
        return real(key)

    store.get = get  # type: ignore[method-assign]
    with MappingClient("file:x", stream="triage", fetcher=store, refresh=0.02) as c:
        assert fetched.wait(5)
        fetched.clear()
        assert fetched.wait(5)
        assert c.calibrate(1.0).value == 0.5


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/x"])
def test_bad_arguments_are_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidInput):
        MappingClient(url, stream="triage", background=False)
    with pytest.raises(InvalidInput):
        MappingClient("file:x", stream="../x", background=False)
    with pytest.raises(InvalidInput):
        MappingClient("file:x", stream="a", refresh=0, background=False)
