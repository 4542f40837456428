"""FAULTS 9 to 16: whatever the store, the disk and the clock do, serving goes on and says how it is."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flaky_server import Fault, FlakyServer, flaky_server
from log_records import Records

from calib.client import MappingClient, Status
from calib.client.cache import Cache
from calib.client.polling import LONGEST_PAUSE, pause
from calib.format import Entry, Mapping
from calib.format.keys import entry_key, hint_key, mapping_key
from calib.store import Intent, open_epoch, open_store, rollback
from calib.testing.clock import ManualClock
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    with flaky_server() as running:
        yield running


def client(fetcher: Any, clock: ManualClock, **more: Any) -> MappingClient:
    values: dict[str, Any] = {"stream": "triage", "background": False, "fetcher": fetcher}
    return MappingClient("file:unused", **values | more, now=clock.now, monotonic=clock.monotonic)


def epoch(store: Any, i: int) -> Entry:
    return open_epoch(
        store,
        stream="triage",
        channel="production",
        digest=a_mapping(i).digest,
        intent=Intent(publish_id=f"epoch-{i}", at=AT, by="ada", reason="restored", expires_at=None),
    )


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


KILLED = """
import json, os, resource, signal, sys
from pathlib import Path
from calib.client import MappingClient, cache
from calib.testing.mappings import a_mapping, put
from calib.testing.store import FaultyStore

store = FaultyStore()
put(store, a_mapping(0))
root, results = Path(sys.argv[1]), []
def client(folder):
    return MappingClient("file:x", stream="triage", fetcher=store, cache=folder, background=False)
for k in range(1, 400):
    folder = root / str(k)
    client(folder).refresh_now()
    child = os.fork()
    if child == 0:
        put(store, a_mapping(1))
        steps = 0
        def each_line(frame, event, argument):
            global steps
            if frame.f_code.co_filename != cache.__file__: return None
            steps += event == "line"
            if steps == k: os.kill(os.getpid(), signal.SIGKILL)
            return each_line
        mine = client(folder)
        sys.settrace(each_line)
        mine.refresh_now()
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = client(folder).status()
    files = sorted(path.suffix for path in folder.rglob("*.*"))
    results.append([os.WIFSIGNALED(status), found.state, found.generation, files])
    if not os.WIFSIGNALED(status): break
