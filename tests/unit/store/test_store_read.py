"""A look at a channel: what it costs, what it believes, and that it agrees with those who read everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flaky_server import flaky_server
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import Conflict, Refused
from calib.format import Entry
from calib.format.keys import entry_key, hint_key
from calib.store import Intent, head, history, open_store, promote, recent, rollback
from calib.store.read import LOOK_BACK
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore

CHANNEL: dict[str, Any] = {"stream": "triage", "channel": "production"}
HINT = hint_key("triage", "production")
DAY = timedelta(days=1)


class CountingStore(FaultyStore):
    """Objects in memory, and the requests that reached them."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.requests.append(f"get {key}")
        return super().get(key)

    def keys(self, prefix: str, *, after: str | None = None) -> list[str]:
        self.requests.append(f"list {prefix}")
        return super().keys(prefix, after=after)


def key(generation: int, epoch: int = 1) -> str:
    return entry_key("triage", "production", epoch, generation)


def entries(length: int, *, epoch: int = 1, days: Callable[[int], float] = float) -> list[Entry]:
    """An epoch's log, its entry number i dated `days(i)` after AT."""
    log: list[Entry] = []
    for generation in range(1, length + 1):
        log.append(
            Entry(
                **CHANNEL,
                epoch=epoch,
                generation=generation,
                previous=log[-1].digest if log else None,
                mapping=a_mapping(generation % 7).digest,
                publish_id=f"p{epoch}-{generation}",
                at=(AT + days(generation) * DAY).isoformat(),
                by="calibwatch",
                reason="refit",
                expires_at=None,
            )
        )
    return log


def store_of(*epochs: list[Entry]) -> CountingStore:
    """A store that holds these entries, their mappings, and the hint that the last publisher wrote."""
    store = CountingStore()
    for log in epochs:
        for entry in log:
            store.objects[key(entry.generation, entry.epoch)] = entry.to_bytes()
            store.hint(HINT, hint(*entry.position))
    for i in range(9):
        store.create(f"triage/mappings/{a_mapping(i).digest}.json", a_mapping(i).to_bytes())
    return store


def hint(epoch: int, generation: int) -> bytes:
    return f'{{"epoch": {epoch}, "generation": {generation}}}'.encode()


LONG = entries(2000)


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {HINT: hint(1, 1999)},  # a publisher died between its entry and the hint
        {HINT: hint(1, 1850)},
        {HINT: None},
        {HINT: b"junk"},
    ],
    ids=["valid", "one behind", "far behind", "absent", "junk"],
)
def test_a_look_costs_three_requests_however_long_the_log_is(kept: dict[str, bytes | None]) -> None:
    store = store_of(LONG)
    for name, data in kept.items():
        store.objects.pop(name)
        if data is not None:
            store.objects[name] = data
    assert head(store, **CHANNEL) == LONG[-1]
    assert len(store.requests) == 3, store.requests


def test_a_look_costs_three_requests_over_real_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """With listings of 1,000 keys a page, as S3 answers them."""
    with flaky_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for name, data in store_of(LONG).objects.items():
            server.objects[f"/bucket/root/{name}"] = data
        store = open_store("s3://bucket/root")
        assert head(store, **CHANNEL) == LONG[-1]
        assert len(server.requests) == 3, server.requests
        server.requests.clear()
        server.objects.pop(f"/bucket/root/{HINT}")
        assert head(store, **CHANNEL) == LONG[-1]
        assert len(server.requests) == 1 + 2 + 1  # no hint, two pages, the entry


def test_an_entry_that_was_added_since_and_an_epoch_are_seen_whatever_the_hint_says() -> None:
    log, opened = entries(5), entries(2, epoch=2)
    store = store_of(log[:3])
    store.objects |= {key(4): log[3].to_bytes(), key(5): log[4].to_bytes()}
    assert head(store, **CHANNEL) == log[4]
    store.objects |= {key(1, 2): opened[0].to_bytes(), key(2, 2): opened[1].to_bytes()}
    assert head(store, **CHANNEL) == opened[1]


@pytest.mark.parametrize(
    "forged",
    [hint(1, 9), hint(1, 10), hint(1, 999_999_999_999), hint(3, 1), hint(7, 99), hint(2, 1), b"[" * 9_999],
    ids=str,
)
def test_a_forged_entry_far_ahead_with_a_hint_that_points_at_it_is_never_seen(forged: bytes) -> None:
    """Neither beyond a missing generation nor beyond a missing epoch."""
    log = entries(10)
    store = store_of(log[:3])
    store.objects |= {key(9): log[8].to_bytes(), key(10): log[9].to_bytes()}
    store.objects[key(1, 3)] = entries(1, epoch=3)[0].to_bytes()
    store.objects[HINT] = forged
    assert head(store, **CHANNEL) == log[2] == history(store, **CHANNEL)[-1]


@given(st.data())
def test_a_look_agrees_with_whoever_reads_everything(data: st.DataObject) -> None:
    """Any number of epochs, any entry beyond a gap, any hint."""
    lengths = data.draw(st.lists(st.integers(1, 6), max_size=3))
    logs = [entries(n, epoch=epoch) for epoch, n in enumerate(lengths, 1)]
    store = store_of(*logs)
    for gap in data.draw(st.lists(st.integers(1, 4), max_size=2)):
        if logs:
            beyond = entries(len(logs[-1]) + 1 + gap, epoch=len(logs))[-1]
            store.objects.setdefault(key(beyond.generation, beyond.epoch), beyond.to_bytes())
            if history(store, **CHANNEL) != [entry for log in logs for entry in log]:
                del store.objects[key(beyond.generation, beyond.epoch)]  # two of them closed the gap
    places = st.tuples(st.integers(1, len(logs) + 2), st.integers(1, 12))
    hinted = data.draw(places | st.none() | st.binary())
    store.objects.pop(HINT, None)
    if hinted is not None:
        store.objects[HINT] = hint(*hinted) if isinstance(hinted, tuple) else hinted
    everything = history(store, **CHANNEL)
    assert head(store, **CHANNEL) == (everything[-1] if everything else None)


