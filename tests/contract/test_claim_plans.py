"""A claim reads indexes with a limit, on SQLite and on PostgreSQL, however large the cohort is."""

from __future__ import annotations

import hashlib
from typing import Any

from queues import NOW, item_row, window_row
from sqlalchemy import Connection, Engine, event, insert, text, update

from calib.db import tables, windows
from calib.review import queue

ROWS = 4_000


def large_window(conn: Connection) -> int:
    """A window of which every row is looked at twice, and nearly all rows have one answer."""
    settings = {"double_review": 1.0}
    window = windows.insert_new(conn, **(window_row() | {"settings": settings}))
    assert window is not None
    digests = [hashlib.md5(str(i).encode()).hexdigest()[:16] for i in range(ROWS)]  # noqa: S324
    queue.enqueue(conn, window, [item_row(f"p-{i}", i) | {"draw_order": d} for i, d in enumerate(digests)])
    t, answers = tables.items, tables.labels
    items = sorted(queue.items_of(conn, window).values())
    rows = [
        {"item_id": i, "answer": "correct", "by": "ada", "at": NOW, "source": "review"} for i in items[50:]
    ]
    conn.execute(insert(answers), rows)
    # Most rows have two answers already, which nobody is to be asked about any more.
    conn.execute(update(t).where(t.c.id > items[49]).values(label_id=1, people=2))
    conn.execute(update(t).where(t.c.id > items[-50]).values(people=1))
    return window


def plans_of_a_claim(conn: Connection, by: str) -> list[str]:
    """How the engine carries out each look at items that a claim makes."""
    seen: list[tuple[str, Any]] = []

    def keep(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT") and "draw_order" in statement:
            seen.append((statement, parameters))

    event.listen(conn.engine, "before_cursor_execute", keep)
    claims = queue.claim(conn, stream="triage", by=by, now=NOW, n=60)
    event.remove(conn.engine, "before_cursor_execute", keep)
    assert len(claims) == 60
    assert {claim.second for claim in claims} == {False, True}
    how = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
    return [
        "\n".join(str(row) for row in conn.exec_driver_sql(how + statement, parameters))
        for statement, parameters in seen
    ]


def test_no_claim_scans_the_cohort(engine: Engine) -> None:
    with engine.begin() as conn:
        large_window(conn)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))
    with engine.begin() as conn:
        in_hand, *free, second = plans_of_a_claim(conn, "bo")
    assert "ix_items_leased_by_lease_until" in in_hand
    assert free
    assert all("ix_items_waiting" in plan for plan in free)
    assert "ix_items_second_look" in second
    for plan in (*free, second):  # in the order of the index, so that the limit ends the reading
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan
        assert "Seq Scan on items" not in plan
        assert "SCAN items" not in plan
