"""How long people take for a label: the time between two answers of one person."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import Connection, select

from calib.db import tables

ONE_BY_ONE = ("review", "label-studio")  # sources of answers whose times say when each was given
LONGEST = timedelta(minutes=5)  # between two answers: more is a break, not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The answers that people gave one by one, and the median seconds for one; None where no two are near."""

    answers: int
    seconds: float | None


def pace_by_window(conn: Connection, windows: Sequence[int], *, until: datetime) -> dict[int, Pace]:
    """The pace of each of these windows, by id, from the answers up to a moment; none for those without any.

    Answers from files and outcomes that arrive by themselves cost nobody's time here and are left out. The
    windows are named, and not their stream, so that databases find the few answers by their indexes: most
    labels belong to windows that are open, or to other streams.
    """
    items, labels = tables.items, tables.labels
    query = (
        select(items.c.window_id, labels.c.by, labels.c.at)
        .join(items, items.c.id == labels.c.item_id)
        .where(items.c.window_id.in_(windows), labels.c.source.in_(ONE_BY_ONE), labels.c.at <= until)
        .order_by(items.c.window_id, labels.c.by, labels.c.at)
    )
    times: dict[int, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for row in conn.execute(query):
        times[row.window_id][row.by].append(row.at)
    return {window: pace(list(people.values())) for window, people in times.items()}


def pace(people: Sequence[Sequence[datetime]]) -> Pace:
    """The pace of people, each with the times of their answers, ascending.

    Answers of the same instant were not given one by one.

    >>> from datetime import UTC
    >>> at = [datetime(2026, 11, 2, 9, 0, second, tzinfo=UTC) for second in (0, 4, 10, 18)]
    >>> pace([at])
    Pace(answers=4, seconds=6.0)
    """
    gaps = [
        (after - before).total_seconds()
        for at in people
        for before, after in itertools.pairwise(at)
        if timedelta(0) < after - before <= LONGEST
    ]
    return Pace(answers=sum(map(len, people)), seconds=median(gaps) if gaps else None)
