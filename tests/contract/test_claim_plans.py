"""A claim reads indexes with a limit, on SQLite and on PostgreSQL, however large the cohort is."""

from __future__ import annotations

import hashlib
from typing import Any

from queues import NOW, item_row, window_row
from sqlalchemy import Connection, Engine, event, insert, text, update

from calib.db import tables, windows
from calib.review import queue
from calib.review.pace import pace_by_window

ROWS = 4_000


def large_window(conn: Connection) -> None:
    """A window of which two people look at every row, and half of the rows have no answer."""
    settings = {"double_review": 1.0}
    window = windows.insert_new(conn, **(window_row() | {"settings": settings}))
    assert window is not None
    digests = [hashlib.md5(str(i).encode()).hexdigest()[:16] for i in range(ROWS)]  # noqa: S324
    queue.enqueue(conn, window, [item_row(f"p-{i}", i) | {"draw_order": d} for i, d in enumerate(digests)])
    t, answers = tables.items, tables.labels
    items = sorted(queue.items_of(conn, window).values())[ROWS // 2 :]
    rows = [{"item_id": i, "answer": "correct", "by": "ada", "at": NOW, "source": "review"} for i in items]
    conn.execute(insert(answers), rows)
    conn.execute(update(t).where(t.c.id >= items[0]).values(label_id=1, people=1))


def all_answered(conn: Connection) -> None:
    """Nothing waits for a first answer any more."""
    t = tables.items
    conn.execute(update(t).where(t.c.label_id.is_(None)).values(label_id=1, people=2))


def plans_of_a_claim(engine: Engine) -> list[str]:
    """How the engine carries out each look at items that a claim makes; its statistics are new."""
    seen: list[tuple[str, Any]] = []

    def keep(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT") and "draw_order" in statement:
            seen.append((statement, parameters))

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))
    event.listen(engine, "before_cursor_execute", keep)
    with engine.begin() as conn:
        assert len(queue.claim(conn, stream="triage", by="bo", now=NOW)) == 1
        event.remove(engine, "before_cursor_execute", keep)
        how = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
        plans = [conn.exec_driver_sql(how + look, values).all() for look, values in seen]
        conn.rollback()
    return ["\n".join(str(row) for row in plan) for plan in plans]


def test_the_pace_of_closed_windows_reads_no_answer_of_an_open_one(engine: Engine) -> None:
    """Most items and labels belong to windows that are open, or to other streams."""
    with engine.begin() as conn:
        large_window(conn)
        closed = windows.insert_new(conn, **window_row("2026-09"))
        assert closed is not None
        queue.enqueue(conn, closed, [item_row("old", 0)])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))
    seen: list[tuple[str, Any]] = []

    def keep(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM labels" in statement:
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    with engine.connect() as conn:
        assert pace_by_window(conn, [closed], until=NOW) == {}
        event.remove(engine, "before_cursor_execute", keep)
        ((statement, parameters),) = seen
        how = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
        plan = "\n".join(str(row) for row in conn.exec_driver_sql(how + statement, parameters))
    assert not any(word in plan for word in ("Seq Scan on items", "Seq Scan on labels", "SCAN items")), plan
    assert "SCAN labels" not in plan, plan


def test_no_claim_scans_the_cohort(engine: Engine) -> None:
    with engine.begin() as conn:
        large_window(conn)
    in_hand, free = plans_of_a_claim(engine)
    with engine.begin() as conn:
        all_answered(conn)
    second = plans_of_a_claim(engine)[-1]
    assert "ix_items_leased_by_lease_until" in in_hand
    for plan, index in ((free, "ix_items_waiting"), (second, "ix_items_second_look")):
        assert index in plan, plan
        # In the order of the index, so that the limit ends the reading.
        assert not any(word in plan for word in ("TEMP B-TREE", "Sort", "Seq Scan on items", "SCAN items")), (
            plan
        )
