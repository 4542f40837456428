"""FAULTS 13 and 14: whatever the disk does and however it starts, serving goes on and says how it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from clients import client, wait_for
from flaky_server import Fault, FlakyServer
from log_records import Records

from calib.client import MappingClient
from calib.client.cache import Cache
from calib.testing.clock import ManualClock
from calib.testing.mappings import a_mapping, put
from calib.testing.store import FaultyStore

ROOT = Path(__file__).resolve().parents[2]

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


@pytest.mark.slow
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
