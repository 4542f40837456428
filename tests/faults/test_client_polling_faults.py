"""FAULTS 15 and 16: whatever the store, the clock and other threads do, polls go on and answers are whole."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clients import client, wait_for
from flaky_server import Fault, FlakyServer
from log_records import Records

from calib.client import MappingClient
from calib.client.polling import LONGEST_PAUSE, pause
from calib.format import Mapping
from calib.store import open_store
from calib.testing.clock import ManualClock
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.slow
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
