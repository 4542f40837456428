"""What the client answers."""

from __future__ import annotations

from typing import Any, NamedTuple


class Calibrated(NamedTuple):
    """`value`: a float or an array like `raw`. `mapping`: the digest of what made it, None for nothing."""

    value: Any
    raw: Any
    mapping: str | None
    status: str


class Decision(NamedTuple):
    """`act`: only where a certificate covers it. `cut`: the raw confidence from which it does."""

    act: bool
    cut: float | None
    reason: str
    status: str


class Status(NamedTuple):
    """`state`: INITIALIZING, FRESH, STALE or UNCALIBRATED. `age_seconds`: since the store last answered."""

    state: str
    mapping: str | None
    epoch: int | None
    generation: int | None
    age_seconds: float | None
    expires_at: str | None
    reason: str
