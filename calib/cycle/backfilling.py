"""A backfill: the cycle over past periods, oldest first, and one alert that sums it up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from calib.alerts.backfill import backfill_done, backfill_id
from calib.cycle.fleet import Failure
from calib.cycle.lifecycle import advance
from calib.cycle.opening import open_window
from calib.cycle.ports import Ports
from calib.cycle.stream import StreamPolicy
from calib.cycle.window_summary import summary
from calib.db.windows import Window
from calib.outbox import queue as outbox
from calib.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """The windows that were taken as far as they go, in time order; `failure`: what ended the range early."""

    windows: list[Window]
    failure: Failure | None = None


def backfill(
    policy: StreamPolicy,
    ports: Ports,
    span: Sequence[Period],
    *,
    channel: str,
    step: Callable[[Window], object] = lambda _: None,
) -> Backfilled:
    """Take the windows of `span` as far as their labels allow, oldest first; `step` is called after each.

    Each rests on what the ones before it published, so that a window that fails ends the range. Periods that
    close without a verdict raise no alert of their own: once the whole range was gone through, one alert
    counts and names them. Where that alert is there already, it is not sent again, and a window that closes
    without a verdict now says so itself. Raises `MemoryError`, and what the database raises.
    """
    stream = policy.stream
    known = backfill_id(stream, span[0].name, span[-1].name, channel=channel)
    with ports.engine.connect() as conn:
        summed_up = not outbox.holds(conn, known)
    each = replace(ports, summed_up=summed_up, quiet_line=ports.quiet_line and not summed_up)
    windows: list[Window] = []
    for period in span:
        try:
            window = open_window(policy, each, period, channel=channel, replay=True)
            window = advance(window, each)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  the windows before it are shown whatever it is
            return Backfilled(
                windows=windows, failure=Failure(stream=stream, period=period.name, error=error)
            )
        windows.append(window)
        step(window)
    alert = backfill_done(stream, [summary(window, ports) for window in windows], channel=channel)
    with ports.engine.begin() as conn:
        outbox.put(conn, alert, now=ports.now())
    return Backfilled(windows=windows)
