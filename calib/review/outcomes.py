"""Labels that arrive by themselves, in the traffic's own table or in one of their own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, Engine

from calib.json_object import Json
from calib.review import queue

if TYPE_CHECKING:
    from calib.db.windows import Window

LOG = logging.getLogger(__name__)
BY = "outcome"  # stands where a reviewer's name would


class FoundLabel(Protocol):
    """Whether a prediction was right, and since when that is known."""

    @property
    def correct(self) -> bool: ...
    @property
    def at(self) -> datetime | None: ...


class FoundOutcomes(Protocol):
    """What is known of some predictions: `calib.traffic.Outcomes`."""

    @property
    def labels(self) -> Mapping[str, FoundLabel]: ...
    @property
    def differing(self) -> Mapping[str, FoundLabel]: ...
    @property
    def not_an_answer(self) -> Sequence[str]: ...
    @property
    def not_found(self) -> int: ...
    @property
    def undecided(self) -> Sequence[str]: ...


class Ask(Protocol):
    """Asks the table of outcomes for these predictions, as it stood at a moment."""

    def __call__(self, ids: Iterable[str], *, known_by: datetime) -> FoundOutcomes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What fetching did, in rows of the window.

    `waiting`: had no label before. `new`: have one now. `changed`: the table now says other than the label
    that counts. `not_an_answer`: the outcome is not a word that is known. `not_found`: the traffic does not
    hold the row any more. `undecided`: the table says right and wrong, and nothing tells which of them holds.
    """

    waiting: int
    new: int
    changed: int
    not_an_answer: int
    not_found: int
    undecided: int


def enqueue(conn: Connection, window_id: int, drawn: Sequence[Json]) -> None:
    """Keep a window's drawn rows, without the texts that nobody will look at."""
    queue.enqueue(conn, window_id, [row | {"context": None} for row in drawn])


def fetch(engine: Engine, window: Window, ask: Ask, *, now: datetime) -> Fetched:
    """Give the rows of a window that waits for labels the outcomes that are known.

    Rows that have their label are asked for too: an outcome that was changed since is kept beside the label
    that counts, as a conflict (`calib labels conflicts`), and changes nothing else. Outcomes that became
    known after the window's end of waiting are left out, whenever this is called.
    """
    known_by = min(now, window.closes_at)
    with engine.connect() as conn:
        waiting = queue.unlabelled(conn, window.id)
        labelled = sorted(set(queue.items_of(conn, window.id)) - set(waiting))
    arrived = ask(waiting, known_by=known_by)
    again = ask(labelled, known_by=known_by) if labelled else None
    with engine.begin() as conn:
        new = sync(conn, window.id, arrived.labels, now=now)
        changed = sync_changes(conn, window.id, arrived.differing, now=now)
        if again is not None:
            changed += sync_changes(conn, window.id, again.labels, now=now)
    fetched = Fetched(
        waiting=len(waiting),
        new=new,
        changed=changed,
        not_an_answer=len(arrived.not_an_answer),
        not_found=arrived.not_found,
        undecided=len(arrived.undecided),
    )
    for event in ("changed", "not_an_answer", "undecided"):
        if n := getattr(fetched, event):
            extra = {"event": f"outcomes_{event}", "stream": window.stream, "period": window.period}
            LOG.warning(
                "%s %s: %s", window.stream, window.period, _SAYS[event] % n, extra=extra | {"rows": n}
            )
    return fetched


_SAYS = {
    "changed": "%d outcomes are now others than the labels that count; `calib labels conflicts` lists them",
    "not_an_answer": "%d outcomes say neither right nor wrong; `calib check` shows the column",
    "undecided": "%d predictions have outcomes that differ; without review.at nothing tells which is later",
}


def sync(conn: Connection, window_id: int, labels_by_id: Mapping[str, FoundLabel], *, now: datetime) -> int:
    """Give the window's rows the outcomes that are known, by prediction id; how many count that did not.

    Doing it again changes nothing. An id that was not drawn is passed over, a row that has another answer
    keeps it, with the outcome beside it.
    """
    return _answer(conn, window_id, labels_by_id, now=now).count("new")


def sync_changes(
    conn: Connection, window_id: int, labels_by_id: Mapping[str, FoundLabel], *, now: datetime
) -> int:
    """Keep outcomes of rows that have a label; how many of them say other than that label."""
    return _answer(conn, window_id, labels_by_id, now=now).count("conflict")


def _answer(
    conn: Connection, window_id: int, labels_by_id: Mapping[str, FoundLabel], *, now: datetime
) -> list[queue.LabelOutcome]:
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
    return queue.label_all(conn, new_answers, source="outcome", corrects=False)
