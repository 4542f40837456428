"""FAULTS 9 to 12: whatever the store holds, serving goes on with the newest mapping that can be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clients import client, epoch
from log_records import Records

from calib.client import MappingClient, Status
from calib.client.cache import Cache
from calib.format.keys import entry_key, hint_key, mapping_key
from calib.store import Intent, rollback
from calib.testing.clock import ManualClock
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore


def test_fault_09_an_older_generation_is_refused_even_after_expiry_and_across_a_restart(
    store: FaultyStore, clock: ManualClock, tmp_path: Path, records: Records
) -> None:
    put(store, a_mapping(0))
    backup = dict(store.objects)
    put(store, a_mapping(1))
    first = client(store, clock, cache=tmp_path, refresh=100)
    assert first.refresh_now().generation == 2
    store.objects = backup
    clock.pass_by(days=90)
    for c in (first, client(store, clock, cache=tmp_path, refresh=100)):
        status = c.refresh_now()
        assert (status.state, status.generation, status.mapping) == ("STALE", 2, a_mapping(1).digest)
        assert c.calibrate(1.0).value == a_mapping(1).apply(1.0)
    assert "gone: was the store restored?" in first._trouble
    record = records.has("client", "refused", level="warning", stream="triage", generation=2)
    assert "was the store restored?" in record.getMessage()


def test_fault_09_a_lagging_process_cannot_move_a_shared_cache_back(
    store: FaultyStore, clock: ManualClock, tmp_path: Path, records: Records
) -> None:
    put(store, a_mapping(0))
    behind = Cache(tmp_path, stream="triage", channel="production")
    old = client(store, clock, cache=tmp_path)
    old.refresh_now()
    put(store, a_mapping(1))
    client(store, clock, cache=tmp_path).refresh_now()
    trusted = old._follower.trusted
    assert trusted is not None
    assert behind.save(trusted) == ""
    assert client(store, clock, cache=tmp_path).status().generation == 2
    records.has("client", "served", level="info", generation=2)


def test_fault_10_a_frozen_channel_is_stale_and_says_how_long(
    store: FaultyStore, clock: ManualClock, records: Records
) -> None:
    """Polls go on and succeed; nobody publishes any more."""
    put(store, a_mapping(0, certificates=({"target": 0.9, "cut": 0.5},)))
    c = client(store, clock)
    c.refresh_now()
    assert c.decide(0.9, target=0.9).act
    clock.pass_by(days=62)
    status = c.refresh_now()
    assert status.state == "STALE"
    assert "expired 2 d ago" in status.reason
    assert status.entry_age_seconds == 62 * 86_400
    assert status.age_seconds == 0
    assert c.calibrate(1.0).value == a_mapping(0).apply(1.0)
    assert c.calibrate(1.0).status == "STALE"
    assert not c.decide(0.9, target=0.9).act
    record = records.has("client", "state", level="warning", times=1, state="STALE")
    assert "expired 2 d ago" in record.getMessage()


@pytest.mark.parametrize("hint", [b'{"epoch": 1, "generation": 900}', b'{"epoch": 7, "generation": 1}', b"}"])
def test_fault_11_entries_far_ahead_and_hints_to_nowhere_are_ignored(
    store: FaultyStore, clock: ManualClock, hint: bytes, records: Records
) -> None:
    for i in range(3):
        put(store, a_mapping(i))
    put(store, a_mapping(9), channel="other")
    warm = client(store, clock)
    warm.refresh_now()
    template = json.loads(store.objects[entry_key("triage", "production", 1, 1)])
    for e, g in ((1, 900), (7, 1)):
        forged = template | {"epoch": e, "generation": g, "mapping": a_mapping(9).digest}
        forged["previous"] = None if g == 1 else "0" * 64
        store.objects[entry_key("triage", "production", e, g)] = json.dumps(forged).encode()
    store.objects[hint_key("triage", "production")] = hint
    for c in (warm, client(store, clock)):
        assert c.refresh_now()[:4] == ("FRESH", a_mapping(2).digest, 1, 3)
    records.has("client", "served", generation=3)
    assert records.warnings() == []


def forged_chain(d: dict[str, Any]) -> dict[str, Any]:
    return d | {"previous": "0" * 64}


@pytest.mark.parametrize(
    "forge",
    [
        forged_chain,
        lambda d: d | {"stream": "other"},
        lambda d: d | {"channel": "candidate"},
        lambda d: d | {"generation": 3},
        lambda d: d | {"epoch": 2},
        lambda d: d | {"format": "calibwatch.channel/2"},
        lambda d: d | {"expires_at": "tomorrow"},
        lambda d: d | {"mapping": "../../etc/passwd"},
    ],
)
def test_fault_11_a_forged_next_entry_is_refused_and_reported(
    store: FaultyStore,
    clock: ManualClock,
    forge: Callable[[dict[str, Any]], dict[str, Any]],
    records: Records,
) -> None:
    put(store, a_mapping(0))
    c = client(store, clock, refresh=100)
    c.refresh_now()
    good = put(store, a_mapping(1))
    key = entry_key("triage", "production", 1, 2)
    store.objects[key] = json.dumps(forge(json.loads(good.to_bytes()))).encode()
    status = c.refresh_now()
    assert (status.mapping, bool(status.reason)) == (a_mapping(0).digest, True)
    clock.pass_by(days=301 / 86_400)
    assert c.refresh_now().state == "STALE"
    store.objects[key] = good.to_bytes()
    assert c.refresh_now()[:4] == ("FRESH", a_mapping(1).digest, 1, 2)
    records.has("client", "refused", level="warning", generation=1)
    records.has("client", "recovered", level="info", times=1, generation=2)


def test_fault_11_a_new_epoch_recovers_every_client_and_nothing_is_deleted(
    clock: ManualClock, tmp_path: Path, records: Records
) -> None:
    """A bucket restored from a backup, then published to again: whatever each client had seen."""
    store = FaultyStore()
    clients: dict[str, MappingClient] = {"cold": client(store, clock)}
    for i in range(4):
        put(store, a_mapping(i))
        clients[f"knew {i + 1}"] = client(store, clock, cache=tmp_path / str(i))
        clients[f"knew {i + 1}"].refresh_now()
    backup = {key: data for key, data in store.objects.items() if "000000000003" not in key}
    backup = {key: data for key, data in backup.items() if "000000000004" not in key}
    store.objects = backup
    for i in (7, 8, 9):
        put(store, a_mapping(i))
    served = {name: c.refresh_now() for name, c in clients.items()}
    assert served["knew 2"].mapping == served["cold"].mapping == a_mapping(9).digest
    for known in (3, 4):
        assert served[f"knew {known}"].mapping == a_mapping(known - 1).digest
        assert "forked" in served[f"knew {known}"].reason
    there = dict(store.objects)
    epoch(store, 9)
    after = [c.refresh_now()[:4] for c in clients.values()]
    after += [client(store, clock, cache=tmp_path / str(i)).refresh_now()[:4] for i in range(4)]
    assert set(after) == {("FRESH", a_mapping(9).digest, 2, 1)}
    assert {key: store.objects[key] for key in there if "latest" not in key} == {
        key: data for key, data in there.items() if "latest" not in key
    }
    put(store, a_mapping(10))
    assert {c.refresh_now().generation for c in clients.values()} == {2}
    assert "forked" in records.has("client", "refused", level="warning").getMessage()
    records.has("client", "recovered")


def test_fault_11_another_entry_in_the_place_of_the_known_one_is_reported(
    store: FaultyStore, clock: ManualClock, records: Records
) -> None:
    """Restored, and published to once: the log is as long as it was, and not the same."""
    put(store, a_mapping(0))
    backup = dict(store.objects)
    put(store, a_mapping(1))
    c = client(store, clock, refresh=100)
    c.refresh_now()
    store.objects = backup
    put(store, a_mapping(2))
    assert "with other bytes: the history forked" in c.refresh_now().reason
    clock.pass_by(days=301 / 86_400)
    assert c.refresh_now()[:2] == ("STALE", a_mapping(1).digest)
    records.has("client", "state", level="warning", state="STALE")
    assert "forked" in records.of("client", "refused")[0].getMessage()


def test_fault_11_a_ruined_epoch_is_led_out_of_too(
    store: FaultyStore, clock: ManualClock, records: Records
) -> None:
    put(store, a_mapping(0))
    c = client(store, clock)
    c.refresh_now()
    store.objects[entry_key("triage", "production", 2, 1)] = b"junk"
    assert "not JSON" in c.refresh_now().reason
    assert c.calibrate(1.0).mapping == a_mapping(0).digest
    assert epoch(store, 0).epoch == 3
    assert c.refresh_now()[:4] == ("FRESH", a_mapping(0).digest, 3, 1)
    assert "not JSON" in records.has("client", "refused", level="warning", times=1).getMessage()
    records.has("client", "recovered", times=1)


def changed(**more: Any) -> bytes:
    return json.dumps(json.loads(a_mapping(1).to_bytes()) | more).encode()


BAD = {
    "truncated": a_mapping(1).to_bytes()[:-20],
    "oversized": a_mapping(1).to_bytes() + b" " * (1 << 20),
    "wrong digest": a_mapping(2).to_bytes(),
    "other stream": a_mapping(1, stream="other").to_bytes(),
    "non-monotone": changed(default={"kind": "piecewise_linear", "x": [0, 1], "y": [0.5, 0.4]}),
    "unsorted": changed(default={"kind": "piecewise_linear", "x": [1, 0], "y": [0.4, 0.5]}),
    "NaN": changed(default={"kind": "logistic", "a": float("nan"), "b": 0}),
    "infinity": changed(default={"kind": "logistic", "a": float("inf"), "b": 0}),
    "unknown format": changed(format="calibwatch.mapping/2"),
    "unknown kind": changed(default={"kind": "spline"}),
    "missing": None,
}


@pytest.mark.parametrize("what", BAD)
def test_fault_12_a_bad_mapping_changes_nothing_and_is_fetched_again(
    store: FaultyStore, clock: ManualClock, tmp_path: Path, what: str, records: Records
) -> None:
    """Named by its own digest where that can be: it is the content that is refused, not the name."""
    put(store, a_mapping(0))
    c = client(store, clock, cache=tmp_path)
    c.refresh_now()
    disk = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    entry = put(store, a_mapping(1))
    good = dict(store.objects)
    data = BAD[what]
    key = mapping_key("triage", a_mapping(1).digest)
    if what in ("truncated", "oversized", "wrong digest"):
        store.objects[key] = data or b""
    elif data is None:
        store.objects.pop(key)
    else:
        import hashlib

        digest = hashlib.sha256(data).hexdigest()
        forged = json.loads(entry.to_bytes()) | {"mapping": digest}
        store.objects[entry_key("triage", "production", 1, 2)] = json.dumps(forged).encode()
        store.objects[mapping_key("triage", digest)] = data
    for _ in range(2):
        status = c.refresh_now()
        assert (status.generation, status.mapping) == (1, a_mapping(0).digest)
        assert status.reason
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == disk
    assert client(store, clock, cache=tmp_path).status().generation == 1
    store.objects = good
    for fresh in (client(store, clock, cache=tmp_path), client(store, clock)):
        assert fresh.refresh_now()[:4] == ("FRESH", a_mapping(1).digest, 1, 2)
    levels = [record.levelname for record in records.of("client", "refused", generation=1)]
    assert levels == ["WARNING", "DEBUG"]  # the second poll fails like the first one


def test_a_rollback_is_followed_and_reported(
    store: FaultyStore, clock: ManualClock, records: Records
) -> None:
    put(store, a_mapping(0)), put(store, a_mapping(1))
    c = client(store, clock)
    assert isinstance(c.refresh_now(), Status)
    intent = Intent(publish_id="r", at=AT, by="ada", reason="odd", expires_at=None)
    rollback(store, stream="triage", channel="production", intent=intent)
    assert c.refresh_now()[:4] == ("FRESH", a_mapping(0).digest, 1, 3)
    records.has("client", "served", times=1, generation=3, mapping=a_mapping(0).digest)
