"""A queue that an earlier version opened goes on: its second looks, and which answers agreement counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from queues import NOW, as_first_version_left_it, item_row, window_row
from sqlalchemy import MetaData, insert, select

from calib.db import tables
from calib.db.engine import open_engine
from calib.db.schema import migrate
from calib.review import queue, window_labels

GIVEN = [  # item, who, where from; in this order
    (1, "ada", "review"),
    (1, "bo", "review"),
    (2, "ada", "file"),
    (2, "bo", "file"),
    (3, "ada", "review"),
    (4, "ada", "review"),
    (4, "ada", "file"),
]


@pytest.mark.parametrize(("state", "waits"), [("sampled", True), ("closed", False)])
def test_a_window_of_an_earlier_version_keeps_its_second_looks(
    tmp_path: Path, state: str, waits: bool
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'calib.db'}")
    as_first_version_left_it(engine, "0002")
    old = MetaData()
    with engine.begin() as conn:
        old.reflect(conn)
        row = window_row(state=state) | {"id": 7, "resets_baseline": False}
        conn.execute(insert(old.tables["windows"]).values(**row | {"settings": {"double_review": 0.5}}))
        orders = {1: "0" * 16, 2: f"{'0' * 12}7fff", 3: f"{'0' * 12}1000", 4: "0" * 16, 5: f"{'0' * 12}8000"}
        items = [
            item_row(f"p-{i}", i) | {"id": i, "window_id": 7, "lease_token": 0, "draw_order": order}
            for i, order in orders.items()
        ]
        conn.execute(insert(old.tables["items"]), items)
        said = [
            {"id": i, "item_id": item, "answer": "correct", "by": by, "at": NOW, "source": source}
            for i, (item, by, source) in enumerate(GIVEN, start=1)
        ]
        conn.execute(insert(old.tables["labels"]), said)
        table = old.tables["items"]
        for item, label in ((1, 1), (2, 3), (3, 5), (4, 6)):
            conn.execute(table.update().where(table.c.id == item).values(label_id=label))
    migrate(engine)
    with engine.begin() as conn:
        t = tables.items
        rows = conn.execute(select(t.c.id, t.c.twice, t.c.people).order_by(t.c.id)).all()
        twice = [(1, True, 2), (2, True, 2), (3, True, 1), (4, True, 1), (5, False, 0)]
        assert [tuple(r) for r in rows] == (twice if waits else [(i, False, 0) for i in range(1, 6)])
        claims = queue.claim(conn, stream="triage", by="cy", now=NOW, n=9) if waits else []
        assert [(c.item_id, c.second) for c in claims] == (
            [(5, False), (4, True), (3, True)] if waits else []
        )
        # Of the second answer from a file nobody knows whether its writer saw the first one.
        assert window_labels.answered_twice(conn, 7) == [("correct", "correct")]
    engine.dispose()
