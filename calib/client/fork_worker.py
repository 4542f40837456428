"""The process that reads for a forked one: its side of `calib.client.fork_process`.

It is sent a socket for each request, reads the request from it (JSON), and answers on it: one byte that says
what follows, then the object or the reason why there is none. It ends when the forked process does.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from functools import lru_cache

from calib.client.fetch import ObstoreFetcher
from calib.client.fork_process import ABSENT, FAILED, FOUND, read_all
from calib.errors import CalibError


def main(control: int) -> None:
    """Answer until the other end of the socket with the file number `control` is closed."""
    with socket.socket(fileno=control) as sockets:
        sockets.setblocking(True)  # gevent's sockets are not, and a socket keeps that when it is sent
        while True:
            signal, numbers, _, _ = socket.recv_fds(sockets, 1, 1)
            if not signal:
                os._exit(0)  # at once: nobody is left to wait for a request that is under way
            for number in numbers:
                threading.Thread(target=answer, args=(socket.socket(fileno=number),), daemon=True).start()


def answer(connection: socket.socket) -> None:
    """Read one request and answer it."""
    with connection, contextlib.suppress(OSError):  # whoever asked may have given up
        connection.setblocking(True)
        request = json.loads(read_all(connection))
        try:
            data = fetcher(request["url"], request["timeout"]).get(request["key"])
            reply = ABSENT if data is None else FOUND + data
        except CalibError as error:
            reply = FAILED + str(error).encode()
        connection.sendall(reply)


@lru_cache
def fetcher(url: str, timeout: float) -> ObstoreFetcher:
    """One for each URL, so that connections are kept."""
    return ObstoreFetcher(url, timeout=timeout)
