"""Where a client reads from, in its own process and through one that reads for a forked process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flaky_server import Fault, FlakyServer, flaky_server

from calib.client import fork_process
from calib.client.fetch import FolderFetcher, ObstoreFetcher, open_fetcher
from calib.client.fork_process import ForkProcess
from calib.errors import InvalidInput, Unavailable
from calib.format.document import LARGEST


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    with flaky_server() as running:
        running.objects["/bucket/a"] = b"one"
        yield running


def test_urls_have_their_fetchers(tmp_path: Path) -> None:
    assert isinstance(open_fetcher(f"file:{tmp_path}"), FolderFetcher)
    assert isinstance(open_fetcher(f"file://{tmp_path}"), FolderFetcher)
    for url in ("s3://b/p", "gs://b", "az://c/p", "http://host/p", "https://host"):
        assert isinstance(open_fetcher(url), ObstoreFetcher)


@pytest.mark.parametrize("url", ["", "x", "ftp://h/x", "s3:", "s3://", "file:", "file://host/x", "http:"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        open_fetcher(url)


def test_a_refusal_shows_no_password() -> None:
    with pytest.raises(InvalidInput) as caught:
        open_fetcher("ftp://user:hunter2@host/x?sig=hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "big").write_bytes(b" " * (LARGEST + 10))
    (tmp_path / "folder").mkdir()
    fetcher = open_fetcher(f"file:{tmp_path}")
    assert (fetcher.get("a"), fetcher.get("b"), fetcher.get("a/b")) == (b"one", None, None)
    assert len(fetcher.get("big") or b"") == LARGEST + 1
    with pytest.raises(Unavailable, match="folder"):
        fetcher.get("folder")


def test_an_environment_that_cannot_work_is_a_failed_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an exception at start: it may be mended while the service runs."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "this is not base64!")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    with pytest.raises(Unavailable, match="az://container"):
        open_fetcher("az://container/p", timeout=0.2).get("a")


@pytest.fixture
def reading() -> Iterator[ForkProcess]:
    process = ForkProcess()
    yield process
    process.end()


def pid(reading: ForkProcess) -> int:
    assert reading._reader is not None
    return reading._reader.process.pid


def test_a_fork_process_reads_as_the_process_itself_would(server: FlakyServer, reading: ForkProcess) -> None:
    assert reading.get(server.web, "a", timeout=5) == b"one"
    assert reading.get(server.web, "b", timeout=5) is None
    server.gets.append(Fault("status", 403))
    with pytest.raises(Unavailable, match="403"):
        reading.get(server.web, "a", timeout=5)
    server.objects["/bucket/long"] = bytes(range(256)) * 4000
    assert reading.get(server.web, "long", timeout=5) == server.objects["/bucket/long"]
    server.objects["/bucket/empty"] = b""
    assert reading.get(server.web, "empty", timeout=5) == b""


def test_a_fork_process_that_dies_is_replaced(server: FlakyServer, reading: ForkProcess) -> None:
    assert reading.get(server.web, "a", timeout=5) == b"one"
    first = pid(reading)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(Unavailable, match="process that reads for this forked one"):
        reading.get(server.web, "a", timeout=5)
    assert reading.get(server.web, "a", timeout=5) == b"one"
    assert pid(reading) != first


def test_a_fork_process_that_hangs_is_killed_and_replaced(
    server: FlakyServer, reading: ForkProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reading.get(server.web, "a", timeout=5) == b"one"
    first = reading._reader
    assert first is not None
    os.kill(first.process.pid, signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr(fork_process, "STARTING", 0.0)
        with pytest.raises(Unavailable, match="does not answer: timed out"):
            reading.get(server.web, "a", timeout=0.5)
    assert first.process.returncode == -signal.SIGKILL
    assert reading.get(server.web, "a", timeout=5) == b"one"


def test_a_fork_process_that_cannot_start_is_said_to_be_missing(
    server: FlakyServer, reading: ForkProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a server that embeds Python: its program is not an interpreter."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(Unavailable, match="process that reads for this forked one"):
        reading.get(server.web, "a", timeout=5)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(Unavailable, match="No such file"):
        reading.get(server.web, "a", timeout=5)


def test_requests_do_not_wait_for_each_other(server: FlakyServer, reading: ForkProcess) -> None:
    """One stream whose server hangs must not hold up the polls of the others."""
    assert reading.get(server.web, "a", timeout=60) == b"one"
    server.gets.append(Fault("hang"))
    hanging = threading.Thread(target=lambda: suppressed(reading, server.web), daemon=True)
    hanging.start()
    while server.gets:
        time.sleep(0.01)
    assert reading.get(server.web, "a", timeout=60) == b"one"
    assert hanging.is_alive()
    os.kill(pid(reading), signal.SIGKILL)
    hanging.join(60)
    assert not hanging.is_alive()


def suppressed(reading: ForkProcess, url: str) -> None:
    with contextlib.suppress(Unavailable):
        reading.get(url, "a", timeout=60)


def test_a_process_that_is_ending_starts_no_reader(server: FlakyServer, reading: ForkProcess) -> None:
    assert reading.get(server.web, "a", timeout=5) == b"one"
    reader = reading._reader
    assert reader is not None
    reading.end()
    assert reader.process.returncode is not None
    with pytest.raises(Unavailable, match="is ending"):
        reading.get(server.web, "a", timeout=5)
