"""A stream keeps the kind of period that its first window had: months, weeks or days."""

from __future__ import annotations

from sqlalchemy import Connection

from calib.cycle.stream import StreamPolicy
from calib.db import windows
from calib.errors import InvalidInput
from calib.period import Kind, Period


def refuse_other_kind(conn: Connection, policy: StreamPolicy) -> str | None:
    """The stream's latest period, None before its first; `InvalidInput` where the settings name another kind.

    Months and weeks overlap: a week would be compared with rows of its own (ADR 122).
    """
    return refuse_kind(conn, policy.stream, policy.kind)


def refuse_kind(conn: Connection, stream: str, new_kind: Kind) -> str | None:
    """The stream's latest period, None before its first; `InvalidInput` where it is of another kind."""
    latest = windows.latest_period(conn, stream)
    if latest is None or (kind := Period.named(latest).kind) == new_kind:
        return latest
    raise InvalidInput(
        f'{stream}: period = "{new_kind}" in calib.toml, but the windows of this stream are {kind}s, the '
        f'latest {latest}. Write period = "{kind}" again; or watch by the {new_kind} as a stream of '
        f"its own, [streams.{stream}-{new_kind}] with the same settings: its windows begin anew, and "
        "serving systems name that stream once it has a mapping"
    )
