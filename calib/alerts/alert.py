"""An alert as a value; `calib.alerts.message` has the words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from calib.json_object import Json

NAMESPACE = uuid.UUID("0c3f7c0e-7d6e-5a65-8d0b-3a0d8f0a5d11")

OF_A_DAY = ("mapping_stale", "stream_failed")  # kinds that belong to no window: their period is a day
Severity = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something to inform people of, once; `facts` are numbers and names, never a reviewer's context.

    `period` is the window's period, or the day (like 2026-11-28) for an alert that belongs to no window.
    """

    kind: str
    stream: str
    period: str
    severity: Severity
    facts: Json

    @property
    def id(self) -> str:
        """The same for the same kind, stream and period, so that twice is recognised as once."""
        return str(uuid.uuid5(NAMESPACE, f"{self.stream}/{self.period}/{self.kind}"))
