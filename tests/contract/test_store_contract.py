"""Stores pass one suite, whatever is behind them; channels hold whatever the store does."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calib.client.fetch import open_fetcher
from calib.client.follower import Follower
from calib.errors import ArtifactError, Conflict, InvalidInput, OutcomeUnknown, StoreError, Unavailable
from calib.format import Entry, Mapping
from calib.format.keys import entry_key, hint_key, mapping_key
from calib.store import (
    Intent,
    Store,
    active_at,
    channels,
    head,
    history,
    mappings,
    open_epoch,
    open_store,
    promote,
    read_mapping,
    recent,
    rollback,
    withdraw,
)
from calib.testing.mappings import AT, a_mapping
from calib.testing.mappings import put as publish_mapping
from calib.testing.store import FaultyStore

CHANNEL: dict[str, Any] = {"stream": "triage", "channel": "production"}
BACK = Intent(publish_id="r", at=AT, by="ada", reason="odd", expires_at=None)
KINDS = ("memory", "files", "fake", "s3", pytest.param("seaweedfs", marks=pytest.mark.slow), "azure")


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty store of each kind; servers are found through the environment, as in production."""
    if request.param in ("s3", "seaweedfs", "azure"):
        server = request.getfixturevalue(f"{request.param}_server")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        return str(server.url())
    return {"memory": "memory:", "files": f"file:{tmp_path / 'store'}", "fake": "fake:"}[request.param]


@pytest.fixture
def store(url: str) -> Store:
    return FaultyStore() if url == "fake:" else open_store(url)


def mapping(i: int = 0) -> Mapping:
    return a_mapping(i)


def put(store: Store, i: int, *, publish_id: str | None = None, **more: Any) -> Entry:
    return publish_mapping(store, mapping(i), publish_id=publish_id or f"p{i}", **more)


def log(store: Store) -> list[Entry]:
    return history(store, stream="triage", channel="production")


def test_an_object_is_created_once(store: Store) -> None:
    assert store.get("a/b") is None
    store.create("a/b", b"one")
    store.create("a/b", b"one")
    with pytest.raises(Conflict):
        store.create("a/b", b"two")
    assert store.get("a/b") == b"one"
    assert store.keys("a/") == ["a/b"]


def test_keys_are_listed_in_order_and_after_a_key(store: Store) -> None:
    names = ["a/c/0001-01.json", "a/c/0001-02.json", "a/c/0002-01.json", "a/c/latest.json"]
    for name in [*reversed(names), "a/cc/0001-01.json", "b/c"]:
        store.create(name, b"x")
    assert store.keys("a/c/") == names
    assert store.keys("a/c/", after="a/c/0001-01.json") == names[1:]
    assert store.keys("a/c/", after="a/c/0001-015.json") == names[1:]
    assert store.keys("a/c/", after="a/c/latest.json") == []
    assert store.keys("nothing/") == []


def test_a_look_at_a_channel_finds_its_last_entry_and_what_came_before(store: Store) -> None:
    assert head(store, **CHANNEL) is None
    assert recent(store, **CHANNEL, since=AT) == []
    entries = [put(store, i, at=AT + timedelta(days=i), since=AT + timedelta(days=i)) for i in range(9)]
    assert head(store, **CHANNEL) == entries[-1]
    assert recent(store, **CHANNEL, since=AT + timedelta(days=5)) == entries[5:]
    store.hint(hint_key("triage", "production"), b"junk")
    assert head(store, **CHANNEL) == entries[-1]
    assert recent(store, **CHANNEL, since=AT - timedelta(days=1)) == entries == log(store)


def test_a_hint_may_change(store: Store) -> None:
    store.hint("h", b"1")
    store.hint("h", b"2")
    assert store.get("h") == b"2"


def test_a_channel_is_a_chain(store: Store) -> None:
    first, second = put(store, 0), put(store, 1)
    assert [e.generation for e in log(store)] == [1, 2]
    assert first.previous is None
    assert second.previous == first.digest
    assert head(store, stream="triage", channel="production") == second
    assert read_mapping(store, stream="triage", digest=second.mapping) == mapping(1)
    assert channels(store, stream="triage") == ["production"]
    assert sorted(mappings(store, stream="triage")) == sorted([first.mapping, second.mapping])


def test_the_same_intent_twice_is_once_even_when_superseded(store: Store) -> None:
    first = put(store, 0)
    put(store, 1)
    assert put(store, 0, expected=None) == first
    assert len(log(store)) == 2


def test_a_decision_made_against_another_head_is_refused(store: Store) -> None:
    first = put(store, 0, expected=None)
    put(store, 1, expected=first)
    with pytest.raises(Conflict, match="read again and decide again"):
        put(store, 2, expected=first)
    assert len(log(store)) == 2


