"""A model on this machine: an OpenAI-compatible HTTP server that answers and fails as a test asks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from calib.json_object import Json
from calib.testing.loopback import Fault, Handler, Loopback

KEY = "sk-fake"
LARGEST = 4 * 1024 * 1024  # bytes of a request


class FakeModel(Loopback):
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
        self.requests: list[Json] = []
        self.busiest = 0
        self._faults: list[Fault] = []
        self._in_hand = 0
        self._lock = threading.Lock()
        self._sleep = sleep
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        """What `endpoint` in calib.toml is set to."""
        return f"{self.address}/v1"

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

    def reply(self, key: str, body: Any) -> tuple[Fault | None, int, Json]:
        """The fault that is due, if one is, and the status and object to reply with."""
        with self._lock:
            self._in_hand += 1
            self.busiest = max(self.busiest, self._in_hand)
            fault = self._faults.pop(0) if self._faults else None
        try:
            if self.delay:
                self._sleep(self.delay)
            if not self.opens(key):
                error = {"message": f"Incorrect API key provided: {key}", "code": "invalid_api_key"}
                return fault, 401, {"error": error}
            if not isinstance(body, dict) or not body.get("model") or not body.get("messages"):
                return fault, 400, {"error": {"message": "model and messages are needed"}}
            with self._lock:
                self.requests.append(body)
            return fault, 200, self._completion(body)
        finally:
            with self._lock:
                self._in_hand -= 1

    def _completion(self, body: Json) -> Json:
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


def _handler(model: FakeModel) -> type[Handler]:
    class Calls(Handler):
        protocol_version = "HTTP/1.1"

        def get(self) -> None:
            listed = {"object": "list", "data": [{"id": model.name, "object": "model"}]}
            status = 404 if self.path != "/v1/models" else 200 if model.opens(self.token()) else 401
            self.send(status, listed if status == 200 else {"error": {"message": "no"}})

        def post(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST:
                self.close_connection = True
                return self.send(413, {"error": {"message": "too large"}})
            content = self.rfile.read(length)
            if self.path != "/v1/chat/completions":
                return self.send(404, {"error": {"message": "no such path"}})
            try:
                body = json.loads(content)
            except ValueError:
                body = None
            fault, status, answer = model.reply(self.token(), body)
            if fault is None:
                return self.send(status, answer)
            if fault.dropped:
                self.close_connection = True
                return None
            return self.send(fault.status, {"error": {"code": fault.error}}, fault)

    return Calls
