"""A cycle that dies at any effect and is run again ends like one that did not die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import NOW, World

from calib import cycle
from calib.alerts import Message
from calib.cycle import Ports
from calib.period import Period
from calib.store import history, mappings
from calib.testing.crash import Crash, CrashAt

pytestmark = pytest.mark.slow
DEGRADED = "2026-02"


@dataclass
class Inbox:
    """Where alerts arrive; it remembers across crashes, as Slack does."""

    paced: bool = False
    got: list[str] = field(default_factory=list)

    def send(self, text: Message, alert_id: str) -> dict[str, Any]:
        self.got.append(alert_id)
        return {"channel": "inbox"}

    def find(self, alert_id: str, since: datetime) -> dict[str, Any] | None:
        return {"channel": "inbox"} if alert_id in self.got else None


def whole_cycle(world: World, inbox: Inbox, crash: CrashAt | None) -> dict[str, Any]:
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
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
    cycle.deliver(ports.engine, inbox, now=lambda: later, sleep=lambda _: None)
    return cycle.summary(window, replace(ports, now=lambda: later))


@pytest.fixture
def before(world: World) -> World:
    """One healthy month watched, the next one degraded."""
    world.write(DEGRADED, accuracy=lambda s: s - 0.45)
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    period = Period.parse("2026-01", "month")
    cycle.advance(cycle.open_window(watch, ports, period, channel="production", replay=True), ports)
    return world


def copy_of(world: World, to: Path) -> World:
    import shutil

    shutil.copytree(world.folder, to)
    return World(to)


def test_dying_anywhere_and_running_again_is_as_if_nothing_had_happened(
    before: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    counter = CrashAt(0, "before")
    calm = whole_cycle(copy_of(before, tmp_path_factory.mktemp("calm") / "w"), Inbox(), counter)
    assert calm["change"]["state"] == "degraded"
    assert calm["refit"]["published"]
    assert counter.effects >= 9, "the cycle has fewer effects than steps: the crash port is not wired in"
    for k in range(1, counter.effects + 1):
        for when in ("before", "after"):
            world = copy_of(before, tmp_path_factory.mktemp(f"{when}{k}") / "w")
            inbox = Inbox()
            with pytest.raises(Crash):
                whole_cycle(world, inbox, CrashAt(k, when))  # type: ignore[arg-type]
            result = whole_cycle(world, inbox, None)
            assert result == calm, f"{when} effect {k}"
            store = world.open().store
            assert len(history(store, stream="triage", channel="production")) == 2, f"{when} effect {k}"
            assert len(mappings(store, stream="triage")) == 2, f"{when} effect {k}"
            assert sorted(inbox.got) == sorted(set(inbox.got)), f"{when} effect {k}: told twice"
            assert len(inbox.got) == len(calm["alerts"])


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
