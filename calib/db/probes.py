"""Probes in the database: runs, the replies that came, and what became of each question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from calib.db import tables
from calib.errors import ConstraintViolated
from calib.json_object import Json

t, replies_of, outcomes_of = tables.probe_runs, tables.probe_replies, tables.probe_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A row of `probe_runs`; what it means is said in calib/db/tables.py."""

    id: int
    probe: str
    period: str
    setup_digest: str
    setup: Json
    opened_at: datetime
    finished_at: datetime | None
    result: Json | None
    accepted_at: datetime | None
    accepted_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A reply as it came."""

    question_id: str
    framing: int
    text: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionOutcome:
    """What one question came to: right or wrong, with the confidence stated."""

    question_id: str
    question_digest: str
    correct: bool
    confidence: float


def open_run(conn: Connection, *, probe: str, period: str, setup: Json, digest: str, now: datetime) -> Run:
    """The run of this probe in this period, asked like this; made where it is not there yet."""
    where = (t.c.probe == probe) & (t.c.period == period) & (t.c.setup_digest == digest)
    values = {"probe": probe, "period": period, "setup_digest": digest, "setup": setup, "opened_at": now}
    if conn.execute(select(t.c.id).where(where)).first() is None:
        try:
            with conn.begin_nested():
                conn.execute(insert(t).values(**values))
        except ConstraintViolated:  # somebody else was faster
            if conn.execute(select(t.c.id).where(where)).first() is None:
                raise
    return _run(conn.execute(select(t).where(where)).one())


def reload(conn: Connection, run_id: int) -> Run:
    """The run as it stands now."""
    return _run(conn.execute(select(t).where(t.c.id == run_id)).one())


def accepted(conn: Connection, probe: str) -> Run | None:
    """The run that was accepted last."""
    query = select(t).where(t.c.probe == probe, t.c.accepted_at.is_not(None))
    row = conn.execute(query.order_by(t.c.accepted_at.desc(), t.c.id.desc()).limit(1)).first()
    return None if row is None else _run(row)


def before(conn: Connection, run: Run) -> Run | None:
    """The finished run that was opened last before this one."""
    query = select(t).where(t.c.probe == run.probe, t.c.id < run.id, t.c.finished_at.is_not(None))
    row = conn.execute(query.order_by(t.c.id.desc()).limit(1)).first()
    return None if row is None else _run(row)


def recent(conn: Connection, probe: str, *, since: datetime) -> list[Run]:
    """The runs of a probe that were opened since a moment, oldest first."""
    query = select(t).where(t.c.probe == probe, t.c.opened_at >= since).order_by(t.c.opened_at, t.c.id)
    return [_run(row) for row in conn.execute(query)]


def keep_reply(conn: Connection, run_id: int, reply: Stored, *, at: datetime) -> bool:
    """Store a reply; False where this question already has one in this framing: the first counts."""
    values = {field.name: getattr(reply, field.name) for field in fields(Stored)}
    try:
        with conn.begin_nested():
            conn.execute(insert(replies_of).values(run_id=run_id, at=at, **values))
    except ConstraintViolated:
        return False
    return True


def replies(conn: Connection, run_id: int) -> list[Stored]:
    """The replies of a run that are still kept, in the order of question and framing."""
    query = select(replies_of).where(replies_of.c.run_id == run_id)
    rows = conn.execute(query.order_by(replies_of.c.question_id, replies_of.c.framing))
    return [Stored(**{f.name: getattr(row, f.name) for f in fields(Stored)}) for row in rows]


def finish(
    conn: Connection, run: Run, *, result: Json, outcomes: Sequence[QuestionOutcome], now: datetime
) -> bool:
    """Put down what a run came to, in place of what it came to before; False where it has been accepted."""
    open_still = (t.c.id == run.id) & t.c.accepted_at.is_(None)
    if conn.execute(update(t).where(open_still).values(result=result, finished_at=now)).rowcount != 1:
        return False
    conn.execute(delete(outcomes_of).where(outcomes_of.c.run_id == run.id))
    rows = [
        {f.name: getattr(o, f.name) for f in fields(QuestionOutcome)} | {"run_id": run.id} for o in outcomes
    ]
    if rows:
        conn.execute(insert(outcomes_of), rows)
    return True


def outcomes(conn: Connection, run_id: int) -> list[QuestionOutcome]:
    """What the questions of a run came to, those that could be read."""
    query = select(outcomes_of).where(outcomes_of.c.run_id == run_id).order_by(outcomes_of.c.question_id)
    return [
        QuestionOutcome(**{f.name: getattr(row, f.name) for f in fields(QuestionOutcome)})
        for row in conn.execute(query)
    ]


def accept(conn: Connection, run_id: int, *, by: str, now: datetime) -> bool:
    """Make a finished run what later ones are compared with; False where it is not, or was accepted."""
    where = (t.c.id == run_id) & t.c.finished_at.is_not(None) & t.c.accepted_at.is_(None)
    return conn.execute(update(t).where(where).values(accepted_at=now, accepted_by=by)).rowcount == 1


def names_with_replies(conn: Connection) -> list[str]:
    """The probes of which replies are still kept, by name."""
    with_replies = select(replies_of.c.run_id)
    query = select(t.c.probe).where(t.c.id.in_(with_replies)).distinct().order_by(t.c.probe)
    return list(conn.execute(query).scalars())


def erase_replies(conn: Connection, probe: str, *, before: datetime) -> int:
    """Erase what models wrote before a moment; outcomes stay. How many replies there were."""
    runs = select(t.c.id).where(t.c.probe == probe)
    old = replies_of.c.run_id.in_(runs) & (replies_of.c.at < before)
    return conn.execute(delete(replies_of).where(old)).rowcount


def _run(row: Any) -> Run:
    return Run(**{field.name: getattr(row, field.name) for field in fields(Run)})
