"""Reports of windows that are over: gathered as of when each closed, and kept in the store by creation alone.

A report never decides anything. Whatever goes wrong with one costs no window its closing: the next evaluation
makes up for it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from calib.cycle.report_links import report_key
from calib.cycle.stream import StreamPolicy
from calib.db import windows
from calib.db.windows import Window
from calib.errors import CalibError, Conflict
from calib.outbox import queue as outbox
from calib.results.window import AlertState
from calib.review.pace import Pace, pace_by_window

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from calib.cycle.ports import Ports
    from calib.report.months import Month

LOG = logging.getLogger(__name__)
OVER = ("closed", "insufficient")
MAKE_UP_FOR = timedelta(days=62)  # windows that closed longer ago keep what the store has


def months_of(conn: Connection, window: Window) -> list[Month]:
    """A stream's windows that were over when `window` closed, oldest first; it is the last one."""
    closed = _closed_at(window)
    earlier = _standing_at(windows.earlier(conn, window.stream, before=window.starts_at), closed)
    return _months(conn, [*earlier, window], until=closed)


def closed_months(conn: Connection, stream: str, *, now: datetime) -> list[Month]:
    """All of a stream's windows that are over, oldest first, as they stand now."""
    return _months(conn, _standing_at(windows.earlier(conn, stream, before=now), now), until=now)


def _standing_at(known: Sequence[Window], when: datetime) -> list[Window]:
    """The revision of each period that stood at a moment, of those that were over then; oldest first."""
    standing: dict[str, Window] = {}
    for window in known:
        over = window.state in OVER and window.result is not None and _closed_at(window) <= when
        gone = window.discarded_at is not None and window.discarded_at <= when
        if over and not gone:
            other = standing.get(window.period)
            if other is None or _finality(window) > _finality(other):
                standing[window.period] = window
    return sorted(standing.values(), key=lambda window: window.ends_at)


def _finality(window: Window) -> tuple[int, int]:
    return windows.FINALITY[window.state], window.revision


def _months(conn: Connection, of_stream: Sequence[Window], *, until: datetime) -> list[Month]:
    # the statistics and the pictures take long to import, and most runs find no report missing
    from calib.cycle.evaluation import stored_result
    from calib.report.months import Month

    if not of_stream:
        return []
    stream = of_stream[0].stream
    paces = pace_by_window(conn, [window.id for window in of_stream], until=until)
    alerts = outbox.raised(conn, stream, until=until)
    months = []
    for window in of_stream:
        policy, pace = (
            StreamPolicy.from_json(window.settings),
            paces.get(window.id, Pace(answers=0, seconds=None)),
        )
        raised = tuple(
            AlertState(kind=kind, id=id_, delivered=False)
            for kind, id_ in alerts.get((window.period, window.revision), ())
        )
        months.append(
            Month(
                result=replace(stored_result(window), alerts=raised),
                starts_at=window.starts_at,
                ends_at=window.ends_at,
                closed_at=_closed_at(window),
                replay=window.replay,
                max_rise=policy.max_rise,
                threshold=policy.threshold,
                answers=pace.answers,
                seconds=pace.seconds,
            )
        )
    return months


def _closed_at(window: Window) -> datetime:
    """When the window was closed; when it had to be, where that is not known."""
    return window.closed_at or window.closes_at


def store_report(window: Window, ports: Ports) -> bool:
    """Create the report of a window that is over in the store, where reports are kept; whether it is there.

    What is there stays: of two runs, or of two versions, the first one counts.
    """
    if ports.reports is None or window.state not in OVER or window.result is None:
        return False
    key = report_key(window.stream, window.period, window.revision)
    extra = {"event": "report", "stream": window.stream, "period": window.period, "key": key}
    try:
        if ports.store.get(key) is None:
            ports.store.create(key, _page(window, ports))
            return True
    except Conflict:  # another run was faster
        pass
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  the window is closed; a fault of its report is not the stream's
        LOG.warning(
            "%s was not stored (%s); the next evaluation tries again", key, type(error).__name__, extra=extra
        )
        return False
    LOG.debug("%s is there already, as it was when the window closed", key, extra=extra)
    return True


def _page(window: Window, ports: Ports) -> bytes:
    from calib.report.page import report_page

    with ports.engine.connect() as conn:
        months = months_of(conn, window)
    return report_page(months).encode()


def store_missing_reports(stream: str, ports: Ports) -> None:
    """Create the reports that a killed run or a store that was away left out."""
    if ports.reports is None:
        return
    now = ports.now()
    with ports.engine.connect() as conn:
        recent = [
            window
            for window in windows.over_since(conn, stream, since=now - MAKE_UP_FOR, before=now)
            if window.state in OVER and now - _closed_at(window) <= MAKE_UP_FOR
        ]
    if not recent:
        return
    try:
        stored = set(ports.store.keys(f"{stream}/reports/"))
    except CalibError as error:
        extra = {"event": "report", "stream": stream}
        LOG.warning("%s: reports cannot be listed (%s)", stream, type(error).__name__, extra=extra)
        return
    for window in recent:
        if report_key(stream, window.period, window.revision) not in stored:
            store_report(window, ports)
