"""In which order a stream's windows are evaluated: each after the ones before it, whose labels it needs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from calib.db import windows
from calib.db.windows import Window
from calib.policy import cohort_is_late


def waits_for(conn: Connection, window: Window, *, now: datetime) -> tuple[str, ...]:
    """The earlier periods that are to be evaluated before this window, oldest first.

    Those whose window, or a revision of it, is neither closed nor insufficient nor discarded. One that should
    have closed a whole `GRACE` ago is not waited for: something keeps it, and the rest of the stream goes on.
    """
    unfinished = windows.unfinished(conn, window.stream)
    return tuple(
        dict.fromkeys(
            earlier.period
            for earlier in unfinished
            if earlier.ends_at <= window.starts_at and not cohort_is_late(earlier.closes_at, now)
        )
    )
