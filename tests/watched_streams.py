"""A deployment with three streams, made by the product: two closed periods, an open cohort, and nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from conftest import World
from sqlalchemy import select
from web_pages import Pages

from calib.app import App
from calib.cycle import evaluate_open, open_window
from calib.cycle.stream import PRODUCTION
from calib.db import tables
from calib.period import Period
from calib.review.labelling import Answer, label_all
from calib.review.queue import Claim
from calib.testing.review import Reviewer

NOW = datetime(2026, 6, 3, 6, tzinfo=UTC)
LABELLED, UNSURE = 120, 15  # of the open cohort's rows
HOSTILE = '<img src=x onerror="alert(1)">\u202e'  # a segment's name

BUILTIN = """
[streams.billing]
traffic = "parquet:traffic/*.parquet"
columns = { id = "prediction_id", ts = "ts", confidence = "raw_confidence", context = ["question"] }
review = { kind = "builtin" }
labels = 300
close_after_days = 60

[streams.empty]
traffic = "parquet:traffic/*.parquet"
columns = { id = "prediction_id", ts = "ts", confidence = "raw_confidence" }
review = { kind = "builtin" }
"""


def watched_streams(folder: Path, *, database: str | None = None, head: str = "") -> World:
    """`triage`: closed in February and, degraded, in March. `billing`: April waits for labels. `empty`."""
    made = World(folder)
    made.write("2026-02")
    made.write("2026-03", accuracy=lambda raw: raw - 0.4)
    made.write("2026-04")
    first = head + ("" if database is None else f'database = "{database}"\n')
    made.settings("threshold = 0.9", first)
    with made.config.open("a") as settings:
        settings.write(BUILTIN)
    app = made.open(NOW)
    for period in ("2026-02", "2026-03"):
        open_one(app, "triage", period)
        evaluate_open(app.watch("triage"), app.ports("triage"))
    open_one(app, "billing", "2026-04")
    label(app, LABELLED, by="ana")
    label(app, UNSURE, by="bo", says="unsure")
    evaluate_open(app.watch("billing"), app.ports("billing"))
    disagree(app, by="cy <b>")
    return made


def open_one(app: App, stream: str, period: str) -> None:
    """Open one window of a stream."""
    named = Period.parse(period, "month")
    open_window(app.watch(stream), app.ports(stream), named, channel=PRODUCTION)


def label(app: App, n: int, *, by: str, says: str | None = None, stream: str = "billing") -> None:
    """Let somebody label so many rows; without `says`, four of five are correct, about as is stated."""

    def answer(claim: Claim) -> str:
        number = int(claim.prediction_id.rpartition("-")[2])
        return says or ("incorrect" if number % 5 == 0 else "correct")

    reviewer = Reviewer(app.engine, says=answer, now=app.now, by=by)
    for claim in reviewer.take(stream, n):
        reviewer.answer(claim)


def disagree(app: App, *, by: str) -> int:
    """Let somebody answer a row of the open cohort otherwise than it was; its id."""
    items, labels = tables.items, tables.labels
    with app.engine.begin() as conn:
        query = select(items.c.id).join(labels, labels.c.id == items.c.label_id)
        item_id = int(
            conn.execute(
                query.where(labels.c.answer == "correct", labels.c.source == "review").limit(1)
            ).scalar_one()
        )
        other = Answer(item_id=item_id, answer="incorrect", by=by, at=app.now(), comment="see <i>line 3</i>")
        label_all(conn, [other], source="review")
    return item_id


class WatchedPages(Pages):
    """The pages over a folder that has its settings already."""

    def settings(self, *, head: str = "", web: str = "", stream: str = "") -> None:
        """Leave the settings as they are."""
        del head, web, stream
