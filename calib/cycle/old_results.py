"""Deleting results, with their samples and labels, once they have been kept for as long as the settings say.

What is published stays: mappings, channels and reports are in the store, and nothing deletes there.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select

from calib.cycle.fleet import Fleet, each
from calib.db import tables
from calib.db.forget import forget
from calib.db.windows import OPEN
from calib.json_object import Json
from calib.policy import LOOK_BACK_PERIODS

w, p, e, o = tables.windows, tables.probe_runs, tables.episodes, tables.outbox


def erase_results(engine: Engine, *, before: datetime) -> Fleet[Json]:
    """Delete what is older than `before`; idempotent. One object for each stream or probe with such rows.

    Deleted are windows that have ended, with their rows, labels and what people did with them; episodes that
    have ended; alerts that were delivered or silenced; runs of probes. Kept whatever their age: the newest
    `LOOK_BACK_PERIODS` windows of each stream, which later ones are compared with, windows and episodes that
    are still open, alerts that nobody has, and of each probe the run that was accepted last and the last one.
    """
    with engine.connect() as conn:
        streams = set(conn.execute(select(w.c.stream).where(w.c.ends_at < before)).scalars())
        streams |= set(conn.execute(select(o.c.stream).where(o.c.created_at < before)).scalars())
        probes = set(conn.execute(select(p.c.probe).where(p.c.opened_at < before)).scalars())

    def of_stream(stream: str) -> list[Json]:
        with engine.begin() as conn:
            erased = {
                "windows": _windows(conn, stream, before),
                "episodes": forget(conn, e, and_(e.c.stream == stream, e.c.ended_at < before)),
                "alerts": forget(conn, o, _delivered(stream, before)),
            }
        return [{"stream": stream, "what": what, "erased": n} for what, n in erased.items() if n]

    def of_probe(probe: str) -> list[Json]:
        with engine.begin() as conn:
            n = _probe_runs(conn, probe, before)
        return [{"stream": probe, "what": "probe runs", "erased": n}] if n else []

    of_streams, of_probes = each(sorted(streams), of_stream), each(sorted(probes), of_probe)
    return Fleet(
        done=[*of_streams.done, *of_probes.done], failures=[*of_streams.failures, *of_probes.failures]
    )


def _windows(conn: Connection, stream: str, before: datetime) -> int:
    newest = (
        select(w.c.period)
        .where(w.c.stream == stream)
        .group_by(w.c.period)
        .order_by(func.max(w.c.ends_at).desc())
        .limit(LOOK_BACK_PERIODS)
    )
    kept = list(conn.execute(newest).scalars())
    ended = or_(w.c.state.not_in(OPEN), w.c.discarded_at.is_not(None))
    return forget(conn, w, and_(w.c.stream == stream, w.c.ends_at < before, ended, w.c.period.not_in(kept)))


def _delivered(stream: str, before: datetime) -> ColumnElement[bool]:
    return and_(o.c.stream == stream, o.c.created_at < before, o.c.state.in_(("delivered", "silenced")))


def _probe_runs(conn: Connection, probe: str, before: datetime) -> int:
    mine = p.c.probe == probe
    accepted = select(p.c.id).where(mine, p.c.accepted_at.is_not(None)).order_by(p.c.accepted_at.desc())
    last = select(p.c.id).where(mine).order_by(p.c.id.desc())
    kept = [*conn.execute(accepted.limit(1)).scalars(), *conn.execute(last.limit(1)).scalars()]
    return forget(conn, p, and_(mine, p.c.opened_at < before, p.c.id.not_in(kept)))
