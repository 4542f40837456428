"""Predictions to which there are different answers: people who differ, outcomes that were changed later."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from calib.db import tables

t, answers, w = tables.items, tables.labels, tables.windows
counting = answers.alias("counting")
# Whoever corrects an own answer contradicts nobody; an outcome that was changed later contradicts itself.
BY_SOMEBODY_ELSE = (
    (answers.c.id == counting.c.id) | (answers.c.by != counting.c.by) | (answers.c.source == "outcome")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A drawn row with different answers, the one that counts first."""

    period: str
    prediction_id: str
    answers: tuple[str, ...]


def of_stream(conn: Connection, stream: str, *, period: str | None = None) -> list[Conflict]:
    """The stream's rows with different answers: the newest period first, then by id."""
    query = (
        select(w.c.period, t.c.id, t.c.prediction_id, answers.c.answer)
        .join(t, t.c.id == answers.c.item_id)
        .join(w, w.c.id == t.c.window_id)
        .join(counting, counting.c.id == t.c.label_id)
        .where(w.c.stream == stream, BY_SOMEBODY_ELSE)
        .order_by(
            w.c.ends_at.desc(), t.c.prediction_id, t.c.id, (answers.c.id == t.c.label_id).desc(), answers.c.id
        )
    )
    if period is not None:
        query = query.where(w.c.period == period)
    words: dict[tuple[int, str, str], dict[str, None]] = {}
    for row in conn.execute(query):
        words.setdefault((row.id, row.period, row.prediction_id), {})[row.answer] = None
    return [
        Conflict(period=period_, prediction_id=id_, answers=tuple(answer_words))
        for (_, period_, id_), answer_words in words.items()
        if len(answer_words) > 1
    ]
