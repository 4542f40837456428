"""A real Prefect server and worker on loopback; each ends with the test run, however that ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from object_servers import WATCHED, free_port

from calib.period import Period

PATIENCE = 480.0  # seconds: machines that test are slow


@dataclass(frozen=True)
class PrefectServer:
    """A running server: its address, its log, and what its clients need in their environment."""

    url: str
    log: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a client of this server that knows nothing of any other."""
        return environment(self.home) | {"PREFECT_API_URL": self.url}

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        """POST to the API and read the answer."""
        question = urllib.request.Request(
            f"{self.url}{path}", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(question, timeout=PATIENCE) as answer:
            return json.load(answer)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of this name, newest first."""
        found: list[dict[str, Any]] = self.ask(
            "/events/filter", {"filter": {"event": {"name": [name]}}, "limit": 50}
        )["events"]
        return found

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """The runs of a deployment with their times and states, the earliest first."""
        body = {"deployments": {"name": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found: list[dict[str, Any]] = self.ask("/flow_runs/filter", body)
        return found

    def task_runs(self, flow_run: str) -> dict[str, str]:
        """The state of each task run of a flow run, by its name."""
        found = self.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
        return {run["name"]: run["state_type"] for run in found}


def environment(home: Path) -> dict[str, str]:
    """This process's environment without any Prefect in it, but for a home of its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "CALIB"))}
    return plain | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def prefect_server(folder: Path, port: int | None = None) -> Iterator[PrefectServer]:
    """A Prefect server with its database and log in `folder`; one of an earlier server is carried on.

    `port`: that of the earlier server, where its clients should find it again.
    """
    port = port or free_port()
    home = folder / "prefect-home"
    server = PrefectServer(f"http://127.0.0.1:{port}/api", folder / "server.log", home)
    words = ["server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with process([sys.executable, "-m", "prefect", *words], environment(home), server.log) as started:

        def is_healthy() -> bool:
            assert started.poll() is None, f"the server did not start: {server.log.read_text()[-2000:]}"
            try:
                urllib.request.urlopen(f"{server.url}/health", timeout=2).close()
            except (urllib.error.URLError, OSError):
                return False
            return True

        wait_for(is_healthy, "the server answers")
        yield server


@contextmanager
def process(
    command: list[str], env: dict[str, str], log: Path, *, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until this is left, or until the test run itself is killed."""
    watched = [sys.executable, "-c", WATCHED, str(int(signal.SIGTERM)), "", *command]
    with (
        log.open("ab") as output,
        subprocess.Popen(
            watched, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd
        ) as started,
    ):
        yield started


def wait_for(holds: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        if answer := holds():
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"not within {PATIENCE:.0f} seconds: {what}")
        time.sleep(1)


def last_month() -> str:
    """The newest month that is over and has settled."""
    now = datetime.now(UTC)
    period = Period.containing(now, "month", "UTC").previous()
    return period.name if now.day > 1 else period.previous().name