full = root / "full"
client(full).refresh_now()
put(store, a_mapping(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
status = client(full).refresh_now()
results.append([status.state, status.generation, status.reason, client(full).status().generation])
print(json.dumps(results))
"""


def test_fault_13_killed_at_every_step_of_writing_the_cache_and_a_full_disk(tmp_path: Path) -> None:
    """SIGKILL before each line that the cache executes: what starts next finds the old entry or the new."""
    run = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    *kills, full = json.loads(done.stdout)
    assert len(kills) > 25
    assert [killed for killed, *_ in kills] == [True] * (len(kills) - 1) + [False]
    generations = [generation for _, _, generation, _ in kills]
    assert generations == sorted(generations)
    assert set(generations) == {1, 2}
    assert {state for _, state, _, _ in kills} == {"STALE"}
    assert any(".unfinished" in files for *_, files in kills)
    assert kills[-1][-1] == [".json", ".json"]
    state, generation, reason, kept = full
    assert (state, generation, kept) == ("FRESH", 2, 1)
    assert "cannot be written: File too large" in reason


def test_fault_13_a_folder_that_cannot_be_written_or_made(
    store: FaultyStore, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: Records
) -> None:
    put(store, a_mapping(0))
    (tmp_path / "file").write_text("")
    c = client(store, clock, cache=tmp_path / "file" / "below")
    status = c.refresh_now()
    assert status.state == "FRESH"
    assert "the cache in" in status.reason
    refuse = PermissionError(13, "Permission denied")
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (_ for _ in ()).throw(refuse))
    c = client(store, clock, cache=tmp_path / "readonly")
    assert "Permission denied" in c.refresh_now().reason
    monkeypatch.undo()
    assert c.refresh_now().reason == ""  # written at last, though nothing new was published
    assert client(store, clock, cache=tmp_path / "readonly").status().generation == 1
    assert "Permission denied" in records.has("client", "refused", level="warning").getMessage()
    records.has("client", "recovered", times=1)


def test_fault_13_any_damage_to_the_cache_is_seen(
    store: FaultyStore, clock: ManualClock, tmp_path: Path
) -> None:
    """Bytes flipped, lengths cut: the entry as it was, or none; never another, never an exception."""
    put(store, a_mapping(0))
    client(store, clock, cache=tmp_path).refresh_now()
    (path,) = tmp_path.rglob("*.json")
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    damaged += [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(0, len(whole), 3)]
    cache = Cache(tmp_path, stream="triage", channel="production")
    good = cache.load()
    for content in damaged:
        path.write_bytes(content)
        found = cache.load()
        assert found is None or (found.entry, found.mapping) == (good and good.entry, good and good.mapping)
    path.write_bytes(whole)
    put(store, a_mapping(1))
    client(store, clock, cache=tmp_path).refresh_now()
    max(tmp_path.rglob("*.json")).write_bytes(b"{")
    assert client(store, clock, cache=tmp_path).status().generation == 1  # the one before is still there


def test_fault_13_damaged_cache_then_bundled_then_uncalibrated(
    store: FaultyStore, clock: ManualClock, tmp_path: Path, records: Records
) -> None:
    store.down = True
    folder = tmp_path / "triage" / "production"
    folder.mkdir(parents=True)
    (folder / "0001-000000000001.json").write_bytes(b"\xff")
    (tmp_path / "bundled.json").write_bytes(a_mapping(3).to_bytes())
    c = client(store, clock, cache=tmp_path, bundled=tmp_path / "bundled.json")
    assert c.refresh_now()[:2] == ("STALE", a_mapping(3).digest)
    assert not c.decide(1.0, target=0.5).act
    bare = client(store, clock, cache=tmp_path)
    assert bare.refresh_now().state == "UNCALIBRATED"
    assert bare.calibrate(0.9) == (0.9, 0.9, None, "UNCALIBRATED")
    records.has("client", "state", level="warning", state="STALE", mapping=a_mapping(3).digest)
    records.has("client", "state", level="warning", state="UNCALIBRATED", mapping=None)
    records.has("client", "poll_failed", level="warning", times=2, attempt=1)


def test_fault_14_a_cold_start_with_the_store_down_answers_at_once(
    server: FlakyServer, records: Records
) -> None:
    """INITIALIZING says that no poll has ended: had anything waited for the store, one would have."""
    server.always = Fault("hang")
    with MappingClient(server.web, stream="triage", timeout=600) as c:
        assert c.calibrate(0.9) == (0.9, 0.9, None, "INITIALIZING")
    with MappingClient(server.web, stream="triage", timeout=0.5) as c:
        wait_for(lambda: c.status().state == "UNCALIBRATED")
        assert c.calibrate(0.9).status == "UNCALIBRATED"
        assert "cannot be read" in c.status().reason
    wait_for(lambda: records.of("client", "poll_failed"))  # the status is there a moment before the record
    records.has("client", "state", level="warning", state="UNCALIBRATED")


def wait_for(happened: Callable[[], Any], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


TROUBLES = [Fault("status", code) for code in (401, 403, 429, 500, 503)]
TROUBLES += [Fault("hang"), Fault("drip"), Fault("lost"), Fault("oversized")]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda fault: f"{fault.kind}{fault.status or ''}")
def test_fault_15_polling_goes_on_through_every_trouble(
    server: FlakyServer, monkeypatch: pytest.MonkeyPatch, trouble: Fault, records: Records
) -> None:
    """Each request ends by its timeout; what is known is served meanwhile, as fast as ever."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://bucket")
    put(store, a_mapping(0), at=datetime.now(AT.tzinfo), expires_at=None)
    with MappingClient(server.web, stream="triage", refresh=0.05, timeout=0.3) as c:
        wait_for(lambda: c.status().state == "FRESH")
        server.always = trouble
        said = "refused" if trouble.kind == "oversized" else "cannot be read"
        wait_for(lambda: said in c.status().reason)
        slowest = []
        for _ in range(200):
            begin = time.perf_counter()
            assert c.calibrate(1.0).mapping == a_mapping(0).digest
            slowest.append(time.perf_counter() - begin)
        assert sorted(slowest)[100] < 0.03  # a tenth of what a request may take
        wait_for(lambda: c.status().state == "STALE")
        server.always = None
        put(store, a_mapping(1), at=datetime.now(AT.tzinfo), expires_at=None)
        wait_for(lambda: c.status()[:2] == ("FRESH", a_mapping(1).digest))
    wait_for(lambda: records.of("client", "recovered"))  # the status is there a moment before the record
    event = "refused" if trouble.kind == "oversized" else "poll_failed"
    assert records.of("client", event)[0].levelname == "WARNING"
    records.has("client", "state", level="info", state="FRESH")


def test_fault_15_no_request_outlasts_its_timeout(server: FlakyServer, records: Records) -> None:
    for trouble in (Fault("hang"), Fault("drip")):
        server.always = trouble
        c = MappingClient(server.web, stream="triage", timeout=0.3, background=False)
        begin = time.perf_counter()
        c.refresh_now()
        assert time.perf_counter() - begin < 20  # left alone, they take minutes
    records.has("client", "poll_failed", level="warning", times=2, attempt=1)


def test_fault_15_a_clock_stepped_by_a_day_stops_nothing(
    store: FaultyStore, clock: ManualClock, records: Records
) -> None:
    put(store, a_mapping(0))
    c = client(store, clock)
    c.refresh_now()
    for step in (1, -2, 1):
        clock.step(timedelta(days=step))
        assert c.refresh_now().state == "FRESH"
        assert c.status().age_seconds == 0
    clock.step(timedelta(days=61))
    assert c.status().state == "STALE"  # by the wall clock it has expired: heeded at once
    assert not c.decide(1.0, target=0.5).act
    assert c.calibrate(1.0).status == "FRESH"  # the read path asks the monotonic clock alone
    c.refresh_now()
    assert c.calibrate(1.0).status == "STALE"
    clock.step(timedelta(days=-61))
    assert c.refresh_now().state == "FRESH"
    records.has("client", "state", level="warning", times=1, state="STALE")


def test_fault_15_a_stale_answer_takes_no_longer_than_a_fresh_one(
    store: FaultyStore, clock: ManualClock
) -> None:
    put(store, a_mapping(0))
    c = client(store, clock)
    c.refresh_now()

    def fastest() -> float:
        times = []
        for _ in range(50):
            begin = time.thread_time()
            for _ in range(200):
                c.calibrate(0.9)
            times.append(time.thread_time() - begin)
        return min(times)

    fresh = fastest()
    store.down = True
    clock.pass_by(days=100)
    c.refresh_now()
    assert c.calibrate(0.9).status == "STALE"
    assert fastest() < 1.5 * fresh


def test_fault_15_jitter_spreads_a_thousand_clients() -> None:
    """All start at the same moment: by the third poll no second of five minutes holds more than a few."""
    rng = np.random.default_rng(0)
    at = sum(np.array([pause(300, 0, u) for u in rng.random(1000)]) for _ in range(2))
    busiest = Counter(np.floor(at).astype(int).tolist()).most_common(1)[0][1]
    assert busiest < 20  # of 1,000 that would have come at once; about 7 on average at the peak
    assert at.min() > 300 * 1.5 - 1
    assert at.max() < 300 * 2.5 + 1


def test_fault_15_back_off_is_capped() -> None:
    pauses = [pause(300, failures, 0.5) for failures in range(1000)]
    assert pauses[0] == 300
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert pause(3600, 1000, 0.5) == 3600
    assert pause(0.1, 3, 0.5) == pytest.approx(0.8)


def test_fault_16_every_batch_uses_one_mapping_during_swaps(
    store: FaultyStore, clock: ManualClock, records: Records
) -> None:
    """Each swap is made while all threads serve, and waits until each of them has served the new mapping."""
    mappings = [a_mapping(i) for i in range(20)]
    curves: dict[str | None, Mapping] = {mapping.digest: mapping for mapping in mappings}
    put(store, mappings[0])
    c = client(store, clock)
    c.refresh_now()
    raw = np.linspace(0, 1, 257)
    wrong: list[Any] = []
    served: list[set[str | None]] = [set() for _ in range(4)]
    stop = threading.Event()

    def serve(seen: set[str | None]) -> None:
        while not stop.is_set():
            for answer in (c.calibrate(raw), c.calibrate(1.0)):
                if not np.array_equal(answer.value, curves[answer.mapping].apply(answer.raw)):
                    wrong.append(answer)
                seen.add(answer.mapping)

    threads = [threading.Thread(target=serve, args=(seen,)) for seen in served]
    for thread in threads:
        thread.start()
    try:
        for mapping in mappings[1:]:
            put(store, mapping)
            c.refresh_now()
            wait_for(lambda: all(mapping.digest in seen for seen in served))  # noqa: B023  waited for here
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert c.calibrate(1.0).mapping == mappings[-1].digest
    served = [record.mapping for record in records.of("client", "served")]  # type: ignore[attr-defined]
    assert served == [mapping.digest for mapping in mappings]


def test_fault_16_an_answer_reads_what_is_served_once(store: FaultyStore, clock: ManualClock) -> None:
    """Whatever is read twice can be of two mappings: a race too rare to be met, so the reads are counted."""
    put(store, a_mapping(0, certificates=({"target": 0.9, "cut": 0.5},)))
    reads = []

    class Counted(MappingClient):
        @property
        def _served(self) -> Any:
            reads.append(1)
            return self.__dict__["snapshot"]

        @_served.setter
        def _served(self, value: Any) -> None:
            self.__dict__["snapshot"] = value

    c = Counted(
        "file:x",
        stream="triage",
        fetcher=store,
        background=False,
        now=clock.now,
        monotonic=clock.monotonic,
    )
    c.refresh_now()
    for days, ask in enumerate(
        [
            lambda: c.calibrate(0.9),
            lambda: c.calibrate(np.array([0.9])),
            lambda: c.calibrate(0.9, segment="billing"),
            lambda: c.decide(0.9, target=0.9),
            c.status,
            lambda: c.calibrate(0.9),
        ]
    ):
        clock.pass_by(days=days)  # fresh at first, then stale
        reads.clear()
        ask()
        assert len(reads) == 1


FORKED = """
import os, sys, time
from calib.client import MappingClient
client = MappingClient(sys.argv[1], stream="triage", refresh=0.05, timeout=2)
def wait(generation):
    deadline = time.monotonic() + 100
    while client.status().generation != generation:
        if time.monotonic() > deadline: sys.exit(f"{os.getpid()}: {client.status()}")
        time.sleep(0.01)
    return client.status()
wait(1)
children = []
for depth in range(2):  # a child, and its own child
    child = os.fork()
    if child: break
print(depth, flush=True) if not child else None
status = wait(2)
if child:
    assert os.waitpid(child, 0)[1] == 0
assert client.calibrate(1.0).status == "FRESH"
os._exit(0)
"""


@pytest.mark.parametrize("kind", ["file", "http"])
def test_fault_16_a_forked_child_polls_on(server: FlakyServer, tmp_path: Path, kind: str) -> None:
    """By a thread of its own; over a network by a process of its own, for obstore does not survive a fork."""
    target: Any = FaultyStore() if kind == "http" else open_store(f"file:{tmp_path}")

    def publish(i: int) -> None:
        put(target, a_mapping(i), at=datetime.now(AT.tzinfo), expires_at=None)
        if kind == "http":
            server.objects |= {f"/bucket/{key}": data for key, data in target.objects.items()}

    publish(0)
    url = server.web if kind == "http" else f"file:{tmp_path}"
    run = [sys.executable, "-W", "ignore", "-c", FORKED, url]
    pipe = subprocess.PIPE
    with subprocess.Popen(run, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        publish(1)
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors


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
