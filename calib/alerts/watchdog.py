"""Rules that find what did not happen: missed periods, stale mappings. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from calib.alerts.alert import Alert
from calib.period import Period
from calib.policy import LOOK_BACK_PERIODS, mapping_is_stale


def missing_periods(known: Collection[Period], last: Period) -> list[Period]:
    """The periods that should have a window and have none, oldest first.

    `known`: the periods that have a window. `last`: the latest that should have one. Looks from the first
    known period on, at most `LOOK_BACK_PERIODS` back; a stream without any window misses `last` alone.
    """
    start = min(known, default=last)
    missing = []
    period = last
    for _ in range(LOOK_BACK_PERIODS + 1):
        if period < start:
            break
        if period not in known:
            missing.append(period)
        period = period.previous()
    return missing[::-1]


def window_missed(stream: str, period: str, *, due: datetime) -> Alert:
    """The period has no window, though it could have been opened since `due`."""
    return _alert("window_missed", stream, period, due=due.isoformat())


def mapping_stale(
    stream: str, *, mapping: str, channel: str, expires_at: datetime, now: datetime
) -> Alert | None:
    """The mapping expires within `STALE_BEFORE_EXPIRY`, or has; None before that. Once for each expiry."""
    if not mapping_is_stale(expires_at, now):
        return None
    return _alert(
        "mapping_stale",
        stream,
        f"{expires_at:%Y-%m-%d}",
        mapping=mapping,
        channel=channel,
        expires_at=expires_at.isoformat(),
    )


def _alert(kind: str, stream: str, period: str, **facts: str) -> Alert:
    return Alert(kind=kind, stream=stream, period=period, severity="warning", facts=facts)