def test_rollbacks_are_new_entries_and_go_on_backwards(store: Store) -> None:
    put(store, 0), put(store, 1), put(store, 2)
    back = rollback(store, **CHANNEL, intent=BACK)
    assert (back.generation, back.mapping, back.by, back.returns_to) == (4, mapping(1).digest, "ada", (1, 2))
    assert rollback(store, **CHANNEL, intent=BACK) == back
    further = rollback(store, **CHANNEL, intent=replace(BACK, publish_id="r2"))
    assert (further.generation, further.mapping, further.returns_to) == (5, mapping(0).digest, (1, 1))
    with pytest.raises(InvalidInput, match="served nothing before"):
        rollback(store, **CHANNEL, intent=replace(BACK, publish_id="r3"))
    assert log(store) == history(store, **CHANNEL)


def test_a_withdrawn_channel_names_the_identity_until_somebody_ends_it(store: Store) -> None:
    first = put(store, 0)
    out = withdraw(store, **CHANNEL, intent=BACK)
    assert (out.generation, out.withdrawn, out.expires_at) == (2, True, None)
    assert withdraw(store, **CHANNEL, intent=BACK) == out
    identity = read_mapping(store, stream="triage", digest=out.mapping)
    assert identity.apply(0.75) == 0.75
    assert not identity.certificates
    assert head(store, **CHANNEL) == out
    assert rollback(store, **CHANNEL, intent=replace(BACK, publish_id="r2")).mapping == first.mapping


def test_there_is_nothing_to_roll_back_at_first(store: Store) -> None:
    with pytest.raises(InvalidInput, match="nothing to roll back"):
        rollback(store, **CHANNEL, intent=BACK)
    put(store, 0)
    with pytest.raises(InvalidInput, match="served nothing before"):
        rollback(store, **CHANNEL, intent=BACK)


