"""What the schedules run on one stream, and which periods are due."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from calib.cycle.fleet import all_parts
from calib.cycle.kinds import refuse_other_kind
from calib.cycle.ports import Ports
from calib.cycle.stream import PRODUCTION, StreamPolicy
from calib.db import windows
from calib.errors import InvalidInput
from calib.json_object import Json
from calib.outbox.place import Place
from calib.outbox.relay import relay
from calib.period import Period, periods
from calib.policy import BACKFILL_MOST
from calib.review.sources import source_of
from calib.store import head

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.alerts.message import Audience
    from calib.results import WindowResult


def latest_due(policy: StreamPolicy, now: datetime) -> Period:
    """The latest period that has ended and settled."""
    period = Period.containing(now, policy.kind, policy.timezone)
    while policy.due(period) > now:
        period = period.previous()
    return period


def open_due(policy: StreamPolicy, ports: Ports) -> WindowResult | None:
    """Open the latest period that has ended and settled; None where its window is there already."""
    period = latest_due(policy, ports.now())
    with ports.engine.connect() as conn:
        latest = refuse_other_kind(conn, policy)
        if latest == period.name or windows.exists(conn, policy.stream, period.name):
            return None
    from calib.cycle.opening import open_window
    from calib.cycle.window_summary import summary

    window = open_window(policy, ports, period, channel=PRODUCTION)
    return summary(window, ports)


def evaluate_open(policy: StreamPolicy, ports: Ports) -> list[WindowResult]:
    """Take the stream's unfinished windows as far as their labels allow, oldest first.

    A window waits for the earlier ones, whose labels are its baseline, until these are overdue: then one that
    fails keeps nobody waiting any more. Raises `PartlyDone` where any failed, once all were tried.
    """
    with ports.engine.connect() as conn:
        unfinished = windows.unfinished(conn, policy.stream)
        every = windows.of_stream(conn, policy.stream) if source_of(policy.review_kind).wind_up else []
    if ports.reports is not None:
        from calib.cycle.reporting import store_missing_reports

        store_missing_reports(policy.stream, ports)
    parts: list[tuple[str | None, Callable[[], list[WindowResult]]]] = []
    if unfinished:
        from calib.cycle.lifecycle import advance_and_keep
        from calib.cycle.reviewers import remind
        from calib.cycle.window_summary import summary

        def evaluate_one(window: windows.Window) -> WindowResult:
            advanced, loaded = advance_and_keep(window, ports)
            remind(advanced, ports)
            return summary(advanced, ports, loaded)

        parts += [
            (window.period, lambda w=window: [evaluate_one(w)])  # type: ignore[misc]
            for window in unfinished
        ]
    if every:
        parts.append((None, lambda: _wind_up(policy, ports, every)))
    return all_parts(policy.stream, parts)


def _wind_up(policy: StreamPolicy, ports: Ports, every: list[windows.Window]) -> list[WindowResult]:
    from calib.cycle.elsewhere import wind_up_stream

    wind_up_stream(policy, ports, every)
    return []


def range_of(policy: StreamPolicy, ports: Ports, first: Period, last: Period) -> list[Period]:
    """The periods from `first` to `last`, all of them over; `InvalidInput` where they are not."""
    if first > last:
        raise InvalidInput(f"--from {first.name} is after --to {last.name}")
    if ports.now() < policy.due(last):
        raise InvalidInput(
            f"{policy.stream}: {last.name} is not over or has not settled; "
            f"the last period that can be watched is {latest_due(policy, ports.now()).name}"
        )
    return periods(first, last)


def from_first_row(policy: StreamPolicy, ports: Ports, first: Period, last: Period) -> list[Period]:
    """The periods from `first` to `last`, from the one on that holds the first row of the traffic.

    Before it nothing could be sampled: each period would only raise an alarm. Raises `InvalidInput` where no
    row lies in the range or before its end, and where there are more than `BACKFILL_MOST` periods.
    """
    stream, found = policy.stream, ports.traffic.check()["first"]
    if found is None:
        raise InvalidInput(f"{stream}: no row of the traffic has a time; `calib check` shows what it holds")
    begun = Period.containing(datetime.fromisoformat(found), policy.kind, policy.timezone)
    if begun > last:
        raise InvalidInput(
            f"{stream}: the first row of the traffic is of {begun.name}, after --to {last.name}: there is "
            "nothing to backfill"
        )
    span = range_of(policy, ports, max(first, begun), last)
    if len(span) > BACKFILL_MOST:
        raise InvalidInput(
            f"{stream}: from {span[0].name} to {last.name} there are {len(span):,} periods, and at most "
            f"{BACKFILL_MOST} are backfilled at once. Name a later --from; or, if no row should be that old, "
            "correct its time"
        )
    return span


def backfill_channel(policy: StreamPolicy, ports: Ports, first: Period, *, begins: Period) -> str:
    """Where a backfill that was begun publishes; else production while that is empty, else its own.

    `first`: the period that was asked for, whose name the channel gets. `begins`: the first with rows.
    """
    with ports.engine.connect() as conn:
        begun = windows.find(conn, policy.stream, begins.name)
    if begun is not None:
        return begun.channel
    if head(ports.store, stream=policy.stream, channel=PRODUCTION) is None:
        return PRODUCTION
    return f"backfill-{first.name.lower()}"


def deliver(
    engine: Engine,
    places: Sequence[Place],
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    audience: Audience | None = None,
) -> Json:
    """Run the relay once: the fields of `calib.results.work.RelayResult` by name.

    `audience`: what messages link to and whom they mention.
    """
    from calib.cycle.alert_pictures import picture_of

    report = relay(
        engine,
        places,
        now=now,
        sleep=sleep,
        audience=audience,
        draw=lambda payload: picture_of(engine, payload),
    )
    return asdict(report)
