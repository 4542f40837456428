"""What the client answers."""

from __future__ import annotations

from typing import Any, NamedTuple


class Calibrated(NamedTuple):
    """`value`: a float or an array like `raw`. `mapping`: the digest of what made it, None for nothing.

    Log `value` and `mapping` beside each prediction: they are the columns `served` and `mapping` of the
    traffic, by which the next window measures what was served.
    """

    value: Any
    raw: Any
    mapping: str | None
    status: str


class Decision(NamedTuple):
    """`act`: only where a certificate covers it. `cut`: the raw confidence from which it does.

    `certified`: the accuracy that the certificate proves. It is more than was asked for where no certificate
    is for just that accuracy, and then `reason` says so.
    """

    act: bool
    cut: float | None
    reason: str
    status: str
    mapping: str | None = None
    certified: float | None = None


class Status(NamedTuple):
    """`state`: INITIALIZING, FRESH, STALE or UNCALIBRATED; `reason` says what is wrong if anything is.

    `age_seconds`: since the store last confirmed what is served, None for not yet. `entry_age_seconds`: since
    the entry that is served was published, by the wall clock. `expires_at`: its publisher's own promise.
    `unusable`: values that were no confidence, and became NaN, since the client was made; `rounded`: those at
    most 1e-6 beyond 0 or 1, taken as that end.
    """

    state: str
    mapping: str | None
    epoch: int | None
    generation: int | None
    age_seconds: float | None
    entry_age_seconds: float | None
    expires_at: str | None
    reason: str
    unusable: int = 0
    rounded: int = 0
