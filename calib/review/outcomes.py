"""Labels that arrive by themselves, in the traffic's own table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from calib.review import queue
from calib.traffic import Outcome


def sync(conn: Connection, window_id: int, found: Mapping[str, Outcome], *, now: datetime) -> int:
    """Give the window's rows the outcomes that are known; how many were new."""
    items = queue.items_of(conn, window_id, found)
    new = 0
    for id_, item in items.items():
        outcome = found[id_]
        word = "correct" if outcome.correct else "incorrect"
        said = queue.label(
            conn, item_id=item, answer=word, by="outcome", at=outcome.at or now, source="outcome"
        )
        new += said == "new"
    return new
