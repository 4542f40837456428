"""Services that serve calibrated confidence, as real processes: how they are started, watched and ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flaky_server import FlakyServer, flaky_server
from object_servers import s3

from calib.store import open_store
from calib.testing.mappings import AT, a_mapping, put

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120.0  # seconds, for a machine that is busy
# what no service may print for our sake
NOISE = ("Traceback", "Exception ignored", "panicked", "Fatal", "Warning: unclosed", "still running", "Error")


class Channel:
    """A store and its URL; `publish` puts mapping `i` in production. `server` is the one behind http://."""

    def __init__(self, url: str, store: Any, server: FlakyServer, environment: dict[str, str]) -> None:
        self.url, self.server, self.environment = url, server, os.environ | environment
        self._store = store

    def publish(self, i: int) -> None:
        put(self._store, a_mapping(i), at=datetime.now(AT.tzinfo), expires_at=None)


@contextmanager
def channel(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """By `kind`: a folder, a web server whose faults the test chooses, or moto's S3."""
    with ExitStack() as servers:
        server = servers.enter_context(flaky_server())
        environment, url, store_url = server.environment, server.web, "s3://bucket"
        if kind == "s3":
            moto = servers.enter_context(s3())
            environment, url = moto.environment, moto.url()
            store_url = url
        elif kind == "file":
            url = store_url = f"file:{folder}"
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        made = Channel(url, open_store(store_url), server, environment)
        made.publish(0)
        yield made


@contextmanager
def service(command: list[str], where: Channel, folder: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """A program with the store's environment; its process group is killed in the end, or when it hangs."""
    pipe = subprocess.PIPE
    environment = where.environment | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    ) as process:
        overdue = threading.Timer(2 * PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        overdue.start()
        try:
            yield process
        finally:
            overdue.cancel()
            with suppress(ProcessLookupError):  # children that a failed test left behind, too
                os.killpg(process.pid, signal.SIGKILL)


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it printed, once it has ended well and without a word of trouble."""
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert [word for word in NOISE if word in errors] == [], errors
    return output, errors


def python(code: str, *arguments: str) -> list[str]:
    """Warnings shown, as a careful service would have them; what other libraries say of forks left out."""
    quiet = ["-W", "ignore:This process:DeprecationWarning"]
    return [sys.executable, "-W", "default", *quiet, "-c", code, *arguments]


def wait_for(happened: Callable[[], Any], what: object) -> None:
    """Until it happened; `what` is shown as it is at the deadline."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def descendants(pid: int) -> set[int]:
    """All processes below `pid`."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = {int(child) for child in task.read_text().split()}
        except OSError:
            continue
        found |= children
        for child in children:
            found |= descendants(child)
    return found


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def ask(port: int) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return dict(json.load(answer))
    except (urllib.error.URLError, OSError):
        return {}
