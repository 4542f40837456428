"""A model on this machine: an OpenAI-compatible HTTP server that answers and fails as it is told."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from calib.testing.slack import Fault

KEY = "sk-fake"
LARGEST = 4 * 1024 * 1024  # bytes of a request


class FakeModel:
    """Speaks `POST /v1/chat/completions` and `GET /v1/models` on 127.0.0.1.

    `answer(prompt)` makes each reply's text. `name` is the model that replies say served them, whatever was
    asked for: set it to another one to change the model silently. `fail` lets the next requests go wrong,
    `delay` makes each take as many seconds. `prompts` and `requests` are what was asked, `busiest` how many
    were in hand at a time.

    >>> with FakeModel(lambda prompt: "Answer: Vienna") as model:
    ...     model.url.startswith("http://127.0.0.1:"), model.busiest
    (True, 0)
    """

    def __init__(
        self,
        answer: Callable[[str], str],
        *,
        name: str = "fake-1",
        key: str | None = KEY,
        delay: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.answer, self.name, self.key, self.delay = answer, name, key, delay
        self.requests: list[dict[str, Any]] = []
        self.busiest = 0
        self._faults: list[Fault] = []
        self._in_hand = 0
        self._lock = threading.Lock()
        self._sleep = sleep
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> FakeModel:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What `endpoint` in calib.toml is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def prompts(self) -> list[str]:
        """The prompts that were taken, in the order in which they came."""
        return [request["messages"][-1]["content"] for request in self.requests]

    def fail(self, *faults: Fault) -> None:
        """Let the next requests go wrong, one fault each."""
        self._faults.extend(faults)

    def opens(self, key: str) -> bool:
        """Whether this is the key, or none is asked for."""
        return self.key is None or key == self.key

    def reply(self, key: str, body: Any) -> tuple[Fault | None, int, dict[str, Any]]:
        """The fault that is due, if one is, and the status and object to reply with."""
        with self._lock:
            self._in_hand += 1
            self.busiest = max(self.busiest, self._in_hand)
            fault = self._faults.pop(0) if self._faults else None
        try:
            if self.delay:
                self._sleep(self.delay)
            if not self.opens(key):
                said = {"message": f"Incorrect API key provided: {key}", "code": "invalid_api_key"}
                return fault, 401, {"error": said}
            if not isinstance(body, dict) or not body.get("model") or not body.get("messages"):
                return fault, 400, {"error": {"message": "model and messages are needed"}}
            with self._lock:
                self.requests.append(body)
            return fault, 200, self._completion(body)
        finally:
            with self._lock:
                self._in_hand -= 1

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        text = self.answer(body["messages"][-1]["content"])
        message = {"role": "assistant", "content": text}
        return {
            "id": f"chatcmpl-{len(self.requests)}",
            "object": "chat.completion",
            "created": 0,
            "model": self.name,
            "system_fingerprint": f"fp_{self.name}",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news: one that has heard enough does so."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(model: FakeModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            listed = {"object": "list", "data": [{"id": model.name, "object": "model"}]}
            status = 404 if self.path != "/v1/models" else 200 if model.opens(self._key()) else 401
            self._send(status, listed if status == 200 else {"error": {"message": "no"}})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST:
                self.close_connection = True
                return self._send(413, {"error": {"message": "too large"}})
            content = self.rfile.read(length)
            if self.path != "/v1/chat/completions":
                return self._send(404, {"error": {"message": "no such path"}})
            try:
                body = json.loads(content)
            except ValueError:
                body = None
            fault, status, said = model.reply(self._key(), body)
            if fault is None:
                return self._send(status, said)
            if fault.dropped:
                self.close_connection = True
                return None
            return self._send(fault.status, {"error": {"code": fault.error}}, fault)

        def _key(self) -> str:
            return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

        def _send(self, status: int, said: dict[str, Any], fault: Fault | None = None) -> None:
            custom = fault.body if fault is not None else None
            content = (json.dumps(said) if custom is None else custom).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if custom is None else "text/html")
            self.send_header("Content-Length", str(len(content)))
            for name, value in (fault.headers if fault else {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (so http.server calls it)
            """Say nothing: a test's output is its own."""

    return Handler
