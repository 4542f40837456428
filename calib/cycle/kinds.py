"""A stream keeps the periods that its first window had: months, weeks or days, in one time zone."""

from __future__ import annotations

from sqlalchemy import Connection

from calib.cycle.stream import StreamPolicy
from calib.db import windows
from calib.errors import InvalidInput
from calib.period import Kind, Period


def refuse_other_kind(conn: Connection, policy: StreamPolicy) -> str | None:
    """The stream's latest period, None before its first; `InvalidInput` where the settings bound others.

    Months and weeks overlap: a week would be compared with rows of its own (ADR 122). In another time zone
    some hours would be in two periods, or in none (ADR 202).
    """
    return refuse_kind(conn, policy.stream, policy.kind, timezone=policy.timezone)


def refuse_kind(conn: Connection, stream: str, new_kind: Kind, *, timezone: str) -> str | None:
    """The stream's latest period, None before its first; `InvalidInput` where it is bounded otherwise."""
    latest = windows.latest_bounds(conn, stream)
    if latest is None:
        return None
    period = Period.named(latest.period)
    if period.kind != new_kind:
        raise InvalidInput(
            f'{stream}: period = "{new_kind}" in calib.toml, but the windows of this stream are '
            f'{period.kind}s, the latest {latest.period}. Write period = "{period.kind}" again; or watch by '
            f"the {new_kind} as a stream of its own, [streams.{stream}-{new_kind}] with the same settings: "
            "its windows begin anew, and serving systems name that stream once it has a mapping"
        )
    # Two names may stand for one zone, and a zone's rules may be corrected afterwards: neither is a change.
    if period.interval(timezone) != (latest.starts_at, latest.ends_at) and latest.timezone != timezone:
        raise InvalidInput(
            f'{stream}: timezone = "{timezone}" in calib.toml, but {latest.period}, the latest window of '
            f"this stream, is bounded by {latest.timezone}: some hours would be in two periods, or in none. "
            f'Write timezone = "{latest.timezone}" again; or watch in the new zone as a stream of its own, '
            "with the same settings: its windows begin anew, and serving systems name that stream once it "
            "has a mapping"
        )
    return latest.period
