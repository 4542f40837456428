"""From an empty folder to runs that the schedule started: real server, real worker, printed commands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import World
from prefect_server import PrefectServer, last_month, process, wait_for

SECONDS = {"open-windows-daily": 60, "evaluate-windows-daily": 20}  # between two runs, in place of a day
FIRST = timedelta(seconds=20)  # from now to the first run: the deployment takes as long


def run_often(prefect_yaml: Path, *, first: datetime) -> None:
    """Run the deployments of `SECONDS` that often, from `first` on.

    The window has to be opened once and evaluated after that: each further run costs seconds of processor.
    """
    content = yaml.safe_load(prefect_yaml.read_text())
    for deployment in content["deployments"]:
        if seconds := SECONDS.get(deployment["name"]):
            deployment["schedules"] = [{"interval": seconds, "anchor_date": first.isoformat()}]
    prefect_yaml.write_text(yaml.safe_dump(content))


def completed_by_schedule(server: PrefectServer, deployment: str) -> dict[str, Any] | None:
    runs = server.runs(deployment)
    failed = [run["state"] for run in runs if run["state_type"] in ("FAILED", "CRASHED")]
    assert not failed
    return next((run for run in runs if run["state_type"] == "COMPLETED" and run["auto_scheduled"]), None)


@pytest.mark.slow
def test_a_run_that_the_schedule_started_completes(
    tmp_path: Path, server: PrefectServer, record_property: Any
) -> None:
    world = World(tmp_path / "work")
    world.folder.mkdir()
    period = last_month()
    world.write(period)
    env = server.environment

    def typed(command: str) -> str:
        done = subprocess.run(
            shlex.split(command), cwd=world.folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    init = f"{shlex.quote(sys.executable)} -m calib init --traffic parquet:traffic/*.parquet --json"
    made = json.loads(typed(init))
    _, _, make_pool, deploy, start_worker = made["next"]["schedule"]  # the server runs already
    typed(make_pool)
    run_often(world.folder / "prefect.yaml", first=datetime.now(UTC) + FIRST)
    typed(deploy)
    deployed_at = datetime.now(UTC)
    with process(shlex.split(start_worker), env, tmp_path / "worker.log", cwd=world.folder):
        opening = wait_for(
            lambda: completed_by_schedule(server, "open-windows-daily"), "a scheduled run of open-windows"
        )
        wait_for(lambda: window_state(world, period) == "closed", "the window is evaluated and closed")
        evaluating = wait_for(
            lambda: completed_by_schedule(server, "evaluate-windows-daily"), "a run of evaluate-windows"
        )
    for run in (opening, evaluating):
        times = {"deployed": deployed_at.isoformat(timespec="seconds"), "name": run["name"]}
        times |= {key: run[key] for key in ("expected_start_time", "start_time", "end_time")}
        record_property("scheduled run", json.dumps(times))
        sys.stdout.write(f"{times}\n")
        assert run["created_by"] is None or run["created_by"]["type"] != "AUTOMATION"
    assert re.fullmatch(r"open-windows \d{4}-\d\d-\d\d \d\d:\d\d", opening["name"])
    assert server.task_runs(opening["id"])[f"{made['stream']} {period}"] == "COMPLETED"
    assert errors_in(server.log.read_text()) == []


def errors_in(log: str) -> list[str]:
    """The errors that a Prefect server logged, but for those of a SQLite that was busy under load."""
    records = re.split(r"^(?=\d\d:\d\d:\d\d\.\d{3} \| )", log, flags=re.MULTILINE)
    return [record for record in records if "| ERROR" in record and "database is locked" not in record]


def test_an_error_in_the_log_is_found() -> None:
    busy = (
        "07:17:39.217 | ERROR   | prefect.server - heartbeat failed\nOperationalError: database is locked\n"
    )
    error = "07:17:40.000 | ERROR   | prefect.server.services.scheduler - failed\nInvalidRequestError: x\n"
    assert errors_in(f"Starting\n{busy}{error}07:17:41.000 | INFO    | prefect - fine\n") == [error]


def window_state(world: World, period: str) -> str | None:
    from calib.db import windows

    opened = world.open(datetime.now(UTC))
    with opened.engine.connect() as conn:
        found = windows.find(conn, next(iter(opened.settings.streams)), period)
    return None if found is None else found.state
