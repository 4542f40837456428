"""Reading from a forked process, in which obstore cannot run: one fresh process reads for all of its clients.

The fresh process starts at the first request and ends with the process that it reads for, however that ends:
it waits on a socket whose other end is closed then. Each request brings a socket of its own, so that requests
run side by side and a dead process is noticed at once. Its own side is `calib.client.fork_worker`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from typing import NamedTuple

from calib.errors import Unavailable

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from calib.client.fork_worker import main; main(int(sys.argv[2]))"
)
STARTING = 30.0  # seconds that the process may need beyond a request's timeout, on a busy machine
FOUND, ABSENT, FAILED = b"=", b"-", b"!"  # the first byte of an answer
REMEDY = "make the client after the fork instead (docs/how-to/serving.md)"


class Reader(NamedTuple):
    """A process that reads, and the number of the socket that leads to it.

    A plain number, because closing it after a fork must not involve any library.
    """

    process: subprocess.Popen[bytes]
    control: int


class ForkProcess:
    """Reads for this process; a reader that is dead or silent is replaced at the next request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reader: Reader | None = None  # one value, so that a fork never sees half of it
        self._ended = False

    def get(self, url: str, key: str, *, timeout: float) -> bytes | None:
        """As `Fetcher.get`, for any URL that `ObstoreFetcher` takes; several threads may call it at once."""
        reader = None
        try:
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    reader = self._hand_over(theirs, timeout)
                ours.settimeout(timeout + STARTING)
                ours.sendall(json.dumps({"url": url, "key": key, "timeout": timeout}).encode())
                ours.shutdown(socket.SHUT_WR)
                answer = read_all(ours)
        except OSError as error:
            self._drop(reader)
            raise Unavailable(
                f"the process that reads for this forked one does not answer: {error}"
            ) from error
        kind, content = answer[:1], answer[1:]
        if kind == FAILED:
            raise Unavailable(content.decode())
        if kind not in (FOUND, ABSENT):
            self._drop(reader)
            code = reader.process.returncode
            raise Unavailable(f"the process that reads for this forked one ended with code {code}; {REMEDY}")
        return content if kind == FOUND else None

    def end(self) -> None:
        """End the reader for good: this process is about to end."""
        with self._lock:
            self._ended, reader = True, self._reader
        self._drop(reader)

    def forget(self) -> None:
        """Leave the reader to the process that this one was forked from."""
        if self._reader is not None:
            os.close(self._reader.control)  # else the reader would live as long as this process
            self._reader.process.returncode = 0  # not this process's child: nothing to wait for

    def _hand_over(self, theirs: socket.socket, timeout: float) -> Reader:
        with self._lock:
            if self._ended:
                raise OSError("this process is ending")
            reader = self._reader = self._reader or start()
            control = socket.socket(fileno=os.dup(reader.control))  # another thread may close the original
        try:
            with control:
                control.settimeout(timeout)
                socket.send_fds(control, [b"."], [theirs.fileno()])
        except OSError:
            self._drop(reader)
            raise
        return reader

    def _drop(self, reader: Reader | None) -> None:
        """End `reader`, unless another thread has done so."""
        with self._lock:
            if reader is None or reader is not self._reader:
                return
            self._reader = None
            os.close(reader.control)
        # closing is enough for a sound process; one that is stopped or still starting needs more
        with contextlib.suppress(subprocess.TimeoutExpired):
            reader.process.wait(0.05)
        reader.process.kill()
        reader.process.wait()


def start() -> Reader:
    """Start a fresh process that reads."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", START, json.dumps(sys.path), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # a Ctrl-C in the terminal is for the service
        )
        return Reader(process, ours.detach())


def read_all(sock: socket.socket) -> bytes:
    """What arrives until the other side closes."""
    parts = []
    while part := sock.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


_current = ForkProcess()


def get(url: str, key: str, *, timeout: float) -> bytes | None:
    """As `Fetcher.get`, by the process that reads for this one."""
    return _current.get(url, key, timeout=timeout)


def _after_fork() -> None:
    global _current
    _current.forget()
    _current = ForkProcess()


def _at_exit() -> None:
    _current.end()


atexit.register(_at_exit)  # else Python warns of a process that still runs
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
