"""What did not happen, and who must hear of it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from calib.alerts.alert import Alert
from calib.period import Period

GRACE = timedelta(days=1)  # before something that did not happen is an alert
STALE = timedelta(days=7)  # before its expiry a mapping is an alert
LOOK_BACK = 12  # periods that are looked over before the last one


def missing_periods(known: Collection[Period], last: Period) -> list[Period]:
    """The periods that should have a window and have none, oldest first.

    `known`: the periods that have a window. `last`: the latest that should have one. Looks from the first
    known period on, at most `LOOK_BACK` periods back; a stream without any window misses `last` alone.
    """
    start = min(known, default=last)
    missing = []
    period = last
    for _ in range(LOOK_BACK + 1):
        if period < start:
            break
        if period not in known:
            missing.append(period)
        period = period.previous()
    return missing[::-1]


def window_missed(stream: str, period: str, *, due: datetime) -> Alert:
    """The period has no window, though it could have been opened since `due`."""
    return _alert("window_missed", stream, period, due=due.isoformat())


def cohort_late(stream: str, period: str, *, closes_at: datetime, now: datetime) -> Alert | None:
    """The window is open a whole `GRACE` after it should have closed; None before that."""
    if now < closes_at + GRACE:
        return None
    return _alert("cohort_late", stream, period, closes_at=closes_at.isoformat())


def mapping_stale(
    stream: str, *, mapping: str, channel: str, expires_at: datetime, now: datetime
) -> Alert | None:
    """The mapping expires within `STALE`, or has expired; None before that. Once for each expiry."""
    if now < expires_at - STALE:
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
