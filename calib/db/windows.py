"""Windows: one stream in one period, from opening to closing, in one or several revisions.

A person may have a period watched anew: that is a revision of its own, with its own sample. Of a period's
revisions at most one stands: the newest that is closed; while none is, the newest that ended without enough
evidence; while none has ended, the newest. A discarded one never stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from calib.db import tables
from calib.errors import ConstraintViolated
from calib.json_object import Json

t, done = tables.windows, tables.window_actions
LABELLED = ("sampled", "in_review")  # labels still come in
OPEN = (*LABELLED, "evaluated")
WAITING = t.c.state.in_(LABELLED) & t.c.discarded_at.is_(None)  # as a condition: `Window.waits`
STEPS = {"sampled": 0, "in_review": 1, "evaluated": 2, "closed": 3, "insufficient": 3}
# asked of every stream several times a day: made once, for to build a statement takes longer than to run it
UNFINISHED = (
    select(t)
    .where(t.c.stream == bindparam("stream"), t.c.state.in_(OPEN), t.c.discarded_at.is_(None))
    .order_by(t.c.ends_at, t.c.revision)
)
LATEST_BOUNDS = (
    select(t.c.period, t.c.starts_at, t.c.ends_at, t.c.settings)
    .where(t.c.stream == bindparam("stream"))
    .order_by(t.c.ends_at.desc())
    .limit(1)
)
BY_IDS = select(t).where(t.c.id.in_(bindparam("ids", expanding=True))).order_by(t.c.ends_at)
LONG = ("design", "baseline", "result")  # most of what a window holds
OUTLINES = (
    select(*(column for column in t.c if column.name not in LONG))
    .where(t.c.stream == bindparam("stream"), t.c.ends_at <= bindparam("before", type_=t.c.ends_at.type))
    .order_by(t.c.ends_at.desc(), t.c.revision.desc())
)
FINALITY = {"sampled": 0, "in_review": 0, "evaluated": 0, "insufficient": 1, "closed": 2}  # who stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A row of `windows`; what it means is said in calib/db/tables.py."""

    id: int
    stream: str
    period: str
    channel: str
    replay: bool
    starts_at: datetime
    ends_at: datetime
    as_of: datetime
    closes_at: datetime
    opened_at: datetime
    state: str
    settings: Json
    design: Json
    baseline: Json
    population: int
    rejected: dict[str, int]
    sample_digest: str
    resets_baseline: bool
    evaluated_at: datetime | None
    closed_at: datetime | None
    result: Json | None
    revision: int = 1
    standing: bool = True
    discarded_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether labels still come in that count."""
        return self.state in LABELLED and self.discarded_at is None

    @property
    def unfinished(self) -> bool:
        """Whether something is still to be done with it: it has not ended and was not discarded."""
        return self.state in OPEN and self.discarded_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a person did with a revision of a window: `reopened` made it, `discarded` took it out."""

    revision: int
    action: str
    by: str
    at: datetime
    reason: str


def find(conn: Connection, stream: str, period: str, *, revision: int | None = None) -> Window | None:
    """A revision of a period's window, by default the newest; None where it was never opened."""
    query = select(t).where(t.c.stream == stream, t.c.period == period).order_by(t.c.revision.desc())
    if revision is not None:
        query = query.where(t.c.revision == revision)
    row = conn.execute(query.limit(1)).first()
    return None if row is None else _window(row)


def exists(conn: Connection, stream: str, period: str) -> bool:
    """Whether a period's window was ever opened."""
    query = select(t.c.id).where(t.c.stream == stream, t.c.period == period).limit(1)
    return conn.execute(query).first() is not None


def find_standing(conn: Connection, stream: str, period: str) -> Window | None:
    """The revision that stands for a period; None where none was opened or all were discarded."""
    query = select(t).where(t.c.stream == stream, t.c.period == period, t.c.standing)
    row = conn.execute(query).first()
    return None if row is None else _window(row)


def timezone(conn: Connection, window_id: int) -> str:
    """The time zone that bounds the window's period; UTC for a window that does not say."""
    settings = conn.execute(select(t.c.settings).where(t.c.id == window_id)).scalar_one()
    return str(settings.get("timezone", "UTC"))


