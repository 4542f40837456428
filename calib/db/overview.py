"""A few numbers of every stream's windows, read without the windows' whole results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from calib.db import tables

t = tables.windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An ECE with its 95% interval, and the share of predictions at or above the threshold."""

    ece: float | None
    low: float | None
    high: float | None
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The latest standing window of a stream that has a result, in numbers of that result.

    `verdict`: the state of its change test, `insufficient` where the labels did not suffice, else None.
    """

    stream: str
    verdict: str | None
    ends_at: datetime
    evaluated_at: datetime | None
    population: int
    raw: Interval
    served: Interval
    accuracy: float | None
    p: float | None
    minimum_detectable_rise: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest window of a stream; the label counts are None while it has no result."""

    stream: str
    id: int
    labels: int | None
    missing: int | None


def latest_judged(conn: Connection) -> list[Judged]:
    """The latest judged window of each stream that has one."""
    ranked = _ranked(t.c.standing, t.c.result.is_not(None))
    query = select(
        t.c.stream,
        t.c.state,
        t.c.ends_at,
        t.c.evaluated_at,
        t.c.population,
        _text("change", "state").label("verdict"),
        *(_number(kind, name).label(f"{kind}_{name}") for kind in ("raw", "served") for name in NUMBERS),
        *(
            _number("pictures", "threshold", kind, "share").label(f"{kind}_share")
            for kind in ("raw", "served")
        ),
        _number("raw", "accuracy").label("accuracy"),
        _number("change", "p").label("p"),
        _number("change", "minimum_detectable_rise").label("minimum_detectable_rise"),
    ).join(ranked, (ranked.c.id == t.c.id) & (ranked.c.place == 1))
    return [
        Judged(
            stream=row.stream,
            verdict="insufficient" if row.state == "insufficient" else row.verdict,
            ends_at=row.ends_at,
            evaluated_at=row.evaluated_at,
            population=row.population,
            raw=Interval(ece=row.raw_ece, low=row.raw_low, high=row.raw_high, share=row.raw_share),
            served=Interval(
                ece=row.served_ece, low=row.served_low, high=row.served_high, share=row.served_share
            ),
            accuracy=row.accuracy,
            p=row.p,
            minimum_detectable_rise=row.minimum_detectable_rise,
        )
        for row in conn.execute(query.order_by(t.c.stream))
    ]


def newest(conn: Connection) -> list[Newest]:
    """The window of each stream that ends last, in its newest revision, as `calib status` shows it."""
    ranked = _ranked()
    query = select(
        t.c.stream,
        t.c.id,
        t.c.result["labels"]["n"].as_integer().label("labels"),
        t.c.result["labels"]["missing"].as_integer().label("missing"),
    ).join(ranked, (ranked.c.id == t.c.id) & (ranked.c.place == 1))
    return [Newest(**row._mapping) for row in conn.execute(query.order_by(t.c.stream))]


def states(conn: Connection) -> dict[str, dict[str, int]]:
    """How many standing windows of each stream are in each state."""
    query = select(t.c.stream, t.c.state, func.count()).where(t.c.standing).group_by(t.c.stream, t.c.state)
    by_stream: dict[str, dict[str, int]] = {}
    for stream, state, n in conn.execute(query):
        by_stream.setdefault(stream, {})[state] = int(n)
    return by_stream


NUMBERS = ("ece", "low", "high")


def _ranked(*conditions: ColumnElement[bool]) -> Any:
    """Windows with their `place` in their stream: 1 is the one that ends last, in its newest revision."""
    place = func.row_number().over(
        partition_by=t.c.stream, order_by=(t.c.ends_at.desc(), t.c.revision.desc())
    )
    return select(t.c.id, place.label("place")).where(*conditions).subquery()


def _path(keys: Sequence[str]) -> Any:
    value: Any = t.c.result
    for key in keys:
        value = value[key]
    return value


def _number(*keys: str) -> Any:
    return _path(keys).as_float()


def _text(*keys: str) -> Any:
    return _path(keys).as_string()
