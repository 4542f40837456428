"""What the servers for tests share: a thread on 127.0.0.1, and ways for a request to go wrong."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from calib.json_object import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How one request goes wrong: with an HTTP status, a code of the service's, or with no answer at all.

    `accepted`: the service did what was asked all the same.
    """

    status: int = 200
    error: str | None = None
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    accepted: bool = False
    dropped: bool = False


class Loopback:
    """A server that runs for as long as it is entered, on a free port of this machine alone."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Its URL without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One that answers in JSON, or as a fault wants it, and keeps quiet."""

    def get(self) -> None:
        """Answer a GET."""
        self.send(404, {"error": "there is nothing to get"})

    def post(self) -> None:
        """Answer a POST."""
        self.send(404, {"error": "nothing is taken"})

    def do_GET(self) -> None:  # so http.server calls it
        self.get()

    def do_POST(self) -> None:
        self.post()

    def token(self) -> str:
        """The bearer token of the request."""
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def send(self, status: int, body: Json, fault: Fault | None = None) -> None:
        """Answer, with the fault's own page and headers where there are any."""
        custom = None if fault is None else fault.body
        content = (json.dumps(body) if custom is None else custom).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if custom is None else "text/html")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (fault.headers if fault else {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (so http.server calls it)
        """Say nothing: a test's output is its own."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that closes the connection is not an error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