def insert_new(conn: Connection, **columns: Any) -> int | None:
    """Insert a window and return its id; None where somebody else opened it first."""
    stream, period, revision = columns["stream"], columns["period"], columns.get("revision", 1)
    try:
        with conn.begin_nested():
            values = {"resets_baseline": False, "standing": revision == 1} | columns
            window_id = int(conn.execute(insert(t).values(**values).returning(t.c.id)).scalar_one())
    except ConstraintViolated:
        if find(conn, stream, period, revision=revision) is None:
            raise
        return None
    if revision > 1:
        settle_standing(conn, stream, period)
    return window_id


def lock(conn: Connection, stream: str, period: str) -> list[Window]:
    """All revisions of a period, oldest first, which nobody else changes until the transaction ends.

    Whoever changes several of them takes them here first, in this order, so that no two wait for each other.
    """
    query = select(t).where(t.c.stream == stream, t.c.period == period).order_by(t.c.id).with_for_update()
    return [_window(row) for row in conn.execute(query)]


def settle_standing(conn: Connection, stream: str, period: str) -> None:
    """Let the revision stand that the rule at the top names, and no other."""
    not_discarded = [window for window in lock(conn, stream, period) if window.discarded_at is None]
    stands = max(not_discarded, key=lambda window: (FINALITY[window.state], window.revision), default=None)
    mine = t.c.id == (-1 if stands is None else stands.id)
    ours = (t.c.stream == stream) & (t.c.period == period)
    conn.execute(update(t).where(ours, ~mine, t.c.standing).values(standing=False))
    conn.execute(update(t).where(mine, ~t.c.standing).values(standing=True))


def discard(conn: Connection, window_ids: Iterable[int], *, at: datetime) -> None:
    """Mark windows of one period as discarded; `settle_standing` then says which revision stands."""
    conn.execute(update(t).where(t.c.id.in_(list(window_ids))).values(discarded_at=at))


def advance(
    conn: Connection,
    window_id: int,
    *,
    expect: str,
    state: str,
    decided: Json | None = None,
    **columns: Any,
) -> bool:
    """Move a window forward, if it is still in the state that was seen and not discarded; False otherwise.

    `decided`: the stored result that this step rests on; where another run has stored a different one since,
    nothing is moved. An evaluated window may be evaluated again. Raises `ValueError` for a step that would
    take a window back: a closed or insufficient window stays what it is.
    """
    again = expect == state == "evaluated"
    if STEPS[state] <= STEPS[expect] and not again:
        raise ValueError(f"a window cannot go from {expect} to {state}")
    where = (t.c.id == window_id) & (t.c.state == expect) & t.c.discarded_at.is_(None)
    if decided is not None:
        stored = conn.execute(select(t.c.result).where(where).with_for_update()).scalar()
        if stored != decided:
            return False
    return conn.execute(update(t).where(where).values(state=state, **columns)).rowcount == 1


def replace_design(conn: Connection, window: Window, design: Json) -> bool:
    """Store another design of a window that still waits for labels; False where it does not any more."""
    mine = update(t).where(t.c.id == window.id, WAITING)
    return conn.execute(mine.values(design=design)).rowcount == 1


def count(conn: Connection, window_id: int, counts: Mapping[str, int]) -> None:
    """Keep counts of the window's drawn rows beside those of its rejected rows; those of 0 are left out."""
    where = t.c.id == window_id
    before = conn.execute(select(t.c.rejected).where(where).with_for_update()).scalar_one()
    changed = {kind: n for kind, n in {**before, **counts}.items() if n}
    if changed != before:
        conn.execute(update(t).where(where).values(rejected=changed))


def earlier(conn: Connection, stream: str, *, before: datetime) -> list[Window]:
    """All revisions of the stream's windows that end at or before a moment, newest period first."""
    query = select(t).where(t.c.stream == stream, t.c.ends_at <= before)
    query = query.order_by(t.c.ends_at.desc(), t.c.revision.desc())
    return [_window(row) for row in conn.execute(query)]


def outlines(conn: Connection, stream: str, *, before: datetime) -> list[Window]:
    """As `earlier`, without what takes long to read: `design` and `baseline` are empty, `result` is None."""
    nothing: dict[str, Json | None] = {"design": {}, "baseline": {}, "result": None}
    rows = conn.execute(OUTLINES, {"stream": stream, "before": before})
    return [Window(**row._mapping, **nothing) for row in rows]  # type: ignore[arg-type]


