"""An object server on loopback that fails as stores were seen to fail: over real sockets, at chosen requests.

It speaks as much of S3 as obstore needs to read and to create, and serves the same objects as a plain web
server does.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

PAGE = 1000  # keys in one answer to a listing


@dataclass(frozen=True)
class Fault:
    """What happens to one request.

    `status`: this answer, and nothing is stored. `lost`: it lands, and the connection is cut before the
    answer. `cut`: the connection is cut in the middle of the answer. `hang`: no answer until the server
    stops. `drip`: a byte every 50 ms. `oversized`: far more bytes than any object has.
    `before` and `after` run around its landing.
    """

    kind: str
    status: int = 0
    before: Callable[[], Any] | None = None
    after: Callable[[], Any] | None = None


@dataclass
class FlakyServer:
    """Objects, and the faults that the next requests meet; `always` is met by every GET."""

    objects: dict[str, bytes] = field(default_factory=dict)
    puts: deque[Fault | None] = field(default_factory=deque)
    gets: deque[Fault | None] = field(default_factory=deque)
    always: Fault | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """How `open_store("s3://bucket/…")` finds it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_SKIP_SIGNATURE": "true",
            "AWS_REGION": "us-east-1",
        }

    @property
    def web(self) -> str:
        """The same objects by http://."""
        return f"http://127.0.0.1:{self.port}/bucket"


@contextmanager
def flaky_server() -> Iterator[FlakyServer]:
    state = FlakyServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: FlakyServer
    first = total = 0  # of the part that was asked for: its first byte, and the bytes of the whole

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self._next(self.state.puts)
        if fault is not None and fault.before is not None:
            fault.before()
        if fault is not None and fault.kind == "status":
            return self._answer(fault.status)
        with self.state.lock:
            taken = self.headers.get("If-None-Match") == "*" and self.path in self.state.objects
            if not taken:
                self.state.objects[self.path] = data
        if fault is not None and fault.after is not None:
            fault.after()
        if fault is not None and fault.kind == "lost":
            self.close_connection = True
            return None
        return self._answer(412 if taken else 200)

    def do_GET(self) -> None:
        fault = self._next(self.state.gets) or self.state.always
        if fault is None and "list-type=2" in self.path:
            return self._list()
        data = self.state.objects.get(self.path)
        asked = self.headers.get("Range")
        if data is not None and asked is not None:  # `bytes=FIRST-LAST`, as obstore asks for the rest
            self.first, self.total = int(asked.removeprefix("bytes=").partition("-")[0]), len(data)
            data = data[self.first :]
        found = 200 if asked is None else 206
        if fault is None:
            return self._answer(404 if data is None else found, data or b"")
        if fault.kind == "status":
            return self._answer(fault.status)
        if fault.kind == "hang":
            self.state.stopped.wait(60)
            self.close_connection = True
            return None
        if fault.kind == "cut" and data is not None:
            return self._answer(found, data[: len(data) // 2], length=len(data))
        if fault.kind == "oversized":
            return self._answer(200, b" ", length=5_000_000_000)
        self.close_connection = True
        if fault.kind == "drip":
            self._answer(200, b"", length=10_000)
            for _ in range(10_000):
                if self.state.stopped.is_set():
                    return None
                try:
                    self.wfile.write(b" ")
                except OSError:  # the client has had enough
                    return None
                time.sleep(0.05)
        return None  # `lost`

    def _list(self) -> None:
        """A page of at most 1,000 keys, as S3 lists them."""
        bucket, _, query = self.path.partition("?")
        asked = dict(parse_qsl(query))
        after = asked.get("continuation-token") or asked.get("start-after", "")
        with self.state.lock:
            objects = {key.removeprefix(f"{bucket}/"): len(data) for key, data in self.state.objects.items()}
        keys = sorted(key for key in objects if key.startswith(asked.get("prefix", "")) and key > after)
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{objects[key]}</Size>"
            "<LastModified>2026-11-03T06:00:00.000Z</LastModified></Contents>"
            for key in keys[:PAGE]
        )
        if len(keys) > PAGE:
            token = escape(keys[PAGE - 1])
            rows += f"<NextContinuationToken>{token}</NextContinuationToken><IsTruncated>true</IsTruncated>"
        return self._answer(200, f"<ListBucketResult>{rows}</ListBucketResult>".encode())

    def _next(self, faults: deque[Fault | None]) -> Fault | None:
        with self.state.lock:
            self.state.requests.append((self.command, self.path))
            return faults.popleft() if faults else None

    def _answer(self, status: int, data: bytes = b"", *, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        if status == 206:
            self.send_header("Content-Range", f"bytes {self.first}-{self.total - 1}/{self.total}")
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Tue, 03 Nov 2026 06:00:00 GMT")
        self.end_headers()
        self.wfile.write(data)
        if length is not None and len(data) < length:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        return