def test_a_gap_just_before_the_hinted_entry_is_seen() -> None:
    store = store_of(LONG)
    del store.objects[key(2000 - LOOK_BACK + 1)]
    assert head(store, **CHANNEL) == LONG[2000 - LOOK_BACK - 1] == history(store, **CHANNEL)[-1]


@pytest.mark.parametrize("junk", [b"", b"junk", LONG[1].to_bytes()])
def test_a_head_that_is_malformed_or_of_another_place_is_refused(junk: bytes) -> None:
    store = store_of(LONG[:5])
    store.objects[key(5)] = junk
    with pytest.raises(Refused, match="open-epoch triage"):
        head(store, **CHANNEL)


def test_a_head_that_vanishes_during_the_look_is_said() -> None:
    store = store_of(LONG[:5])
    listed = store.keys
    store.keys = lambda prefix, after=None: [*listed(prefix, after=after), key(6)]  # type: ignore[method-assign]
    with pytest.raises(Refused, match="is gone"):
        head(store, **CHANNEL)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(0, 12), st.integers(-1, 41))
def test_recent_entries_are_the_end_of_the_history(days: list[int], second: int, since: int) -> None:
    """From the last one dated at or before `since`, whatever the dates, and through epochs."""
    dated = entries(len(days), days=lambda i: days[i - 1])
    opened = entries(second, epoch=2, days=lambda i: (i * 17) % 41)
    store = store_of(dated, opened)
    everything = history(store, **CHANNEL)
    before = [i for i, entry in enumerate(everything) if entry.at <= (AT + since * DAY).isoformat()]
    expected = everything[before[-1] if before else 0 :]
    assert recent(store, **CHANNEL, since=AT + since * DAY) == expected


def test_recent_entries_cost_what_they_are() -> None:
    store = store_of(LONG)
    seen = recent(store, **CHANNEL, since=AT + 1990 * DAY)
    assert seen == LONG[1989:]
    assert len(store.requests) == 3 + 10 + 1  # the look, ten more entries, the last one's predecessor


def test_recent_entries_of_an_empty_channel() -> None:
    assert recent(CountingStore(), **CHANNEL, since=AT) == []


@pytest.mark.parametrize("damage", ["forged head", "forged before", "missing"])
def test_recent_entries_that_are_no_chain_are_refused(damage: str) -> None:
    log = entries(LOOK_BACK + 50)
    store = store_of(log)
    if damage == "forged head":
        store.objects[key(len(log))] = replace(log[-1], previous="0" * 64).to_bytes()
    elif damage == "forged before":
        store.objects[key(len(log) - 2)] = replace(log[-3], reason="forged").to_bytes()
    else:
        del store.objects[key(10)]
    since = AT if damage == "missing" else AT + (len(log) - 1) * DAY - 2 * DAY
    with pytest.raises(Refused):
        recent(store, **CHANNEL, since=since)


# publishers


def intent(name: str, *, since: float | None, at: float = 2001) -> Intent:
    return Intent(
        publish_id=name,
        at=AT + at * DAY,
        by="calibwatch",
        reason="refit",
        expires_at=None,
        since=None if since is None else AT + since * DAY,
    )


def test_publishing_does_not_read_the_whole_log() -> None:
    store = store_of(LONG)
    entry = put(store, a_mapping(8), publish_id="new", at=AT + 2001 * DAY, since=AT + 1999 * DAY)
    assert (entry.generation, entry.previous) == (2001, LONG[-1].digest)
    assert len(store.requests) <= 8, store.requests
    assert len(history(store, **CHANNEL)) == 2001


def test_an_intent_that_was_carried_out_is_found_though_it_was_superseded() -> None:
    """And not if it is said to be younger than it is: then the search ends before it."""
    store = store_of(LONG)
    digest = a_mapping(8).digest
    how: dict[str, Any] = {**CHANNEL, "digest": digest, "expected": None}
    assert promote(store, **how, intent=intent("p1-1990", since=1989)) == LONG[1989]
    assert promote(store, **how, intent=intent("p1-1990", since=None)) == LONG[1989]
    with pytest.raises(Conflict):
        promote(store, **how, intent=intent("p1-1990", since=1995))


def test_clocks_may_differ_by_a_day() -> None:
    """The others' entries are dated up to a day before ours, though they came later."""
    log = entries(6, days=lambda i: {4: 10.0, 5: 9.1, 6: 9.2}.get(i, float(i)))
    store = store_of(log)
    found = promote(store, **CHANNEL, digest=a_mapping(1).digest, intent=intent("p1-4", since=10, at=10))
    assert found == log[3]


def test_a_publisher_does_not_append_to_a_forged_head() -> None:
    store = store_of(LONG[:9])
    store.objects[key(9)] = replace(LONG[8], previous="0" * 64).to_bytes()
    with pytest.raises(Refused, match="forked"):
        promote(store, **CHANNEL, digest=a_mapping(1).digest, intent=intent("new", since=20))
    assert key(10) not in store.objects


def test_a_rollback_reads_back_only_as_far_as_it_must() -> None:
    store = store_of(LONG)
    entry = rollback(store, **CHANNEL, intent=intent("back", since=2001))
    assert entry.mapping == LONG[-2].mapping
    assert len(store.requests) < 20
