"""FAULTS 2 to 8: what can happen between a publisher and its store, over real sockets and real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flaky_server import Fault, FlakyServer, flaky_server
from log_records import Records

from calib import object_urls
from calib.client import MappingClient
from calib.errors import ArtifactError, Conflict, InvalidInput, OutcomeUnknown, StoreError, Unavailable
from calib.format.keys import entry_key, mapping_key
from calib.object_urls import open_remote
from calib.store import Entry, Intent, Store, head, history, mappings, objects, open_store, rollback, verify
from calib.testing.crash import Crash, CrashAt
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore

LOST = Fault("lost")
CHANNEL: dict[str, Any] = {"stream": "triage", "channel": "production"}
ROLLBACK = Intent(publish_id="r", at=AT, by="ada", reason="odd", expires_at=None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyServer]:
    monkeypatch.setattr(objects, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(object_urls, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(object_urls, "LONGEST_WAIT", 0.01)
    with flaky_server() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def store(server: FlakyServer) -> Store:
    return open_store("s3://bucket/root")


def keys(server: FlakyServer) -> list[str]:
    return sorted(key for key in server.objects if not key.endswith("latest.json"))


def log(store: Store) -> list[Entry]:
    return history(store, **CHANNEL)


def test_fault_02_a_mapping_lands_and_its_response_is_lost(
    server: FlakyServer, store: Store, records: Records
) -> None:
    """Success, reported once; no orphan, no second version."""
    server.puts.append(LOST)
    entry = put(store, a_mapping(0))
    assert log(store) == [entry]
    assert len(keys(server)) == 2
    assert [method for method, key in server.requests if "/mappings/" in key] == ["PUT", "GET", "GET"]
    key = mapping_key("triage", a_mapping(0).digest)
    records.has("store.objects", "read_back", times=1, key=key, attempt=1)


def test_fault_03_a_conflict_with_nothing_stored_is_tried_again(
    server: FlakyServer, store: Store, records: Records
) -> None:
    server.puts.extend([Fault("status", 409), Fault("status", 412), Fault("status", 503)])
    entry = put(store, a_mapping(0))
    assert log(store) == [entry]
    record = records.has("store.objects", "create_retried", level="warning", times=1, attempt=3)
    assert "503" in record.getMessage()


@pytest.mark.parametrize(
    ("status", "error"), [(409, Unavailable), (412, Unavailable), (403, Unavailable), (503, OutcomeUnknown)]
)
def test_fault_03_what_is_never_stored_is_never_reported(
    server: FlakyServer, store: Store, status: int, error: type[StoreError], records: Records
) -> None:
    """A refusal is certain; after a 503 the request may still be under way somewhere."""
    server.puts.extend([Fault("status", status)] * 20)
    with pytest.raises(error, match=r"cannot be written|may still arrive"):
        put(store, a_mapping(0))
    assert server.objects == {}
    puts = [method for method, _ in server.requests].count("PUT")
    assert puts == (1 if status == 403 else objects.ATTEMPTS)  # nothing is gained by asking a refusal again
    server.puts.clear()
    assert put(store, a_mapping(0)).generation == 1
    attempts = 1 if status == 403 else objects.ATTEMPTS
    records.has("store.objects", "not_created", times=1, attempt=attempts)
    assert len(records.of("store.objects", "create_retried")) == attempts - 1


def test_fault_03_neither_writing_nor_reading_answers(
    server: FlakyServer, store: Store, records: Records
) -> None:
    server.puts.append(LOST)
    server.gets.extend([Fault("status", 500)] * objects.ATTEMPTS)
    with pytest.raises(OutcomeUnknown, match="run it again"):
        put(store, a_mapping(0))
    assert put(store, a_mapping(0)).generation == 1
    assert len(keys(server)) == 2
    records.has("store.objects", "outcome_unknown", times=1, attempt=1)


@pytest.mark.parametrize(
    "fault", [Fault("status", 429), Fault("status", 500), Fault("status", 503), LOST, Fault("cut")], ids=str
)
def test_what_only_reads_is_tried_again(server: FlakyServer, store: Store, fault: Fault) -> None:
    store.create("a/b", b"content")
    server.gets.extend([fault] * (3 if fault.kind == "cut" else objects.ATTEMPTS - 1))
    assert store.get("a/b") == b"content"
    assert not server.gets
    if fault.kind != "cut":
        server.gets.extend([fault] * (objects.ATTEMPTS - 1))
        assert store.keys("a/") == ["a/b"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_to_read_is_final(server: FlakyServer, store: Store, status: int, records: Records) -> None:
    server.gets.extend([Fault("status", status)] * 2)
    with pytest.raises(Unavailable):
        store.get("a")
    with pytest.raises(Unavailable):
        store.keys("a/")
    assert len(server.requests) == 2
    records.has("store.objects", "unreadable", key="a")
    records.has("store.objects", "unreadable", key="a/")


def test_reading_ends_with_an_error_some_day(server: FlakyServer, store: Store, records: Records) -> None:
    server.always = Fault("status", 503)
    with pytest.raises(Unavailable, match="cannot be read"):
        store.get("a")
    assert len(server.requests) == objects.ATTEMPTS
    records.has("store.objects", "unreadable", key="a")


def test_creating_waits_longer_each_time_and_never_as_long_as_another(
    server: FlakyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "FIRST_WAIT", 0.2)

    def waits(seed: int) -> list[float]:
        slept: list[float] = []
        remote = open_remote("s3://bucket/root")
        store = objects.ObstoreStore(
            reading=remote, writing=remote, name="s3", sleep=slept.append, random=Random(seed)
        )
        server.puts.extend([Fault("status", 503)] * objects.ATTEMPTS)
        with pytest.raises(OutcomeUnknown):
            store.create("a", b"")
        return slept

    once, again, other = waits(1), waits(1), waits(2)
    assert once == again != other
    assert len(once) == objects.ATTEMPTS - 1
    for i, seconds in enumerate(once):
        assert 0.1 * 2**i <= seconds <= 0.2 * 2**i


def test_creating_waits_five_seconds_at_most() -> None:
    assert max(objects.wait(failed, Random(0)) for failed in range(50)) <= objects.LONGEST_WAIT


def test_fault_04_other_bytes_under_a_mappings_name_are_a_loud_error(
    server: FlakyServer, store: Store, records: Records
) -> None:
    key = mapping_key("triage", a_mapping(0).digest)
    store.create(key, b"other bytes")
    with pytest.raises(ArtifactError, match="tampered with"):
        put(store, a_mapping(0))
    assert store.get(key) == b"other bytes"
    assert log(store) == []
    assert [finding.kind for finding in verify(store, stream="triage").problems] == ["wrong_digest"]
    records.has("store.publish", "damaged", level="error", times=1, key=key)


def test_fault_05_an_entry_lands_its_response_is_lost_and_another_follows(
    server: FlakyServer, store: Store, records: Records
) -> None:
    """Ours is recorded as landed, then superseded; and it is not repeated."""
    first = put(store, a_mapping(0))
    other = open_store("s3://bucket/root")
    server.puts.extend([None, Fault("lost", after=lambda: put(other, a_mapping(2)))])
    ours = put(store, a_mapping(1), expected=first)
    assert ours.generation == 2
    assert put(store, a_mapping(1), expected=first) == ours
    assert [entry.mapping for entry in log(store)] == [a_mapping(i).digest for i in range(3)]
    records.has("store.objects", "read_back", key=entry_key("triage", "production", 1, 2))
    records.has("store.publish", "published_before", generation=2)


@pytest.mark.slow
def test_fault_06_ten_promoters_at_once(store: Store, records: Records) -> None:
    """One success per generation; losers read again and decide again."""
    put(store, a_mapping(0))
    outcomes: list[tuple[int, int]] = []

    def promoter(i: int) -> None:
        mine = open_store("s3://bucket/root")
        tries = 0
        while True:
            tries += 1
            there = head(mine, **CHANNEL)
            try:
                entry = put(mine, a_mapping(i), expected=there)
            except Conflict:
                continue
            assert entry.previous == (there.digest if there else None)
            outcomes.append((entry.generation, tries))
            return

    threads = [threading.Thread(target=promoter, args=(i,)) for i in range(1, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(generation for generation, _ in outcomes) == list(range(2, 12))
    assert max(tries for _, tries in outcomes) > 1
    assert verify(store, stream="triage").ok
    lost = records.of("store.publish", "race_lost") + records.of("store.publish", "moved_meanwhile")
    assert len(lost) >= sum(tries - 1 for _, tries in outcomes) > 0
    assert len(records.of("store.publish", "published")) == 11


@pytest.mark.parametrize("when", ["before", "after"])
def test_fault_07_a_crash_at_every_effect_of_publishing(when: Any, records: Records) -> None:
    """Readers see the old mapping or the new one; the rerun ends like the run that did not crash."""
    whole = FaultyStore()
    put(whole, a_mapping(0)), put(whole, a_mapping(1))
    for k in range(1, 5):
        store = FaultyStore()
        put(store, a_mapping(0))
        crash = CrashAt(k, when)
        try:
            put(crash.store(store), a_mapping(1))
        except Crash:
            client = MappingClient("file:x", stream="triage", fetcher=store, background=False)
            landed = entry_key("triage", "production", 1, 2) in store.objects
            assert client.refresh_now().mapping == a_mapping(int(landed)).digest
            put(store, a_mapping(1))
        else:
            assert crash.effects == 3  # the mapping, the entry, the hint
        entries = {key: data for key, data in store.objects.items() if "latest" not in key}
        assert entries == {key: data for key, data in whole.objects.items() if "latest" not in key}
    records.has("store.publish", "published_before" if when == "after" else "published", generation=2)


KILLED = """
import os, signal, sys
from calib.store import objects, open_store
from calib.testing.mappings import a_mapping, put
store, count = open_store(sys.argv[1]), 0
class Killing:
    def __getattr__(self, name): return getattr(store, name)
    def create(self, key, data):
        global count
        count += 1
        if count == int(sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)
        store.create(key, data)
