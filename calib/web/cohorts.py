"""How far the labels of a stream's open windows are, and what further ones would still tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from sqlalchemy import Connection, distinct, func, select

from calib.db import tables, windows
from calib.review import claims

Z95 = 1.959964  # normal quantile of a 95% interval
NEXT = 10  # labels whose use is said
LEAST = 10  # labels before the interval so far says anything
i, a, w = tables.items, tables.labels, tables.windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One stratum of a cohort: its share of the population, its drawn rows, and how they were answered."""

    mass: float
    drawn: int
    correct: int = 0
    incorrect: int = 0
    unsure: int = 0

    @property
    def missing(self) -> int:
        """Rows without an answer."""
        return self.drawn - self.correct - self.incorrect - self.unsure


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Half the 95% interval of the cohort's accuracy, in [0, 1].

    `now` is None before there are `LEAST` labels; `soon`: with the next `NEXT` labels; `complete`: with all that are
    missing.
    """

    now: float | None
    soon: float
    complete: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A window that waits for labels: rows drawn and answered, by people too, and what labels still tell."""

    window_id: int
    period: str
    closes_at: datetime
    drawn: int
    answered: int
    people: tuple[tuple[str, int], ...]  # who has answered how many, most first
    precision: Precision

    @property
    def missing(self) -> int:
        """Rows without an answer."""
        return self.drawn - self.answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much of a stream waits: rows without an answer in its open windows, and the next deadline."""

    stream: str
    drawn: int
    missing: int
    closes_at: datetime


def cohorts_of(conn: Connection, stream: str) -> list[Cohort]:
    """The windows of a stream that wait for labels, oldest first."""
    query = select(w.c.id, w.c.period, w.c.closes_at, w.c.design["sizes"].label("sizes"))
    rows = conn.execute(query.where(w.c.stream == stream, windows.WAITING).order_by(w.c.ends_at, w.c.id)).all()
    ids = [row.id for row in rows]
    strata = _strata(conn, {row.id: row.sizes for row in rows})
    people = _people(conn, ids)
    return [
        Cohort(
            window_id=row.id,
            period=row.period,
            closes_at=row.closes_at,
            drawn=sum(part.drawn for part in strata[row.id]),
            answered=sum(part.drawn - part.missing for part in strata[row.id]),
            people=tuple(people.get(row.id, ())),
            precision=precision(strata[row.id]),
        )
        for row in rows
    ]


def waiting(conn: Connection, streams: Sequence[str]) -> list[Waiting]:
    """Those of the streams that have windows that wait for labels, the one that closes first before the others."""
    query = (
        select(
            w.c.stream,
            func.count(i.c.id).label("drawn"),
            func.count(i.c.label_id).label("answered"),
            func.min(w.c.closes_at).label("closes_at"),
        )
        .join(i, i.c.window_id == w.c.id)
        .where(windows.WAITING, w.c.stream.in_(streams))
        .group_by(w.c.stream)
        .order_by(func.min(w.c.closes_at), w.c.stream)
    )
    return [
        Waiting(
            stream=row.stream, drawn=row.drawn, missing=row.drawn - row.answered, closes_at=row.closes_at
        )
        for row in conn.execute(query)
    ]


def any_missing(conn: Connection, stream: str) -> bool:
    """Whether a row of the stream's open windows has no answer yet."""
    query = select(i.c.id).join(w, w.c.id == i.c.window_id)
    rows = query.where(w.c.stream == stream, windows.WAITING, i.c.label_id.is_(None)).limit(1)
    return conn.execute(rows).first() is not None


def left_for(conn: Connection, stream: str, by: str) -> int:
    """How many items this person could still answer."""
    return claims.claimable(conn, stream=stream, by=by)


def precision(strata: Sequence[Stratum]) -> Precision:
    """What the labels tell of the cohort's accuracy, and what more of them would.

    The accuracy is the mean over strata by mass; its variance is Σ w² p (1 − p) / (n + 1) (Cochran 1977, eq.
    5.7, without the correction for finite strata), p = (correct + ½) / (labels + 1), so that a stratum whose
    labels all agree is not taken for certain. Assumes that missing rows are answered like those before them.

    >>> half = precision([Stratum(mass=1.0, drawn=400, correct=80, incorrect=20)])
    >>> [round(x or 0, 3) for x in (half.now, half.soon, half.complete)]
    [0.079, 0.075, 0.039]
    """
    labels = [part.correct + part.incorrect for part in strata]
    missing = [part.missing for part in strata]
    share = min(1.0, NEXT / sum(missing)) if sum(missing) else 0.0
    return Precision(
        now=_half(strata, labels) if sum(labels) >= LEAST else None,
        soon=_half(strata, [n + share * more for n, more in zip(labels, missing, strict=True)]),
        complete=_half(strata, [n + more for n, more in zip(labels, missing, strict=True)]),
    )


def _half(strata: Sequence[Stratum], labels: Sequence[float]) -> float:
    variance = 0.0
    for part, n in zip(strata, labels, strict=True):
        p = (part.correct + 0.5) / (part.correct + part.incorrect + 1)
        variance += part.mass**2 * p * (1 - p) / (n + 1)
    return Z95 * sqrt(variance)


def _strata(conn: Connection, sizes: Mapping[int, Any]) -> dict[int, list[Stratum]]:
    query = (
        select(i.c.window_id, i.c.stratum, a.c.answer, func.count().label("n"))
        .outerjoin(a, a.c.id == i.c.label_id)
        .where(i.c.window_id.in_(list(sizes)))
        .group_by(i.c.window_id, i.c.stratum, a.c.answer)
    )
    counts: dict[int, dict[int, dict[str | None, int]]] = {window_id: {} for window_id in sizes}
    for row in conn.execute(query):
        counts[row.window_id].setdefault(row.stratum, {})[row.answer] = row.n
    return {
        window_id: [
            Stratum(
                mass=population[stratum] / max(1, sum(population)) if stratum < len(population) else 0.0,
                drawn=sum(words.values()),
                correct=words.get("correct", 0),
                incorrect=words.get("incorrect", 0),
                unsure=words.get("unsure", 0),
            )
            for stratum, words in sorted(counts[window_id].items())
        ]
        for window_id, population in sizes.items()
    }


def _people(conn: Connection, window_ids: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    query = (
        select(i.c.window_id, a.c.by, func.count(distinct(a.c.item_id)).label("n"))
        .join(a, a.c.item_id == i.c.id)
        .where(i.c.window_id.in_(window_ids), a.c.taken_back_at.is_(None), a.c.source.in_(["review", "file"]))
        .group_by(i.c.window_id, a.c.by)
        .order_by(func.count(distinct(a.c.item_id)).desc(), a.c.by)
    )
    people: dict[int, list[tuple[str, int]]] = {}
    for row in conn.execute(query):
        people.setdefault(row.window_id, []).append((row.by, row.n))
    return people
