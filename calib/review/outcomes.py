"""Labels that arrive by themselves, in the traffic's own table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from calib.review import queue

BY = "outcome"  # stands where a reviewer's name would


class FoundLabel(Protocol):
    """Whether a prediction was right, and since when that is known."""

    @property
    def correct(self) -> bool: ...
    @property
    def at(self) -> datetime | None: ...


def sync(conn: Connection, window_id: int, labels_by_id: Mapping[str, FoundLabel], *, now: datetime) -> int:
    """Give the window's rows the outcomes that are known, by prediction id; how many count that did not.

    Doing it again changes nothing. An id that was not drawn is passed over, a row that has another answer
    keeps it, with the outcome beside it.
    """
    items = queue.items_of(conn, window_id)
    new_answers = [
        queue.Answer(
            item_id=items[id_],
            answer="correct" if outcome.correct else "incorrect",
            by=BY,
            at=outcome.at or now,
        )
        for id_, outcome in labels_by_id.items()
        if id_ in items
    ]
    return queue.label_all(conn, new_answers, source="outcome").count("new")
