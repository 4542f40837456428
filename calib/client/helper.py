"""Reading from a forked process: obstore's threads stayed behind in the parent, so a fresh process reads.

Its own side is `calib.client.reader`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import weakref
from typing import IO

from calib.errors import Unavailable

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from calib.client.reader import main; main()"
)
PATIENCE = 3  # times the timeout of a request: for starting up, and before the helper is taken for dead


class Helper:
    """A fetcher that lets a process of its own read; a dead or silent one is replaced at the next call."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """As `Fetcher.get`, one key at a time."""
        if self._owner != os.getpid():  # forked again: the helper answers to the parent
            self._process, self._lock, self._owner = None, threading.Lock(), os.getpid()
        with self._lock:
            if self._process is None:
                self._process = self._start()
            process = self._process
            deadline = threading.Timer(PATIENCE * self._timeout, process.kill)
            deadline.daemon = True
            deadline.start()
            try:
                return self._ask(process, key)
            except (OSError, ValueError) as error:
                self._process = None
                process.kill()
                end(process)
                raise Unavailable(f"the process that reads for this forked one is gone: {error}") from error
            finally:
                deadline.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", START, json.dumps(sys.path)]
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        except OSError as error:
            raise Unavailable(f"no process can be started to read for this forked one: {error}") from error
        weakref.finalize(self, end, process)
        return process

    def _ask(self, process: subprocess.Popen[bytes], key: str) -> bytes | None:
        ask, answers = process.stdin, process.stdout
        if ask is None or answers is None:
            raise ValueError("it has no pipes")
        say(ask, {"url": self._url, "timeout": self._timeout, "key": key})
        answer = json.loads(answers.readline())
        if "trouble" in answer:
            raise Unavailable(answer["trouble"])
        if answer["size"] is None:
            return None
        data = answers.read(answer["size"])
        if len(data) != answer["size"]:
            raise ValueError("it stopped in the middle of an answer")
        return data


def end(process: subprocess.Popen[bytes]) -> None:
    """Close the helper's pipes, which ends it, and reap it; safe in a process that was forked meanwhile."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)


def say(to: IO[bytes], message: dict[str, object]) -> None:
    """One line of JSON."""
    to.write(json.dumps(message).encode() + b"\n")
    to.flush()
