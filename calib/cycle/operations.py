"""What schedules and people ask for: open what is due, evaluate what is open, deliver, watch over it all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from calib.alerts import Alert
from calib.cycle.ports import Ports, Watch
from calib.db import windows
from calib.db.windows import Window
from calib.errors import InvalidInput
from calib.outbox import queue as outbox
from calib.outbox.relay import Sender, relay
from calib.period import Period, periods
from calib.review import queue
from calib.store import head, moment

if TYPE_CHECKING:
    from sqlalchemy import Engine

PRODUCTION = "production"
GRACE = timedelta(days=1)  # before something that did not happen is an alert
LOOK_BACK = 12  # periods that the watchdog looks over


def open_due(watch: Watch, ports: Ports) -> dict[str, Any] | None:
    """Open the latest period that has ended and settled; None where its window is there already."""
    period = latest_due(watch, ports.now())
    with ports.engine.connect() as conn:
        if windows.find(conn, watch.stream, period.name) is not None:
            return None
    from calib.cycle.opening import open_window

    window = open_window(watch, ports, period, channel=PRODUCTION)
    return account(window, ports)


def evaluate_open(watch: Watch, ports: Ports) -> list[dict[str, Any]]:
    """Take the stream's unfinished windows as far as their labels allow, oldest first."""
    with ports.engine.connect() as conn:
        unfinished = windows.unfinished(conn, watch.stream)
    if not unfinished:
        return []
    from calib.cycle.closing import advance

    return [account(advance(window, ports), ports) for window in unfinished]


def range_of(watch: Watch, ports: Ports, first: Period, last: Period) -> list[Period]:
    """The periods from `first` to `last`, all of them over; `InvalidInput` where they are not."""
    if first > last:
        raise InvalidInput(f"--from {first.name} is after --to {last.name}")
    if ports.now() < watch.due(last):
        raise InvalidInput(
            f"{watch.stream}: {last.name} is not over or has not settled; "
            f"the last period that can be watched is {latest_due(watch, ports.now()).name}"
        )
    return periods(first, last)


def backfill_channel(watch: Watch, ports: Ports, first: Period) -> str:
    """Where a backfill that was begun publishes; else production while that is empty, else its own."""
    with ports.engine.connect() as conn:
        begun = windows.find(conn, watch.stream, first.name)
    if begun is not None:
        return begun.channel
    if head(ports.store, stream=watch.stream, channel=PRODUCTION) is None:
        return PRODUCTION
    return f"backfill-{first.name.lower()}"


def account(window: Window, ports: Ports) -> dict[str, Any]:
    """The window as `calib run --json` shows it, its alerts as they stand now."""
    from calib.cycle.early import early_watch
    from calib.cycle.evaluation import skeleton

    early = early_watch(window, ports) if window.result is None else None
    with ports.engine.connect() as conn:
        if window.result is None:
            result = skeleton(window, queue.cohort(conn, window.id))
            result["early_watch"] = None if early is None else early.to_json()
        else:
            result = {key: value for key, value in window.result.items() if key != "proposal"}
            result["state"] = window.state
        result["alerts"] = outbox.of_window(conn, window.stream, window.period)
    return result


def deliver(
    engine: Engine,
    sender: Sender,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int]:
    """Run the relay once."""
    return asdict(relay(engine, sender, now=now, sleep=sleep))


def watch_over(watch: Watch, ports: Ports) -> list[dict[str, str]]:
    """Find periods without a window, cohorts past their time and a mapping about to expire.

    Each becomes one alert, however often this runs. On its way it erases what reviewers saw of windows that
    closed long enough ago.
    """
    now = ports.now()
    last = latest_due(watch, now - GRACE)
    with ports.engine.connect() as conn:
        known = {window.period: window for window in windows.earlier(conn, watch.stream, before=now)}
    found = []
    for period in _expected(watch, known, last):
        what = (
            f"No window was opened for {period.name}; it could have been since {watch.due(period):%Y-%m-%d}."
        )
        found.append(_alert("window_missed", watch.stream, period.name, what))
    for window in known.values():
        if window.state in windows.OPEN and now >= window.closes_at + GRACE:
            what = (
                f"The labels of {window.period} were due by {window.closes_at:%Y-%m-%d}; nothing closed it."
            )
            found.append(_alert("cohort_late", watch.stream, window.period, what))
    current = head(ports.store, stream=watch.stream, channel=PRODUCTION)
    if (
        current is not None
        and current.expires_at is not None
        and now >= moment(current.expires_at) - 7 * GRACE
    ):
        what = f"The mapping {current.mapping[:12]} on {PRODUCTION} expires at {current.expires_at}."
        found.append(_alert("mapping_stale", watch.stream, current.expires_at[:10], what))
    with ports.engine.begin() as conn:
        queue.erase_context(conn, stream=watch.stream, closed_before=now - watch.keep_context)
        for alert in found:
            outbox.put(conn, alert, now=now)
    return [{"kind": alert.kind, "stream": alert.stream, "period": alert.period} for alert in found]


def latest_due(watch: Watch, now: datetime) -> Period:
    """The latest period that has ended and settled."""
    period = Period.containing(now, watch.kind, watch.timezone)
    while watch.due(period) > now:
        period = period.previous()
    return period


def _expected(watch: Watch, known: dict[str, Window], last: Period) -> list[Period]:
    """Periods since the first window, at most `LOOK_BACK` back, that have none; the last one in any case."""
    first = last
    recent = [last]
    for _ in range(LOOK_BACK):
        first = first.previous()
        recent.append(first)
    begun = [Period.parse(name, watch.kind) for name in known]
    start = min(begun) if begun else last
    return [period for period in reversed(recent) if period >= start and period.name not in known]


def _alert(kind: str, stream: str, period: str, what: str) -> Alert:
    return Alert(kind=kind, stream=stream, period=period, severity="warning", facts={"what": what})
