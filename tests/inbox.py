"""A place for alerts that remembers what came, across crashes, as Slack does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from calib.outbox.place import Parcel


@dataclass
class Inbox:
    """Where alerts arrive; it remembers across crashes, as Slack does."""

    name: str = "inbox"
    pace: float = 0.0
    got: list[str] = field(default_factory=list)

    def send(self, parcel: Parcel) -> dict[str, Any]:
        self.got.append(parcel.id)
        return {"channel": "inbox"}

    def find(self, parcel: Parcel, since: datetime) -> dict[str, Any] | None:
        return {"channel": "inbox"} if parcel.id in self.got else None

    def check(self) -> str:
        return "it is there"
