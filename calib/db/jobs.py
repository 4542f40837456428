"""Scheduled jobs in the database: when each last came to its end, whatever started it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from calib.db import tables
from calib.errors import ConstraintViolated

t = tables.jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job: since when it is waited for, and when it last came to its end; None: never."""

    job: str
    expected_since: datetime
    ran_at: datetime | None

    @property
    def since(self) -> datetime:
        """The moment from which on it is missing: its last run, else since when it is waited for."""
        return self.ran_at or self.expected_since


def ran(conn: Connection, job: str, *, at: datetime) -> None:
    """Put down that a job came to its end; an earlier moment than the one known changes nothing."""
    older = t.c.ran_at.is_(None) | (t.c.ran_at < at)
    put_down = update(t).where(t.c.job == job, older).values(ran_at=at)
    if conn.execute(put_down).rowcount == 0:
        _know(conn, job, since=at)
        conn.execute(put_down)


def expect(conn: Connection, names: Iterable[str], *, now: datetime) -> list[Job]:
    """The jobs of these names; one that was never heard of is waited for from now on."""
    wanted = list(names)
    for name in wanted:
        _know(conn, name, since=now)
    query = select(t).where(t.c.job.in_(wanted)).order_by(t.c.job)
    return [Job(**row._mapping) for row in conn.execute(query)]


def _know(conn: Connection, job: str, *, since: datetime) -> None:
    if conn.execute(select(t.c.job).where(t.c.job == job)).first() is not None:
        return
    try:
        with conn.begin_nested():
            conn.execute(insert(t).values(job=job, expected_since=since))
    except ConstraintViolated:  # somebody else was faster
        pass


def every(conn: Connection) -> list[Job]:
    """All jobs that were ever heard of, by name."""
    return [Job(**row._mapping) for row in conn.execute(select(t).order_by(t.c.job))]
