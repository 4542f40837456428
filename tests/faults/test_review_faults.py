"""Twenty reviewers over 5,000 items on PostgreSQL, of whom two are killed: nothing is lost or doubled."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from queues import NOW, item_row, window_row
from sqlalchemy import Engine, func, select

from calib.db import tables, windows
from calib.db.engine import open_engine
from calib.db.schema import migrate
from calib.review import queue, window_labels

PROGRAM = Path(__file__).resolve().parents[1] / "reviewers_at_work.py"
ITEMS, PROCESSES, EACH = 5_000, 4, 5
DEADLINE = 180


def start(url: str, how: str, *names: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), url, how, *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed_in_mid_claim(url: str, how: str, name: str) -> None:
    """Somebody who has claimed, and whose process is then gone without a word."""
    victim = start(url, how, name)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "claimed\n"
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=DEADLINE)
    assert victim.returncode == -signal.SIGKILL


def cohort_of(engine: Engine) -> int:
    rows = [
        item_row(f"p-{i}", i) | {"draw_order": hashlib.md5(str(i).encode()).hexdigest()[:16]}  # noqa: S324
        for i in range(ITEMS)
    ]
    with engine.begin() as conn:
        settings = {"labels": ITEMS, "double_review": 0.1}
        window = windows.insert_new(conn, **(window_row() | {"settings": settings}))
        assert window is not None
        queue.enqueue(conn, window, rows)
    return window


@pytest.mark.slow
def test_twenty_reviewers_lose_and_double_nothing_though_two_are_killed(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    migrate(engine)
    window = cohort_of(engine)
    killed_in_mid_claim(postgres_url, "claim", "gone-1")
    killed_in_mid_claim(postgres_url, "commit", "gone-2")
    names = [[f"reviewer-{process}-{i}" for i in range(EACH)] for process in range(PROCESSES)]
    at_work = [start(postgres_url, "work", *theirs) for theirs in names]
    said = [process.communicate(timeout=DEADLINE)[1] for process in at_work]
    assert [(process.returncode, end) for process, end in zip(at_work, said, strict=True)] == [(0, "")] * 4
    with engine.begin() as conn:
        # What was claimed inside a transaction is free at once; what was committed is when its lease is over.
        assert queue.progress(conn, window).missing == 25
        later = NOW + queue.LEASE
        claims = queue.claim(conn, stream="triage", by="ada", now=later, n=ITEMS)
        first = [claim for claim in claims if not claim.second]
        assert len(first) == 25
        labels = [queue.Answer(item_id=c.item_id, answer="correct", by="ada", at=later) for c in first]
        assert set(queue.answer_all(conn, labels, [claim.token for claim in first])) == {"new"}
        # Whoever answers last leaves second looks that everybody else has gone home before: bo takes them.
        rest = queue.claim(conn, stream="triage", by="bo", now=later + queue.LEASE, n=ITEMS)
        assert all(claim.second for claim in rest)
        labels = [queue.Answer(item_id=c.item_id, answer="correct", by="bo", at=later) for c in rest]
        assert set(queue.answer_all(conn, labels, [claim.token for claim in rest])) <= {"same"}
    with engine.connect() as conn:
        assert queue.progress(conn, window).complete
        t, answers = tables.items, tables.labels
        people = func.count(func.distinct(answers.c.by))
        query = (
            select(t.c.id, t.c.twice, t.c.people, people.label("who"), func.count().label("answers"))
            .join(answers, answers.c.item_id == t.c.id)
            .group_by(t.c.id)
        )
        rows = conn.execute(query).all()
        pairs = window_labels.answered_twice(conn, window)
    assert len(rows) == ITEMS
    by_bo = {claim.item_id for claim in rest}
    looked_at_twice = [row for row in rows if row.twice]
    assert 400 < len(looked_at_twice) < 600
    assert {(row.who, row.answers, row.people) for row in looked_at_twice} == {(2, 2, 2)}
    assert {(row.who, row.answers) for row in rows if not row.twice} == {(1, 1)}
    differ = sum(first != second for first, second in pairs)
    assert len(pairs) == len(looked_at_twice)
    assert differ == sum(row.id % 10 == 0 and row.id not in by_bo for row in looked_at_twice)
    engine.dispose()
