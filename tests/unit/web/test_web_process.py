"""`calib web` as a process: what uvicorn and the system add to the pages."""

from __future__ import annotations

import http.client
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from web_pages import Pages
from web_server import Served, served

pytestmark = pytest.mark.slow
LARGE = 100_000_000


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("process")
    Pages(folder).window(2)
    with served(folder) as started:
        yield started


def said(process: Served, *lines: str, body: bytes = b"") -> bytes:
    """What the process answers to a request as it stands."""
    parts = urlsplit(process.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode() + body)
        answer = b""
        while received := connection.recv(65_536):
            answer += received
    return answer


def test_a_hundred_megabytes_are_refused_before_they_are_sent(process: Served) -> None:
    post = ("POST /review/triage/label HTTP/1.1", f"Host: {urlsplit(process.address).netloc}")
    answer = said(process, *post, f"Content-Length: {LARGE}", "Expect: 100-continue")
    assert answer.startswith(b"HTTP/1.1 413")
    answer = said(process, *post, f"Content-Length: {LARGE}", body=b"x" * LARGE)
    assert answer.startswith(b"HTTP/1.1 413")
    chunks = (b"20000\r\n" + b"x" * 0x20000 + b"\r\n") * 8 + b"0\r\n\r\n"
    answer = said(process, *post, "Transfer-Encoding: chunked", body=chunks)
    assert answer.startswith(b"HTTP/1.1 413")
    status = Path(f"/proc/{process.process.pid}/status")
    if status.is_file():
        peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        assert peak
        assert int(peak[1]) < 400_000, "kilobytes of memory: the body was kept"


def test_another_host_name_is_not_answered_and_nothing_is_told_of_the_server(process: Served) -> None:
    answer = said(process, "GET / HTTP/1.1", "Host: evil.example", "Connection: close")
    assert answer.startswith(b"HTTP/1.1 421")
    assert b"\r\nserver:" not in answer.lower()
    answer = said(process, "GET / HTTP/1.0", "X-Forwarded-For: 127.0.0.1", "Host: localhost")
    assert answer.startswith(b"HTTP/1.1 403")


def test_it_ends_when_it_is_told_to_and_logs_nothing_of_its_requests(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("ends")
    Pages(folder).window(2)
    with served(folder) as started:
        parts = urlsplit(started.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        connection.request("GET", f"{parts.path}?{parts.query}")
        cookie = connection.getresponse().getheader("set-cookie") or ""
        assert cookie.startswith(f"calib_session_{parts.port}=")
        connection.close()
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(60) in (0, -signal.SIGTERM)
    assert (folder / "web.log").read_text() == ""
