"""Serving the pages from one process, by uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing

from fastapi import FastAPI

from calib.errors import InvalidInput


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; `port` 0 takes one that is free.

    Raises `InvalidInput` for an address that is in use or not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise InvalidInput(f"--host {host} is not an address of this machine: {error.strerror}") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
    except OSError as error:
        made.close()
        remedy = "another process may serve there: end it, or name another --port"
        raise InvalidInput(f"{host}:{port} cannot be served ({error.strerror}); {remedy}") from None
    return made


def serve(make: Callable[[int], FastAPI], listening: socket.socket) -> None:
    """Serve an application until the process is told to end; requests that run are answered first.

    `make` gets the port that the socket has. Headers of proxies are not believed, so that the address of a
    request is the one that it came from; requests are not logged, for their addresses may hold tokens.
    """
    import uvicorn

    with closing(listening):
        config = uvicorn.Config(
            make(listening.getsockname()[1]),
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=10,
        )
        uvicorn.Server(config).run(sockets=[listening])
