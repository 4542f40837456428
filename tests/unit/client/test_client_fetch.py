"""Where a client reads from, in its own process and through a helper."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from flaky_server import Fault, FlakyServer, flaky_server

from calib.client.fetch import FolderFetcher, ObstoreFetcher, open_fetcher
from calib.client.helper import Helper
from calib.errors import InvalidInput, Unavailable
from calib.mapping import LARGEST


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


def test_the_helper_reads_as_the_process_itself_would(server: FlakyServer) -> None:
    helper = Helper(server.web, timeout=5)
    assert helper.get("a") == b"one"
    assert helper.get("b") is None
    server.gets.append(Fault("status", 403))
    with pytest.raises(Unavailable, match="403"):
        helper.get("a")
    server.objects["/bucket/long"] = bytes(range(256)) * 4000
    assert helper.get("long") == server.objects["/bucket/long"]


def test_a_helper_that_dies_or_hangs_is_replaced(server: FlakyServer) -> None:
    helper = Helper(server.web, timeout=1)
    assert helper.get("a") == b"one"
    first = helper._process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="gone"):
        helper.get("a")
    assert helper.get("a") == b"one"
    second = helper._process
    assert second is not None
    os.kill(second.pid, signal.SIGSTOP)
    with pytest.raises(Unavailable, match="gone"):
        helper.get("a")
    assert second.poll() == -signal.SIGKILL
    assert helper.get("a") == b"one"
