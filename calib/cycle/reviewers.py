"""Telling reviewers that a window's rows wait for them: when it opens, and before it closes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from calib.alerts import cohort_closing, cohort_opened
from calib.cycle.ports import Ports
from calib.cycle.stream import review_kind
from calib.db import windows
from calib.db.windows import Window
from calib.outbox import queue as outbox
from calib.outbox import silences
from calib.review import queue
from calib.review.sources import source_of


def tell_opened(conn: Connection, window_id: int, ports: Ports) -> None:
    """Put the message that a cohort waits into the outbox, in the transaction that makes it wait.

    A window of a backfill says nothing: a year of them would be twelve messages at once.
    """
    (window,) = windows.by_ids(conn, [window_id])
    if window.replay or _by_itself(window):
        return
    alert = cohort_opened(
        window.stream,
        window.period,
        revision=window.revision,
        missing=len(queue.unlabelled(conn, window_id)),
        closes_at=window.closes_at,
        reviewers=ports.reviewers,
    )
    if alert is not None:
        outbox.put(conn, alert, now=ports.now())


def remind(window: Window, ports: Ports) -> None:
    """Put the reminder into the outbox where a waiting window closes soon; once, however often this runs."""
    if not window.waits or window.replay or _by_itself(window):
        return
    with ports.engine.begin() as conn:
        alert = cohort_closing(
            window.stream,
            window.period,
            revision=window.revision,
            missing=queue.progress(conn, window.id).missing,
            opened_at=window.opened_at,
            closes_at=window.closes_at,
            now=ports.now(),
            reviewers=ports.reviewers,
        )
        if alert is not None:
            outbox.put(conn, alert, now=ports.now())


def nothing_waits(conn: Connection, window: Window, *, now: datetime) -> None:
    """Keep back what reviewers were to be told of a window that is over, where nobody was told yet."""
    silences.keep_back(
        conn,
        window.stream,
        window.period,
        revision=window.revision,
        kinds=("cohort_opened", "cohort_closing"),
        reason="the window was closed before this was sent: nobody has to label any more",
        now=now,
    )


def _by_itself(window: Window) -> bool:
    return source_of(review_kind(window.settings)).by_itself