def test_ten_promoters_at_once_each_get_a_generation_of_their_own(store: Store) -> None:
    put(store, 0)
    done: list[Entry] = []
    threads = [
        threading.Thread(target=lambda i=i: done.append(put(store, i, since=AT if i % 2 else None)))
        for i in range(1, 11)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(e.generation for e in done) == list(range(2, 12))
    assert len(log(store)) == 11


def test_of_two_who_expect_the_same_head_one_wins(store: Store) -> None:
    first = put(store, 0)
    outcomes: list[str] = []

    def attempt(i: int) -> None:
        try:
            put(store, i, expected=first)
            outcomes.append("won")
        except Conflict:
            outcomes.append("lost")

    threads = [threading.Thread(target=attempt, args=(i,)) for i in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]


def test_a_mapping_that_was_tampered_with_is_refused(store: Store) -> None:
    digest = mapping(0).digest
    store.create(mapping_key("triage", digest), mapping(1).to_bytes())
    with pytest.raises(ArtifactError, match="does not hold the bytes"):
        read_mapping(store, stream="triage", digest=digest)
    with pytest.raises(ArtifactError, match="tampered"):
        put(store, 0)


def test_a_forged_or_forked_entry_is_refused(store: Store) -> None:
    first = put(store, 0)
    forged = Entry(
        stream="triage",
        channel="production",
        epoch=1,
        generation=2,
        previous="0" * 64,
        mapping=first.mapping,
        publish_id="x",
        at="2026-11-03T06:00:00Z",
        by="mallory",
        reason="",
        expires_at=None,
    )
    store.create(entry_key("triage", "production", 1, 2), forged.to_bytes())
    with pytest.raises(ArtifactError, match="forked"):
        log(store)


def test_an_entry_far_ahead_is_never_seen(store: Store) -> None:
    first = put(store, 0)
    store.create(entry_key("triage", "production", 1, 9), first.to_bytes())
    assert log(store) == [first]


def test_an_entry_copied_to_another_place_is_refused(store: Store) -> None:
    first = put(store, 0)
    store.create(entry_key("triage", "production", 1, 2), first.to_bytes())
    with pytest.raises(ArtifactError, match="another place"):
        log(store)


@pytest.mark.parametrize("hint", [b"", b"{}", b'{"epoch": 7, "generation": 99}', b"[1]", b"\xff"])
def test_a_wrong_hint_is_no_harm(store: Store, hint: bytes) -> None:
    put(store, 0)
    store.hint(hint_key("triage", "production"), hint)
    put(store, 1)
    assert len(log(store)) == 2


def test_what_was_in_force_when(store: Store) -> None:
    put(store, 0, at=AT)
    put(store, 1, at=AT + timedelta(days=10))
    entries = log(store)
    assert active_at(entries, AT - timedelta(seconds=1)) is None
    assert active_at(entries, AT) == entries[0]
    assert active_at(entries, AT + timedelta(days=30)) == entries[1]


@pytest.mark.parametrize("name", ["../x", "A", "", "a" * 64, "a/b", "-a"])
def test_names_that_could_leave_the_folder_are_refused(store: Store, name: str) -> None:
    with pytest.raises((InvalidInput, ArtifactError)):
        put(store, 0, channel=name)
    with pytest.raises(ArtifactError):
        Mapping(stream=name, method="m", default=mapping().default, created_at="x")


def test_promoting_a_mapping_that_is_not_there_writes_nothing(store: Store) -> None:
    with pytest.raises(InvalidInput, match="no mapping"):
        promote(
            store,
            stream="triage",
            digest="0" * 64,
            channel="production",
            intent=Intent(publish_id="p", at=AT, by="a", reason="b", expires_at=None),
        )
    assert log(store) == []


def test_a_crash_between_mapping_and_entry_leaves_the_old_mapping_and_is_completed() -> None:
    store = FaultyStore()
    first = put(store, 0)
    store.faults.extend([None, "unavailable"])
    with pytest.raises(Unavailable):
        put(store, 1)
    assert head(store, stream="triage", channel="production") == first
    assert put(store, 1).generation == 2


def test_an_entry_whose_response_was_lost_is_found_by_its_intent() -> None:
    store = FaultyStore()
    first = put(store, 0)
    store.faults.extend([None, "unknown"])
    with pytest.raises(OutcomeUnknown):
        put(store, 1, expected=first)
    other = put(store, 2)
    assert put(store, 1, expected=first).generation == 2
    assert other.generation == 3
    assert len(log(store)) == 3


def epoch(store: Store, i: int, *, publish_id: str = "e") -> Entry:
    how: dict[str, Any] = {"at": AT, "by": "ada", "reason": "restored", "expires_at": None}
    digest = mapping(i).digest
    return open_epoch(
        store,
        stream="triage",
        channel="production",
        digest=digest,
        intent=Intent(publish_id=publish_id, **how),
    )


def test_a_new_epoch_leads_out_of_a_fork_and_deletes_nothing(store: Store) -> None:
    first = put(store, 0)
    store.create(entry_key("triage", "production", 1, 2), first.to_bytes())
    with pytest.raises(ArtifactError):
        put(store, 1)
    before = store.keys("triage/")
    opened = epoch(store, 0)
    assert (opened.position, opened.previous) == ((2, 1), None)
    assert epoch(store, 0) == opened
    assert put(store, 1).position == (2, 2)
    assert [entry.position for entry in log(store)] == [(1, 1), (2, 1), (2, 2)]
    assert set(before) < set(store.keys("triage/"))


def test_an_intent_of_an_earlier_epoch_is_not_repeated_in_a_new_one(store: Store) -> None:
    first = put(store, 0)
    put(store, 1)
    epoch(store, 1)
    assert put(store, 0) == first
    assert head(store, stream="triage", channel="production") == log(store)[-1]
    assert len(log(store)) == 3


def test_an_empty_channel_needs_no_epoch_and_one_mapping_must_be_stored(store: Store) -> None:
    with pytest.raises(InvalidInput, match="has no mapping"):
        epoch(store, 0)
    put(store, 0, channel="candidate")
    with pytest.raises(InvalidInput, match="promote a mapping instead"):
        epoch(store, 0)
    assert log(store) == []


def test_what_is_too_large_is_refused_before_it_is_read(store: Store) -> None:
    store.create("big", b" " * (1 << 20))
    store.hint("bigger", b" " * ((1 << 20) + 1))
    assert len(store.get("big") or b"") == 1 << 20
    if not isinstance(store, FaultyStore):
        with pytest.raises(ArtifactError, match="refused"):
            store.get("bigger")


def test_what_readers_would_refuse_is_not_written(store: Store) -> None:
    with pytest.raises(InvalidInput, match="reason"):
        put(store, 0, reason="x" * 2001)
    with pytest.raises(ArtifactError, match="refused"):
        publish_mapping(store, a_mapping(evidence={"note": "x" * (1 << 20)}))
    assert log(store) == []
    assert mappings(store, stream="triage") == []


def test_a_client_reads_what_was_published(url: str, store: Store) -> None:
    """Through its own fetcher, by the same URL: twenty entries, and then one more."""
    if url in ("memory:", "fake:"):
        fetcher: Any = store
    else:
        fetcher = open_fetcher(url)
    follower = Follower(fetcher, stream="triage", channel="production", trusted=None)
    follower.poll()
    assert follower.head is None
    entries = [put(store, i) for i in range(20)]
    follower.poll()
    assert follower.head == entries[-1]
    assert follower.trusted is not None
    assert follower.trusted.mapping == mapping(19)
    last = put(store, 20)
    follower.poll()
    assert follower.head == last


@pytest.mark.parametrize("wrong", ["nonsense", "ftp://host", "", "s3:", "s3://", "https://host/x"])
def test_urls_of_no_store_are_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="write file:FOLDER"):
        open_store(wrong)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        open_store("file:file/below", base=tmp_path)