def over_since(conn: Connection, stream: str, *, since: datetime, before: datetime) -> list[Window]:
    """All revisions that end at or before a moment and were closed, or had to be, since another one."""
    known = func.coalesce(t.c.closed_at, t.c.closes_at) >= since
    query = select(t).where(t.c.stream == stream, t.c.ends_at <= before, known)
    query = query.where(t.c.state.not_in(OPEN)).order_by(t.c.ends_at.desc(), t.c.revision.desc())
    return [_window(row) for row in conn.execute(query)]


def periods(conn: Connection, stream: str) -> list[str]:
    """The periods of the stream that ever had a window, without what these hold, which takes long to read."""
    return list(conn.execute(select(t.c.period).where(t.c.stream == stream).distinct()).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A window's period, and the moments and the time zone that bound it."""

    period: str
    starts_at: datetime
    ends_at: datetime
    timezone: str


def latest_bounds(conn: Connection, stream: str) -> Bounds | None:
    """The period of the stream's window that ends last; None where it never had one."""
    row = conn.execute(LATEST_BOUNDS, {"stream": stream}).first()
    if row is None:
        return None
    zone = str(row.settings.get("timezone", "UTC"))
    return Bounds(period=row.period, starts_at=row.starts_at, ends_at=row.ends_at, timezone=zone)


def latest(conn: Connection, stream: str) -> Window | None:
    """The stream's window that ends last; None where it never had one."""
    query = select(t).where(t.c.stream == stream).order_by(t.c.ends_at.desc(), t.c.revision.desc()).limit(1)
    row = conn.execute(query).first()
    return None if row is None else _window(row)


def of_stream(conn: Connection, stream: str) -> list[Window]:
    """All windows of a stream, every revision, oldest first."""
    query = select(t).where(t.c.stream == stream).order_by(t.c.starts_at, t.c.revision)
    return [_window(row) for row in conn.execute(query)]


def revisions(conn: Connection, stream: str, period: str) -> list[Window]:
    """All revisions of a period, oldest first."""
    query = select(t).where(t.c.stream == stream, t.c.period == period).order_by(t.c.revision)
    return [_window(row) for row in conn.execute(query)]


def periods_of(conn: Connection, stream: str) -> list[str]:
    """The periods of which a window was opened."""
    return list(conn.execute(select(t.c.period).where(t.c.stream == stream).distinct()).scalars())


def unfinished(conn: Connection, stream: str) -> list[Window]:
    """The stream's windows that are neither closed nor insufficient nor discarded, oldest first."""
    return [_window(row) for row in conn.execute(UNFINISHED, {"stream": stream})]


def newer_closed(conn: Connection, window: Window) -> str | None:
    """The newest later period of the window's stream and channel that is closed; None where none is."""
    later = (t.c.stream == window.stream) & (t.c.channel == window.channel) & t.c.standing
    later &= (t.c.state == "closed") & (t.c.starts_at >= window.ends_at)
    return conn.execute(select(t.c.period).where(later).order_by(t.c.ends_at.desc()).limit(1)).scalar()


def named(conn: Connection, stream: str, periods: Iterable[str]) -> list[Window]:
    """The standing windows of the given periods of the stream, oldest first."""
    theirs = (t.c.stream == stream) & t.c.period.in_(list(periods)) & t.c.standing
    query = select(t).where(theirs).order_by(t.c.ends_at)
    return [_window(row) for row in conn.execute(query)]


def by_ids(conn: Connection, ids: Iterable[int]) -> list[Window]:
    """Windows by id, oldest first."""
    return [_window(row) for row in conn.execute(BY_IDS, {"ids": list(ids)})]


def _window(row: Row[Any]) -> Window:
    return Window(**{field.name: getattr(row, field.name) for field in fields(Window)})


def record_action(
    conn: Connection, window_id: int, *, action: str, by: str, at: datetime, reason: str
) -> None:
    """Keep who did what with a window, when and why."""
    conn.execute(insert(done).values(window_id=window_id, action=action, by=by, at=at, reason=reason))


def actions(conn: Connection, stream: str, period: str) -> list[Action]:
    """What people did with a period's windows, oldest first."""
    query = (
        select(t.c.revision, done.c.action, done.c.by, done.c.at, done.c.reason)
        .join(t, t.c.id == done.c.window_id)
        .where(t.c.stream == stream, t.c.period == period)
        .order_by(done.c.id)
    )
    return [Action(**row._mapping) for row in conn.execute(query)]
