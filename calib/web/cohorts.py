"""How far the labels of a stream's open windows are, and what further ones would still tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from sqlalchemy import Connection, func, select

from calib.db import tables, windows
from calib.review import claims
from calib.review.queue import progress_by_reviewer
from calib.review.response import StratumCounts, counts_by_stratum

Z95 = 1.959964  # normal quantile of a 95% interval
NEXT = 10  # labels whose use is said
LEAST = 10  # labels before the interval so far says anything
i, w = tables.items, tables.windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One stratum of a cohort: its share of the population, and its drawn rows by their answers."""

    mass: float
    rows: StratumCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Half the 95% interval of the cohort's accuracy, in [0, 1].

    `now` is None before there are `LEAST` labels; `soon`: with the next `NEXT` labels; `complete`: with all
    that are missing.
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
    query = query.where(w.c.stream == stream, windows.WAITING).order_by(w.c.ends_at, w.c.id)
    waiting_windows = conn.execute(query).all()
    counts = counts_by_stratum(conn, [row.id for row in waiting_windows])
    cohorts = []
    for row in waiting_windows:
        rows = counts.get(row.id, ())
        cohorts.append(
            Cohort(
                window_id=row.id,
                period=row.period,
                closes_at=row.closes_at,
                drawn=sum(part.drawn for part in rows),
                answered=sum(part.drawn - part.missing for part in rows),
                people=tuple((one.by, one.answered) for one in progress_by_reviewer(conn, row.id)),
                precision=precision(_strata(rows, row.sizes)),
            )
        )
    return cohorts


def waiting(conn: Connection, streams: Sequence[str]) -> list[Waiting]:
    """Those of the streams whose windows wait for labels, the one that closes first before the others."""
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
        Waiting(stream=row.stream, drawn=row.drawn, missing=row.drawn - row.answered, closes_at=row.closes_at)
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

    >>> rows = StratumCounts(stratum=0, drawn=400, correct=80, incorrect=20, unsure=0)
    >>> half = precision([Stratum(mass=1.0, rows=rows)])
    >>> [round(x or 0, 3) for x in (half.now, half.soon, half.complete)]
    [0.078, 0.075, 0.039]
    """
    labels = [part.rows.labelled for part in strata]
    missing = [part.rows.missing for part in strata]
    share = min(1.0, NEXT / sum(missing)) if sum(missing) else 0.0
    return Precision(
        now=_half(strata, labels) if sum(labels) >= LEAST else None,
        soon=_half(strata, [n + share * more for n, more in zip(labels, missing, strict=True)]),
        complete=_half(strata, [n + more for n, more in zip(labels, missing, strict=True)]),
    )


def _half(strata: Sequence[Stratum], labels: Sequence[float]) -> float:
    variance = 0.0
    for part, n in zip(strata, labels, strict=True):
        p = (part.rows.correct + 0.5) / (part.rows.labelled + 1)
        variance += part.mass**2 * p * (1 - p) / (n + 1)
    return Z95 * sqrt(variance)


def _strata(rows: Sequence[StratumCounts], sizes: Sequence[int]) -> list[Stratum]:
    """Counts with the masses of their strata; `sizes`: the population's rows by stratum, shape (B,)."""
    total = max(1, sum(sizes))
    return [
        Stratum(mass=sizes[part.stratum] / total if part.stratum < len(sizes) else 0.0, rows=part)
        for part in rows
    ]
