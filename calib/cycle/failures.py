"""Who is told of streams that failed: one alert for what failed outside, one for each stream's own error.

A store that is down fails every stream. Whoever is on call then needs one message that names the store and
how many streams wait for it, and one line when it works again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from calib.alerts.failure import Outside, cause_of, day_of, outside_failed, stream_failed, works_again
from calib.cycle.fleet import WRONG_PATH, Failure, PartlyDone
from calib.db import tables
from calib.errors import CalibError, UnexpectedError
from calib.outbox import queue as outbox

LOG = logging.getLogger(__name__)
LOOK_BACK = timedelta(days=31)  # a place that fails for longer is told of anew every day
t = tables.outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An alert about a failure that is in the outbox.

    `outside`: what failed, None where the fault was the stream's own. `common`: it speaks for several
    streams.
    """

    id: str
    stream: str
    day: str
    verb: str | None
    outside: Outside | None
    common: bool


def record_failures(
    engine: Engine,
    failures: Sequence[Failure],
    *,
    now: Callable[[], datetime],
    verb: str,
    whole: bool,
) -> None:
    """Put the alerts about a run of `verb` into the outbox: nothing is raised where that fails, it is logged.

    What lies outside and fails for two streams or more in a day becomes one alert of the deployment, which
    names them; every other failure one alert `stream_failed` for each stream and UTC day. `whole`: the run
    went over all streams, so that a place which failed in an earlier run of `verb`, and in this one did not,
    works again: that is said beside its alert.
    """
    parts = [part for failure in failures for part in _parts(failure)]
    try:
        with engine.begin() as conn:
            _record(conn, parts, verb=verb, now=now(), whole=whole)
    except (SQLAlchemyError, CalibError, OSError) as trouble:
        for stream, error in dict(reversed(parts)).items():
            _not_stored(stream, error, trouble)


def record_failure(
    engine: Engine, stream: str, error: BaseException, *, now: datetime, verb: str | None = None
) -> bool:
    """Put the alert `stream_failed` into the outbox, once for each stream and UTC day.

    `verb` is the command that repeats the work, such as `evaluate`. False where the alert was there already,
    or could not be stored because the database is what failed: that is logged, never raised, so that the
    caller's own error is the one that people see.
    """
    if isinstance(error, PartlyDone):
        error = error.failures[0].error
    try:
        with engine.begin() as conn:
            alert = stream_failed(stream, error, outside=outside_of(error), verb=verb, now=now)
            return outbox.put(conn, alert, now=now)
    except (SQLAlchemyError, CalibError, OSError) as trouble:
        _not_stored(stream, error, trouble)
        return False


def outside_of(error: BaseException) -> Outside | None:
    """What lies outside, serves several streams and failed; None where the fault is the stream's own.

    An error knows its place where that is known. A machine whose disk is full, and a pool whose connections
    are all in use, have none.
    """
    cause = cause_of(error)
    if isinstance(error, CalibError) and error.place is not None:
        return Outside(cause=cause, place=error.place)
    kind = error.kind if isinstance(error, UnexpectedError) else type(error)
    if issubclass(kind, PoolTimeout):
        return Outside(cause="source", place=None)
    if cause == "machine" and not issubclass(kind, WRONG_PATH):
        return Outside(cause=cause, place=None)
    return None


def _parts(failure: Failure) -> list[tuple[str, BaseException]]:
    if isinstance(failure.error, PartlyDone):
        return [(failure.stream, part.error) for part in failure.error.failures]
    return [(failure.stream, failure.error)]


def _record(
    conn: Connection, parts: Sequence[tuple[str, BaseException]], *, verb: str, now: datetime, whole: bool
) -> None:
    told = _told(conn, since=now - LOOK_BACK)
    alone, together = _sorted_out(parts)
    for outside, errors in together.items():
        known = [one for one in told if one.outside == outside and one.day == day_of(now)]
        common = [one for one in known if one.common]
        if common and not _ended(conn, common[-1]):
            continue  # somebody has been told of this place
        names = list(dict.fromkeys([*(one.stream for one in known if not one.common), *errors]))
        if len(names) == 1:
            alone.setdefault(names[0], errors[names[0]])
            continue
        kinds = sorted({type(error).__name__ for error in errors.values()})
        alert = outside_failed(outside, names, errors=kinds, verb=verb, now=now, earlier=len(common))
        outbox.put(conn, alert, now=now)
    for stream, error in alone.items():
        alert = stream_failed(stream, error, outside=outside_of(error), verb=verb, now=now)
        outbox.put(conn, alert, now=now)
    if whole:
        newest = {one.outside: one for one in told if one.common and one.outside is not None}
        for place, one in newest.items():
            if one.verb == verb and place not in together:
                outbox.put(conn, works_again(one.id, one.day, place, verb=verb), now=now)


def _sorted_out(
    parts: Sequence[tuple[str, BaseException]],
) -> tuple[dict[str, BaseException], dict[Outside, dict[str, BaseException]]]:
    """The first error of each stream that is its own, and by what failed outside those of its streams."""
    alone: dict[str, BaseException] = {}
    together: dict[Outside, dict[str, BaseException]] = {}
    for stream, error in parts:
        outside = outside_of(error)
        where = alone if outside is None else together.setdefault(outside, {})
        where.setdefault(stream, error)
    return alone, together


def _told(conn: Connection, *, since: datetime) -> list[_Told]:
    """The alerts about failures since a moment, oldest first."""
    query = (
        select(t.c.id, t.c.stream, t.c.period, t.c.payload)
        .where(t.c.kind == "stream_failed", t.c.created_at >= since)
        .order_by(t.c.created_at, t.c.id)
    )
    return [
        _Told(
            id=row.id,
            stream=row.stream,
            day=row.period,
            verb=row.payload["facts"].get("verb"),
            outside=Outside.of(row.payload["facts"]),
            common="streams" in row.payload["facts"],
        )
        for row in conn.execute(query)
    ]


def _ended(conn: Connection, one: _Told) -> bool:
    """Whether it has been said that the place works again."""
    if one.outside is None:
        return False
    return outbox.holds(conn, works_again(one.id, one.day, one.outside, verb=one.verb).id)


def _not_stored(stream: str, error: BaseException, trouble: Exception) -> None:
    LOG.warning(
        "the alert that %s failed could not be stored (%s)",
        stream,
        type(trouble).__name__,
        extra={"stream": stream, "error": type(error).__name__},
    )
