"""Outcomes that arrive by themselves: from the rows of a table to the one answer for each prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from calib.traffic.values import ArrivedLabel, Outcomes
from calib.vocabulary import meaning

IDS_AT_ONCE = 5_000  # in one query: what every engine takes as a list of values


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """One row that may say something of a prediction.

    `said`: the cell as text, None where it is empty. `at`: since when it is known, None where nothing says
    so. `rank` orders the rows of one id.
    """

    id: str
    said: str | None
    at: datetime | None
    rank: Any


def fetch(
    table: Any,
    *,
    id_column: str,
    ids: Iterable[str],
    selected: dict[str, Any],
    records: Callable[[Any], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """The rows of these ids alone, with `id` and the columns `selected`; asked for in parts."""
    from calib.traffic.rules import text_of

    rows = table.select(id=text_of(table[id_column]), **selected)
    all_ids, fetched = list(ids), []
    for begin in range(0, len(all_ids), IDS_AT_ONCE):
        fetched += records(rows.filter(rows["id"].isin(all_ids[begin : begin + IDS_AT_ONCE])))
    return fetched


def answers(
    rows: Sequence[OutcomeRow],
    *,
    known_by: datetime | None = None,
    counts: Literal["first", "last"],
) -> Outcomes:
    """What the rows say of each prediction, as far as it was known by a moment where that is given.

    An outcome without a time counts as known. A cell that says that nothing is known yet says nothing; one
    that says neither right nor wrong is counted. With `first` the first row of an id by `rank` is the
    prediction, and others are its duplicates, which say nothing. With `last` the last one counts; another
    one that differs is `differing`. Where rows that differ share the last rank, none counts: `undecided`.
    """
    by_id: dict[str, list[tuple[Any, ArrivedLabel]]] = {}
    other: set[str] = set()
    for row in rows:
        if row.said is None or (row.at is not None and known_by is not None and row.at > known_by):
            continue
        verdict = meaning(row.said)
        if verdict in (None, "unsure"):
            other.add(row.id)
        elif verdict != "unknown":
            by_id.setdefault(row.id, []).append((row.rank, ArrivedLabel(verdict == "correct", row.at)))
    labels: dict[str, ArrivedLabel] = {}
    differing: dict[str, ArrivedLabel] = {}
    undecided: set[str] = set()
    for id_, said_of_it in by_id.items():
        ordered = sorted(said_of_it, key=lambda item: (item[0], item[1].correct))
        if counts == "first":
            labels[id_] = ordered[0][1]
            continue
        counting = ordered[-1]
        unequal = [item for item in ordered if item[1].correct != counting[1].correct]
        if any(rank == counting[0] for rank, _ in unequal):
            undecided.add(id_)
            continue
        labels[id_] = counting[1]
        if unequal:
            differing[id_] = unequal[-1][1]
    return Outcomes(
        labels=labels,
        not_an_answer=tuple(sorted(other - set(labels))),
        differing=differing,
        undecided=tuple(sorted(undecided)),
    )
