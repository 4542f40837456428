"""A stream in a line, and its periods with their ledger: `calib status`, `calib history`, and the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from calib.cycle.evaluation import stored_result
from calib.cycle.ports import Ports
from calib.cycle.reporting import closed_months
from calib.cycle.schedule import latest_due
from calib.cycle.stream import PRODUCTION, StreamPolicy
from calib.cycle.window_summary import summary
from calib.db import windows
from calib.format import Entry
from calib.outbox import queue as outbox
from calib.results import WindowResult
from calib.results.history import AlertsOpen, HistoryResult, LabelsOpen, StreamStatus
from calib.review.response import StratumCounts, counts_by_stratum
from calib.store import head
from calib.times import timestamp


def stream_status(policy: StreamPolicy, ports: Ports) -> StreamStatus:
    """A stream in a line, from the database and the channel that serves."""
    stream = policy.stream
    with ports.engine.connect() as conn:
        latest = windows.latest(conn, stream)
        alerts = outbox.counts(conn, stream)
        due = next_run(
            policy, ports.now(), is_open=lambda period: windows.find(conn, stream, period) is not None
        )
        waits = latest is not None and latest.result is None
        counts = counts_by_stratum(conn, [latest.id]).get(latest.id, ()) if latest and waits else ()
    return status_of(
        stream,
        state=None if latest is None else latest.state,
        period=None if latest is None else latest.period,
        evaluated=None if latest is None or latest.result is None else stored_result(latest),
        counts=counts,
        alerts=alerts,
        entry=head(ports.store, stream=stream, channel=PRODUCTION),
        due=due,
    )


def status_of(
    stream: str,
    *,
    state: str | None,
    period: str | None,
    evaluated: WindowResult | None,
    counts: Sequence[StratumCounts],
    alerts: Mapping[str, int],
    entry: Entry | None,
    due: datetime,
) -> StreamStatus:
    """A stream in a line from what is known of its latest window, its channel and its next run.

    `state`, `period`, `evaluated`: of the latest window, whose result is None while labels come in; then
    `counts` are those of its rows.
    """
    if evaluated is not None:
        labels = LabelsOpen(n=evaluated.labels.n, missing=evaluated.labels.missing)
    else:
        labels = LabelsOpen(
            n=sum(part.labelled for part in counts), missing=sum(part.missing for part in counts)
        )
    serving = None if entry is None or entry.withdrawn else entry
    return StreamStatus(
        stream=stream,
        state=state,
        period=period,
        verdict=None if evaluated is None else evaluated.change.state,
        labels=labels,
        mapping=None if serving is None else serving.mapping,
        mapping_expires_at=None if serving is None else serving.expires_at,
        alerts=AlertsOpen(waiting=alerts.get("pending", 0), parked=alerts.get("parked", 0)),
        next_run=timestamp(due),
    )


def next_run(policy: StreamPolicy, now: datetime, *, is_open: Callable[[str], bool]) -> datetime:
    """From when on the stream's next window can be opened; `is_open`: whether that of a period was."""
    due = latest_due(policy, now)
    return policy.due(due.next() if is_open(due.name) else due)


def stream_history(stream: str, ports: Ports) -> HistoryResult:
    """All of a stream's windows as `calib run --json` shows each, oldest first, and its ledger."""
    from calib.report.ledger import ledger_of

    now = ports.now()
    with ports.engine.connect() as conn:
        known = windows.earlier(conn, stream, before=now)[::-1]
        months = closed_months(conn, stream, now=now)
    return HistoryResult(
        stream=stream,
        windows=tuple(summary(window, ports) for window in known),
        ledger=ledger_of(months),
    )
