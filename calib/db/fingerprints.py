"""What tells that a stream's windows are no longer those that were read, without reading them.

One small row for each stream, so that a page of all streams reads anew only what has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from calib.db import tables

t = tables.windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Counts and latest times over a stream's windows; each step of a window's life changes one of them."""

    windows: int
    newest: int
    in_review: int
    evaluated: int
    over: int
    discarded: int
    evaluated_at: datetime | None
    closed_at: datetime | None


def fingerprints(conn: Connection, stream: str | None = None) -> dict[str, Fingerprint]:
    """The fingerprint of each stream that has windows, or of one stream."""
    query = select(
        t.c.stream,
        func.count().label("windows"),
        func.max(t.c.id).label("newest"),
        *(
            func.sum(case((t.c.state.in_(states), 1), else_=0)).label(name)
            for name, states in (
                ("in_review", ("in_review",)),
                ("evaluated", ("evaluated",)),
                ("over", ("closed", "insufficient")),
            )
        ),
        func.count(t.c.discarded_at).label("discarded"),
        func.max(t.c.evaluated_at).label("evaluated_at"),
        func.max(t.c.closed_at).label("closed_at"),
    ).group_by(t.c.stream)
    if stream is not None:
        query = query.where(t.c.stream == stream)
    return {
        row.stream: Fingerprint(**{part.name: getattr(row, part.name) for part in fields(Fingerprint)})
        for row in conn.execute(query)
    }
