"""A cycle that dies at any effect and is run again ends like one that did not die."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from conftest import NOW, World
from inbox import Inbox
from log_records import Records
from postgres import Postgres
from remembered_traffic import TrafficMemory

from calib import cycle
from calib.cycle import Ports
from calib.period import Period
from calib.store import history, mappings
from calib.testing.crash import Crash, CrashAt

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reports_are_not_drawn")]
DEGRADED = "2026-02"
Copy = Callable[[World, str], World]


def whole_cycle(world: World, inbox: Inbox, crash: CrashAt | None, traffic: TrafficMemory) -> dict[str, Any]:
    opened = world.open()
    watch, ports = opened.watch("triage"), traffic.ports(opened.ports("triage"))
    if crash is not None:
        ports = Ports(
            engine=crash.engine(ports.engine),
            store=crash.store(ports.store),
            traffic=ports.traffic,
            now=ports.now,
        )
    window = cycle.open_window(
        watch, ports, Period.parse(DEGRADED, "month"), channel="production", replay=True
    )
    window = cycle.advance(window, ports)
    later = NOW.replace(hour=7 if crash else 8)  # leases of a relay that died have run out
    cycle.deliver(ports.engine, [inbox], now=lambda: later, sleep=lambda _: None)
    return cycle.summary(window, replace(ports, now=lambda: later)).to_json()


@pytest.fixture(params=["sqlite", "postgresql"])
def before(world: World, request: pytest.FixtureRequest) -> World:
    """One healthy month watched, the next one degraded; on each kind of database."""
    if request.param == "postgresql":
        world.settings(head=f'database = "{request.getfixturevalue("postgres_url")}"')
    world.write(DEGRADED, accuracy=lambda s: s - 0.45)
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    period = Period.parse("2026-01", "month")
    cycle.advance(cycle.open_window(watch, ports, period, channel="production", replay=True), ports)
    return world


@pytest.fixture
def copy_of(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """Copies of a world with all that it holds, its database too."""
    with ExitStack() as databases:

        def copy(world: World, name: str) -> World:
            copied = World(tmp_path_factory.mktemp(name) / "w")
            shutil.copytree(world.folder, copied.folder)
            url = world.open().settings.database
            if url.startswith("postgresql"):
                template = url.rpartition("/")[2]
                made = databases.enter_context(postgres_server.database(template=template))
                copied.settings(head=f'database = "{postgres_server.url(made)}"')
            return copied

        yield copy


def test_dying_anywhere_and_running_again_is_as_if_nothing_had_happened(
    before: World, copy_of: Copy, records: Records
) -> None:
    told = dict.fromkeys([("store.publish", "published_before"), ("outbox.relay", "reconciled")], 0)
    counter, traffic = CrashAt(0, "before"), TrafficMemory()
    calm = whole_cycle(copy_of(before, "calm"), Inbox(), counter, traffic)
    assert calm["change"]["state"] == "degraded"
    assert calm["refit"]["published"]
    assert counter.effects >= 9, "the cycle has fewer effects than steps: the crash port is not wired in"
    for k in range(1, counter.effects + 1):
        for when in ("before", "after"):
            world = copy_of(before, f"{when}{k}")
            inbox = Inbox()
            with pytest.raises(Crash):
                whole_cycle(world, inbox, CrashAt(k, when), traffic)  # type: ignore[arg-type]
            records.clear()
            result = whole_cycle(world, inbox, None, traffic)
            assert result == calm, f"{when} effect {k}"
            store = world.open().store
            assert len(history(store, stream="triage", channel="production")) == 2, f"{when} effect {k}"
            assert len(mappings(store, stream="triage")) == 2, f"{when} effect {k}"
            assert sorted(inbox.got) == sorted(set(inbox.got)), f"{when} effect {k}: told twice"
            assert len(inbox.got) == len(calm["alerts"])
            assert records.warnings() == [], f"{when} effect {k}: what is completed does not raise an alarm"
            for room, event in told:
                told[room, event] += len(records.of(room, event))
    assert min(told.values()) > 0, f"what a crash had already done was found without a record: {told}"


def test_a_process_that_is_killed_is_completed_by_the_next(before: World) -> None:
    command = [
        sys.executable,
        "-m",
        "calib",
        "run",
        "triage",
        "--period",
        DEGRADED,
        "--json",
        "--config",
        str(before.config),
    ]
    for wait in (1.2, 1.8, 2.4, 3.0):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert again.stdout == done.stdout
    store = before.open().store
    assert len(history(store, stream="triage", channel="production")) == 2
    assert len(mappings(store, stream="triage")) == 2
