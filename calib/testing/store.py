"""A store that fails in the ways that stores were seen to fail."""

from __future__ import annotations

from collections import deque
from typing import Literal

from calib.errors import Conflict, OutcomeUnknown, Unavailable

Fault = Literal["lost", "unavailable", "unknown"]


class FaultyStore:
    """Objects in memory; each creation takes the next fault, if there is one.

    `lost`: it lands, and the response does not: read back, it is a success, so nothing is raised.
    `unavailable`: nothing lands. `unknown`: it lands, and reading back fails too.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults: deque[Fault | None] = deque()
        self.down = False

    def get(self, key: str) -> bytes | None:
        """The object; `Unavailable` while the store is down."""
        if self.down:
            raise Unavailable(f"{key}: the store is down")
        return self.objects.get(key)

    def create(self, key: str, data: bytes) -> None:
        """Create once, with the next fault."""
        fault = self.faults.popleft() if self.faults else None
        if self.down or fault == "unavailable":
            raise Unavailable(f"{key}: nothing was written")
        if self.objects.setdefault(key, data) != data:
            raise Conflict(f"{key} holds other bytes")
        if fault == "unknown":
            raise OutcomeUnknown(f"{key}: no answer")

    def hint(self, key: str, data: bytes) -> None:
        """Replace, unless the store is down."""
        if not self.down:
            self.objects[key] = data

    def keys(self, prefix: str, *, after: str | None = None) -> list[str]:
        """Sorted keys; `Unavailable` while the store is down."""
        if self.down:
            raise Unavailable(f"{prefix}: the store is down")
        return sorted(key for key in self.objects if key.startswith(prefix) and key > (after or ""))
