"""Who has answered: the drawn rows of windows that wait for labels, counted where they lie, in the database.

One query for any number of windows, however many rows they drew, so that a page of all streams can show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from calib.db import tables

items, labels = tables.items, tables.labels
AT_ONCE = 1_000  # windows in one statement: below every engine's limit of parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumCounts:
    """The drawn rows of one stratum: how many, and how many of them are correct, incorrect and unsure."""

    stratum: int
    drawn: int
    correct: int
    incorrect: int
    unsure: int

    @property
    def labelled(self) -> int:
        """Rows with an answer that is correct or incorrect."""
        return self.correct + self.incorrect

    @property
    def missing(self) -> int:
        """Rows that nobody has answered."""
        return self.drawn - self.labelled - self.unsure


def counts_by_stratum(conn: Connection, window_ids: Sequence[int]) -> dict[int, tuple[StratumCounts, ...]]:
    """The rows of each window by stratum and answer, in the order of the strata; none for one without rows.

    They are the numbers that `calib run --json` shows of the same windows.
    """
    counts: dict[int, dict[int, dict[str | None, int]]] = {}
    for start in range(0, len(window_ids), AT_ONCE):
        query = (
            select(items.c.window_id, items.c.stratum, labels.c.answer, func.count())
            .select_from(items)
            .outerjoin(labels, labels.c.id == items.c.label_id)
            .where(items.c.window_id.in_(list(window_ids[start : start + AT_ONCE])))
            .group_by(items.c.window_id, items.c.stratum, labels.c.answer)
        )
        for window_id, stratum, answer, n in conn.execute(query):
            counts.setdefault(window_id, {}).setdefault(stratum, {})[answer] = int(n)
    return {
        window_id: tuple(
            StratumCounts(
                stratum=stratum,
                drawn=sum(by_answer.values()),
                correct=by_answer.get("correct", 0),
                incorrect=by_answer.get("incorrect", 0),
                unsure=by_answer.get("unsure", 0),
            )
            for stratum, by_answer in sorted(by_stratum.items())
        )
        for window_id, by_stratum in counts.items()
    }
