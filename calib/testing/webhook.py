"""A receiver of webhooks on this machine: keeps what is posted, and fails as a test asks."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass

from calib.json_object import Json
from calib.testing.loopback import Fault, Handler, Loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One request: its path, its headers in lower case, its body as it came, and the object in it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Json:
        """The object."""
        event: Json = json.loads(self.body)
        return event


class FakeWebhook(Loopback):
    """Takes each POST on 127.0.0.1.

    >>> with FakeWebhook() as hook:
    ...     hook.fail(Fault(status=503))  # the first request
    ...     len(hook.posted)
    0

    `posted` are the requests that were taken, oldest first; `tried` counts all of them.
    """

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.tried = 0
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        """What `webhook` in [notify] is set to."""
        return f"{self.address}/alerts"

    def fail(self, *faults: Fault) -> None:
        """Let the next requests go wrong, one fault each."""
        self._faults.extend(faults)

    def take(self, request: Posted) -> Fault | None:
        """Keep a request, unless a fault is due that does not accept it."""
        with self._lock:
            self.tried += 1
            fault = self._faults.pop(0) if self._faults else None
            if fault is None or fault.accepted:
                self.posted.append(request)
            return fault


def _handler(hook: FakeWebhook) -> type[Handler]:
    class Calls(Handler):
        def post(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            fault = hook.take(Posted(path=self.path, headers=headers, body=body))
            self.close_connection = True
            if fault is None or not fault.dropped:
                self.send(200 if fault is None else fault.status, {"ok": fault is None}, fault)

        def get(self) -> None:
            hook.tried += 1
            self.send(200, {"ok": True})

    return Calls
