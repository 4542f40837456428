"""Labels that arrive by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from queues import MINUTE, NOW, database, open_window
from sqlalchemy import select

from calib.db import tables
from calib.review import outcomes, queue, window_labels


@dataclass
class Outcome:
    correct: bool
    at: datetime | None = None


def test_outcomes_become_labels_once_and_never_replace_a_persons(tmp_path: Path) -> None:
    with database(tmp_path).begin() as conn:
        window = open_window(conn, "a", "b", "c")
        items = queue.items_of(conn, window)
        queue.label(conn, item_id=items["c"], answer="correct", by="ada", at=NOW, source="review")
        found = {
            "a": Outcome(True, NOW - MINUTE),
            "b": Outcome(False),
            "c": Outcome(False),
            "not drawn": Outcome(True),
        }
        assert outcomes.sync(conn, window, found, now=NOW) == 2
        assert outcomes.sync(conn, window, found, now=NOW + MINUTE) == 0
        cohort = queue.cohort(conn, window)
        assert dict(zip(cohort.id, cohort.correct.tolist(), strict=True)) == {"a": 1.0, "b": 0.0, "c": 1.0}
        assert window_labels.conflicts(conn, window) == {"c": ("correct", "incorrect")}
        t = tables.labels
        told = conn.execute(select(t.c.at).where(t.c.source == "outcome").order_by(t.c.id)).scalars().all()
        assert told == [NOW - MINUTE, NOW, NOW]
