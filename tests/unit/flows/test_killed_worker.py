"""A machine that dies in the middle of a run, and a Prefect server that restarts: the window ends, once."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import World
from object_servers import free_port
from prefect_server import PrefectServer, last_month, prefect_server, wait_for
from sqlalchemy import select

from calib.db import tables
from calib.store import history

MARK = "CALIB_TEST_MACHINE"  # in the environment of all processes of one machine
SECONDS = {"open-windows-daily": 30, "evaluate-windows-daily": 40}


def schedule_often(prefect_yaml: Path, *, first: datetime) -> None:
    """Run the two deployments that often, and no other."""
    content = yaml.safe_load(prefect_yaml.read_text())
    for deployment in content["deployments"]:
        seconds = SECONDS.get(deployment["name"])
        anchor = first.isoformat()
        deployment["schedules"] = [{"interval": seconds, "anchor_date": anchor}] if seconds else []
    prefect_yaml.write_text(yaml.safe_dump(content))


class Machine:
    """A worker with all that it starts."""

    def __init__(self, command: str, env: dict[str, str], log: Path, *, cwd: Path) -> None:
        self.mark = uuid.uuid4().hex
        with log.open("ab") as output:
            self.worker = subprocess.Popen(
                shlex.split(command),
                env=env | {MARK: self.mark},
                cwd=cwd,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def processes(self) -> list[int]:
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def die(self) -> None:
        """The power goes off: nothing that runs there can say anything more."""
        while processes := self.processes():
            for process in processes:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.worker.wait()


@contextmanager
def machine(command: str, env: dict[str, str], log: Path, *, cwd: Path) -> Iterator[Machine]:
    started = Machine(command, env, log, cwd=cwd)
    try:
        yield started
    finally:
        started.die()


@contextmanager
def nobody_else_writes(database: Path) -> Iterator[None]:
    """The one lock that a SQLite database has is taken: a run that begins now stays in its middle."""
    connection = sqlite3.connect(database, isolation_level=None, timeout=120)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def the_one(runs: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    return next((run for run in runs if holds(run)), None)


def completed_since(server: PrefectServer, deployment: str, moment: str) -> dict[str, Any] | None:
    """A run that began after a moment, as ISO 8601 in UTC, and has completed."""
    return the_one(
        server.runs(deployment),
        lambda run: (
            run["state_type"] == "COMPLETED" and datetime.fromisoformat(run["start_time"]) > then(moment)
        ),
    )


def then(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


@pytest.fixture
def machines() -> Iterator[ExitStack]:
    """What is entered here ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.slow
def test_a_machine_dies_and_the_server_restarts_and_the_window_ends_once(
    tmp_path: Path, machines: ExitStack, record_property: Any
) -> None:
    world = World(tmp_path / "work")
    world.folder.mkdir()
    period, port = last_month(), free_port()
    world.write(period)
    log = tmp_path / "worker.log"

    def typed(command: str) -> str:
        done = subprocess.run(
            shlex.split(command), cwd=world.folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    with prefect_server(tmp_path, port) as server:
        env = server.environment
        init = f"{shlex.quote(sys.executable)} -m calib init --traffic parquet:traffic/*.parquet --json"
        made = json.loads(typed(init))
        stream = made["stream"]
        _, _, make_pool, deploy, start_worker = made["next"]["schedule"]
        typed(make_pool)
        prefect = shlex.split(deploy)[0]
        typed(f"{prefect} automation create --from-file automations.yaml")
        schedule_often(world.folder / "prefect.yaml", first=datetime.now(UTC) + timedelta(seconds=20))
        typed(deploy)

        # the machine dies in the middle of a run that the schedule started
        with (
            nobody_else_writes(world.folder / "calib.db"),
            machine(start_worker, env, log, cwd=world.folder) as first,
        ):

            def in_its_middle() -> dict[str, Any] | None:
                running = the_one(
                    server.runs("open-windows-daily"), lambda run: run["state_type"] == "RUNNING"
                )
                alive = running and any(
                    running["id"] in event["resource"]["prefect.resource.id"]
                    for event in server.events("prefect.flow-run.heartbeat")
                )
                return running if alive else None

            dead = wait_for(in_its_middle, "a run is in its middle")
            first.die()
        assert windows_of(world) == []
        died_at = datetime.now(UTC).isoformat()

        # another machine takes over; the dead run keeps nothing from starting
        machines.enter_context(machine(start_worker, env, log, cwd=world.folder))
        after = wait_for(
            lambda: completed_since(server, "open-windows-daily", died_at), "the next run completes"
        )
        waited = then(after["start_time"]) - then(died_at)
        record_property("seconds until the next run", waited.total_seconds())
        crashed = wait_for(
            lambda: the_one(
                server.runs("open-windows-daily"),
                lambda run: run["id"] == dead["id"] and run["state_type"] == "CRASHED",
            ),
            "the dead run counts as crashed",
        )
        assert "no sign of life" in crashed["state"]["message"]
        wait_for(lambda: windows_of(world) == [(period, "closed")], "the window is closed")
        key = {"artifacts": {"key": {"any_": [f"verdicts-{stream}"]}}}
        page = wait_for(lambda: server.ask("/artifacts/filter", key), "the verdict is on Prefect's page")
    # the server restarts under the worker
    restarted_at = datetime.now(UTC).isoformat()
    with prefect_server(tmp_path, port) as server:
        for deployment in SECONDS:
            wait_for(
                lambda deployment=deployment: completed_since(server, deployment, restarted_at),  # type: ignore[misc]
                f"{deployment} runs after the restart",
            )
    assert windows_of(world) == [(period, "closed")]
    opened = world.open(datetime.now(UTC))
    assert len(history(opened.store, stream=stream, channel="production")) == 1
    assert [row["key"] for row in page] == [f"verdicts-{stream}"]
    assert f"| {period} | first window" in page[0]["data"]


def windows_of(world: World) -> list[tuple[str, str]]:
    """Period and state of every window there is."""
    opened = world.open(datetime.now(UTC))
    with opened.engine.connect() as conn:
        rows = conn.execute(select(tables.windows.c.period, tables.windows.c.state)).all()
    return [(row.period, row.state) for row in rows]