put(Killing(), a_mapping(1))
"""


@pytest.mark.parametrize("k", [1, 2, 3])
def test_fault_07_a_process_that_is_killed_while_it_publishes_to_files(tmp_path: Path, k: int) -> None:
    url = f"file:{tmp_path}"
    store = open_store(url)
    put(store, a_mapping(0))
    done = subprocess.run([sys.executable, "-c", KILLED, url, str(k)], env=os.environ | {"PYTHONPATH": "."})
    assert done.returncode == (-signal.SIGKILL if k < 3 else 0)
    assert len(log(store)) == (1 if k < 3 else 2)
    assert sorted(mappings(store, stream="triage")) == sorted(a_mapping(i).digest for i in range(min(k, 2)))
    put(store, a_mapping(1))
    assert [entry.mapping for entry in log(store)] == [a_mapping(0).digest, a_mapping(1).digest]
    assert verify(store, stream="triage").ok


def test_fault_08_a_person_rolls_back_while_the_month_is_published(
    server: FlakyServer, store: Store, records: Records
) -> None:
    """The publish loses the race for the entry, sees the person's decision and stands back."""
    put(store, a_mapping(0))
    bad = put(store, a_mapping(1))
    person = open_store("s3://bucket/root")
    server.puts.extend([None, Fault("none", before=lambda: rollback(person, **CHANNEL, intent=ROLLBACK))])
    with pytest.raises(Conflict, match="moved meanwhile by ada"):
        put(store, a_mapping(2), expected=bad)
    assert [entry.by for entry in log(store)] == ["calibwatch", "calibwatch", "ada"]
    assert log(store)[-1].mapping == a_mapping(0).digest
    records.has("store.publish", "race_lost", times=1, generation=3)
    record = records.has("store.publish", "moved_meanwhile", times=1, generation=3)
    assert "odd" not in record.getMessage()  # what a person writes stays in the store


def test_errors_carry_no_secret(
    server: FlakyServer, monkeypatch: pytest.MonkeyPatch, records: Records
) -> None:
    monkeypatch.delenv("AWS_SKIP_SIGNATURE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIDENTITY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "sessiontoken")
    server.gets.append(Fault("status", 403))
    with pytest.raises(Unavailable) as caught:
        open_store("s3://bucket/root").get("a")
    assert "403" in str(caught.value)
    for secret in ("hunter2", "sessiontoken", "AKIAIDENTITY"):
        assert secret not in str(caught.value)
    server.puts.extend([Fault("status", 503)] * objects.ATTEMPTS)
    with pytest.raises(StoreError, match=r"s3://user:\*\*\*@bucket/root:") as shown:
        open_store("s3://user:hunter2@bucket/root").create("a", b"")
    with pytest.raises(InvalidInput, match=r"'\?' ends the path") as refused:
        open_store("s3://user:hunter2@bucket/root?sig=hunter2")
    assert "hunter2" not in str(shown.value) + str(refused.value)
    for shown_record in records.of("store.objects", "create_retried"):
        assert "hunter2" not in shown_record.getMessage() + str(vars(shown_record))
