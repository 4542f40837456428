"""A migrated database with windows and items of a test's own making."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from planted import TEXT
from sqlalchemy import Connection, Engine

from calib.alerts import Alert
from calib.alerts.message import Message
from calib.alerts.message import message as to_message
from calib.db import windows
from calib.db.engine import open_engine
from calib.db.schema import MIGRATIONS, migrate
from calib.outbox.place import Parcel
from calib.review import queue

START = datetime(2026, 10, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 3, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def database(folder: Path) -> Engine:
    """A fresh SQLite database in a folder, its schema up to date."""
    engine = open_engine(f"sqlite:///{folder / 'calib.db'}")
    migrate(engine)
    return engine


def as_first_version_left_it(engine: Engine, revision: str) -> None:
    """The tables and the count of calibwatch 0.1.0."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = {"version_table": "alembic_version"}
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, revision)


def window_row(period: str = "2026-10", *, stream: str = "triage", state: str = "sampled") -> dict[str, Any]:
    """The columns of a window."""
    start = datetime.fromisoformat(f"{period}-01T00:00:00+00:00")
    end = (start + timedelta(days=31)).replace(day=1)
    return {
        "stream": stream,
        "period": period,
        "channel": "production",
        "replay": False,
        "starts_at": start,
        "ends_at": end,
        "as_of": end + timedelta(days=1),
        "closes_at": end + timedelta(days=15),
        "opened_at": end + timedelta(days=1),
        "state": state,
        "settings": {"labels": 4},
        "design": {"sizes": [10, 20]},
        "baseline": {"pooled": [], "anchor": None},
        "population": 30,
        "rejected": {"nan": 1},
        "sample_digest": "0" * 64,
    }


def item_row(id_: str, order: int, **other: Any) -> dict[str, Any]:
    """A drawn row as the cycle enqueues it."""
    row = {
        "prediction_id": id_,
        "ts": START,
        "stratum": order % 2,
        "draw_order": f"{order:016x}",
        "probability": 0.5,
        "raw": 0.9,
        "served": 0.8,
        "mapping": None,
        "segment": None,
        "cluster": None,
        "judge": None,
        "trace": None,
        "context": {"question": f"what is {id_}? {TEXT}"},
    }
    return row | other


def open_window(
    conn: Connection, *ids: str, period: str = "2026-10", stream: str = "triage", **context: Any
) -> int:
    """A window with an item for each id; what reviewers see may be given."""
    window_id = windows.insert_new(conn, **window_row(period, stream=stream))
    assert window_id is not None
    extra = {"context": context} if context else {}
    queue.enqueue(conn, window_id, [item_row(id_, i, **extra) for i, id_ in enumerate(ids)])
    return window_id


def alert(kind: str = "window_missed", *, period: str = "2026-10", **facts: Any) -> Alert:
    """An alert that can be put into words."""
    told = facts or {"what": f"No window was opened for {period}."}
    return Alert(kind=kind, stream="triage", period=period, severity="warning", facts=told)


def parcel(
    id_: str = "id-1",
    message: Message | None = None,
    *,
    deployment: str | None = "here",
    thread: dict[str, Any] | None = None,
    **payload: Any,
) -> Parcel:
    """An alert on its way, with a message of its own."""
    told = asdict(alert()) | payload
    return Parcel(
        id=id_,
        deployment=deployment,
        created_at=NOW,
        payload=told,
        message=to_message(told) if message is None else message,
        thread=thread,
    )
