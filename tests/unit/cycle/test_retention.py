"""Texts are erased when they were kept for as long as was promised, by nothing but `erase_texts`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from queues import NOW, database, open_window
from sqlalchemy import Connection, Engine, func, select, update

from calib.cycle import Retention, erase_texts
from calib.db import tables

DAY = timedelta(days=1)
KEEP = Retention(contexts={"triage": 90 * DAY}, replies={})


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return database(tmp_path)


def closed(conn: Connection, *, stream: str, days_ago: int, period: str = "2026-10") -> None:
    window = open_window(conn, f"{stream}-{period}", period=period, stream=stream)
    values = {"state": "closed", "closed_at": NOW - days_ago * DAY, "settings": {"keep_context": 86_400.0}}
    conn.execute(update(tables.windows).where(tables.windows.c.id == window).values(**values))


def kept(engine: Engine) -> int:
    with engine.connect() as conn:
        query = select(func.count()).select_from(tables.items).where(tables.items.c.context.is_not(None))
        return int(conn.execute(query).scalar_one())


@pytest.mark.parametrize(("days_ago", "erased"), [(89, 0), (90, 0), (91, 1)])
def test_a_context_is_erased_when_its_time_is_over(engine: Engine, days_ago: int, erased: int) -> None:
    with engine.begin() as conn:
        closed(conn, stream="triage", days_ago=days_ago)
    fleet = erase_texts(engine, KEEP, now=NOW)
    assert fleet.done == [{"stream": "triage", "what": "contexts", "erased": erased}]
    assert kept(engine) == 1 - erased
    assert [one["erased"] for one in erase_texts(engine, KEEP, now=NOW).done] == [0] * (1 - erased)


def test_a_stream_without_settings_keeps_the_promise_of_its_window(engine: Engine) -> None:
    with engine.begin() as conn:
        closed(conn, stream="gone", days_ago=2)  # its window promised one day
    assert erase_texts(engine, KEEP, now=NOW).done == [{"stream": "gone", "what": "contexts", "erased": 1}]


def test_an_open_window_keeps_its_texts_unless_its_stream_is_gone(engine: Engine) -> None:
    with engine.begin() as conn:
        for stream in ("triage", "gone"):
            open_window(conn, f"{stream}-1", period="2026-01", stream=stream)
        conn.execute(update(tables.windows).values(settings={"keep_context": 86_400.0}))
    erased = {one["stream"]: one["erased"] for one in erase_texts(engine, KEEP, now=NOW).done}
    assert erased == {"triage": 0, "gone": 1}


def test_a_stream_that_cannot_be_erased_does_not_keep_the_others_waiting(engine: Engine) -> None:
    with engine.begin() as conn:
        closed(conn, stream="gone", days_ago=100)
        conn.execute(update(tables.windows).values(settings={}))
        closed(conn, stream="triage", days_ago=100)
    fleet = erase_texts(engine, KEEP, now=NOW)
    assert [one["stream"] for one in fleet.done] == ["triage"]
    assert [(one.stream, type(one.error)) for one in fleet.failures] == [("gone", KeyError)]
