"""Rules that find what did not happen: missed periods, stale mappings. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from calib.alerts.alert import Alert, Severity
from calib.period import Period
from calib.policy import LOOK_BACK_PERIODS, job_is_missing, mapping_is_stale

DEPLOYMENT = "all streams"  # in the place of a stream, which cannot have this name: what concerns all of them


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
        now=now.isoformat(),
    )


def probe_missed(probe: str, period: str, *, due: datetime, hung: bool) -> Alert:
    """The probe's questions should have been asked by `due`; `hung`: some were, and the run did not end."""
    return _alert("window_missed", probe, period, due=due.isoformat(), of="probe", hung=hung)


def job_missed(job: str, *, since: datetime, ran: bool, every: timedelta, now: datetime) -> Alert | None:
    """The scheduled job has not come to its end for its time and `GRACE`; None before that.

    `since`: its last run, or where it never `ran`, when it was first waited for. Once for each such moment.
    """
    if not job_is_missing(since, now, every=every):
        return None
    return _alert(
        "job_missed",
        f"job {job}",  # each is an alert of its own, though several may be missing since one moment
        _moment(since),
        severity="bad",
        job=job,
        since=since.isoformat(),
        ran=ran,
        every=int(every.total_seconds()),
    )


def store_unsafe(*, since: datetime, store: str) -> Alert:
    """The store took other bytes for an object that was there; `since`: when it was last seen to refuse."""
    return _alert("store_unsafe", DEPLOYMENT, _moment(since), severity="bad", store=store)


def alerts_parked(*, parked: int, waiting: int, oldest: datetime) -> Alert:
    """Alerts that nobody has: given up, or waiting for more than `GRACE`; once for each oldest one."""
    return _alert(
        "alerts_parked",
        DEPLOYMENT,
        _moment(oldest),
        severity="bad",
        parked=parked,
        waiting=waiting,
        oldest=oldest.isoformat(),
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"


def _alert(
    kind: str, stream: str, period: str, *, severity: Severity = "warning", **facts: str | bool | int
) -> Alert:
    return Alert(kind=kind, stream=stream, period=period, severity=severity, facts=facts)
