"""A fleet for the benchmark of the pages: many streams with years of windows, made from a few real ones.

Three windows are made by the product itself: two closed ones with their results, and one that waits for
labels. Their rows are then copied for each stream and period, straight into the tables.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, insert, select

from calib.app import App
from calib.cycle import PRODUCTION, evaluate_open, open_window
from calib.db import reviewers, tables
from calib.db.schema import migrate
from calib.period import Period
from calib.store import Intent, head, publish, read_mapping

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
MONTHS = 24  # closed periods of each stream
OPEN = "2026-10"
ROWS, LABELS = 4_000, 500  # predictions and drawn rows of a window
TEXT = "The customer asks for a refund of the second payment, which was taken twice in the same minute. " * 4
STREAM = """
[streams.{name}]
traffic = "parquet:traffic/*.parquet"
columns = {{ id = "id", ts = "ts", confidence = "confidence", segment = "segment", context = ["question"] }}
review = {{ kind = "{kind}"{column} }}
labels = {labels}
threshold = 0.9
close_after_days = 60
"""


def stream_names(streams: int) -> list[str]:
    """The names of the fleet's streams."""
    return [f"stream-{i:03d}" for i in range(streams)]


def make_fleet(folder: Path, *, database: str, streams: int, items: int, people: int) -> App:
    """Fill a folder and a database; the app over them.

    `items`: rows that wait for labels, over all streams, half of them labelled. `people`: reviewers, named
    `reviewer-0` and so on, beside the admin `boss`.
    """
    (folder / "traffic").mkdir(parents=True)
    rng = np.random.default_rng(7)
    for period in ("2026-08", "2026-09", OPEN):
        pq.write_table(_traffic(period, rng), folder / "traffic" / f"{period}.parquet")
    head = f'database = "{database}"\nstore = "file:mappings"\nreports = false\n'
    settings = folder / "calib.toml"
    templates = _settings("closed", kind="outcomes") + _settings("open", kind="builtin")
    settings.write_text(head + templates)
    app = App.open(settings, now=lambda: NOW)
    migrate(app.engine)
    for name, period in (("closed", "2026-08"), ("closed", "2026-09"), ("open", OPEN)):
        open_window(app.watch(name), app.ports(name), Period.parse(period, "month"), channel=PRODUCTION)
        evaluate_open(app.watch(name), app.ports(name))
    names = stream_names(streams)
    with app.engine.begin() as conn:
        _copy_windows(conn, names, items // streams)
        _add_people(conn, people)
    _publish(app, names)
    settings.write_text(head + templates + "".join(_settings(name, kind="builtin") for name in names))
    return App.open(settings, now=lambda: NOW)


def _settings(name: str, *, kind: str) -> str:
    column = ', column = "correct"' if kind == "outcomes" else ""
    return STREAM.format(name=name, kind=kind, column=column, labels=LABELS)


def _traffic(period: str, rng: np.random.Generator) -> pa.Table:
    raw = rng.choice([0.5, 0.7, 0.8, 0.9, 0.95, 1.0], ROWS, p=[0.1, 0.15, 0.2, 0.25, 0.2, 0.1])
    start = datetime.fromisoformat(f"{period}-01T00:00:00+00:00")
    return pa.table(
        {
            "id": [f"{period}-{i}" for i in range(ROWS)],
            "ts": [start + timedelta(minutes=int(m)) for m in rng.integers(0, 27 * 1440, ROWS)],
            "confidence": raw,
            "segment": [f"segment-{i % 10}" for i in range(ROWS)],
            "correct": (rng.random(ROWS) < raw - 0.1).astype("int8"),
            "question": [f"{i}: {TEXT}" for i in range(ROWS)],
        }
    )


def _copy_windows(conn: Connection, names: list[str], drawn: int) -> None:
    w, t = tables.windows, tables.items
    first, second, waiting = (
        dict(row._mapping) for row in conn.execute(select(w).order_by(w.c.stream, w.c.ends_at))
    )
    rows = [dict(row._mapping) for row in conn.execute(select(t).where(t.c.window_id == waiting["id"]))]
    alerts = [dict(row._mapping) for row in conn.execute(select(tables.outbox))]
    window_ids, item_ids = itertools.count(waiting["id"] + 1000), itertools.count(1_000_000)
    last = Period.parse(OPEN, "month")
    earlier = list(itertools.islice(_backwards(last), MONTHS))[::-1]
    for name in names:
        closed = [
            _copied(window, next(window_ids), name, period)
            for window, period in zip(itertools.cycle((first, second)), earlier, strict=False)
        ]
        conn.execute(insert(w), closed)
        opened = _copied(waiting, next(window_ids), name, last)
        conn.execute(insert(w), [opened])
        own = [
            row | {"id": next(item_ids), "window_id": opened["id"], "prediction_id": f"{name}-{i}"}
            for i, row in enumerate(itertools.islice(itertools.cycle(rows), drawn))
        ]
        labelled = own[: drawn // 2]
        for i, row in enumerate(labelled):
            row |= {"label_id": row["id"], "people": 1}
            row["answer"] = "unsure" if i % 20 == 0 else "incorrect" if i % 5 == 0 else "correct"
        labels = [
            {
                "id": row["id"],
                "item_id": row["id"],
                "answer": row.pop("answer"),
                "by": f"reviewer-{i % 20}",
                "at": NOW - timedelta(days=2) + timedelta(seconds=7 * i),
                "source": "review",
            }
            for i, row in enumerate(labelled)
        ]
        conn.execute(insert(t), [row | {"label_id": row.get("label_id")} for row in own])
        conn.execute(insert(tables.labels), labels)
        conn.execute(
            insert(tables.outbox),
            [
                alert
                | {"id": f"{name}-{i}", "stream": name, "state": "delivered"}
                | {"payload": alert["payload"] | {"stream": name}, "episode": None}
                for i, alert in enumerate(alerts * 6)
            ],
        )


def _backwards(period: Period) -> Iterator[Period]:
    while True:
        period = period.previous()
        yield period


def _copied(window: dict[str, Any], window_id: int, stream: str, period: Period) -> dict[str, Any]:
    """The row of a window as another stream's in another period."""
    start, end = period.interval("UTC")
    result = copy.deepcopy(window["result"])
    over = result is not None
    if over:
        result |= {"stream": stream, "period": period.name}
    return window | {
        "id": window_id,
        "stream": stream,
        "period": period.name,
        "starts_at": start,
        "ends_at": end,
        "as_of": end,
        "closes_at": end + timedelta(days=60),
        "opened_at": end,
        "evaluated_at": end + timedelta(days=9) if over else None,
        "closed_at": end + timedelta(days=9) if over else None,
        "result": result,
    }


def _add_people(conn: Connection, people: int) -> None:
    for name, role in [("boss", "admin"), *((f"reviewer-{i}", "reviewer") for i in range(people))]:
        now = datetime.now(UTC)  # a session ends by the server's clock
        who = reviewers.add(conn, name, role=role, streams=None, now=now)  # type: ignore[arg-type]
        end = now + timedelta(days=1)
        reviewers.open_session(conn, who, token=token(name), csrf="5" * 64, now=now, expires_at=end)


def token(name: str) -> str:
    """The token of a person's session."""
    return f"session-of-{name}"


def _publish(app: App, names: list[str]) -> None:
    """Give each stream a channel with two entries."""
    entry = head(app.store, stream="closed", channel=PRODUCTION)
    if entry is None:
        raise SystemExit("the template stream published no mapping")
    mapping = read_mapping(app.store, stream="closed", digest=entry.mapping)
    for name, i in itertools.product(names, range(2)):
        intent = Intent(
            publish_id=f"{name}-{i}",
            at=NOW - timedelta(days=30 - i),
            by="calibwatch",
            reason="fitted",
            expires_at=NOW + timedelta(days=60),
            since=NOW - timedelta(days=31),
        )
        publish(app.store, replace(mapping, stream=name, parent=None), channel=PRODUCTION, intent=intent)
