"""The watchdog: looks for what did not happen on a stream, and puts it into the outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calib.alerts import Alert, cohort_late, mapping_stale, missing_periods, window_missed
from calib.cycle.fleet import all_parts
from calib.cycle.kinds import refuse_other_kind
from calib.cycle.ports import Ports
from calib.cycle.schedule import latest_due
from calib.cycle.stream import PRODUCTION, StreamPolicy, review_kind
from calib.db import windows
from calib.outbox import queue as outbox
from calib.period import Period
from calib.policy import GRACE
from calib.review import queue
from calib.review.sources import source_of
from calib.store import head
from calib.times import moment


def watch_over(policy: StreamPolicy, ports: Ports) -> list[dict[str, str]]:
    """Find periods without a window, cohorts past their time and a mapping about to expire.

    Each becomes one alert, however often this runs. What the database shows is reported even where the store
    cannot be reached: then `PartlyDone` is raised at the end.
    """
    parts: list[tuple[str | None, Callable[[], list[dict[str, str]]]]] = [
        (None, lambda: _queued(ports, _of_windows(policy, ports))),
        (None, lambda: _queued(ports, _of_mapping(policy, ports))),
    ]
    return all_parts(policy.stream, parts)


def _of_windows(policy: StreamPolicy, ports: Ports) -> list[Alert]:
    now = ports.now()
    with ports.engine.connect() as conn:
        refuse_other_kind(conn, policy)
        begun = {Period.named(period) for period in windows.periods(conn, policy.stream)}
        unfinished = windows.unfinished(conn, policy.stream)
        missing = {window.id: queue.progress(conn, window.id).missing for window in unfinished}
    missed = [
        window_missed(policy.stream, period.name, due=policy.due(period))
        for period in missing_periods(begun, latest_due(policy, now - GRACE))
    ]
    late = [
        cohort_late(
            window.stream,
            window.period,
            closes_at=window.closes_at,
            now=now,
            by_itself=source_of(review_kind(window.settings)).by_itself,
            revision=window.revision,
            missing=missing[window.id],
            reviewers=ports.reviewers,
        )
        for window in unfinished
    ]
    return [*missed, *(alert for alert in late if alert is not None)]


def _of_mapping(policy: StreamPolicy, ports: Ports) -> list[Alert]:
    current = head(ports.store, stream=policy.stream, channel=PRODUCTION)
    if current is None or current.expires_at is None:
        return []
    stale = mapping_stale(
        policy.stream,
        mapping=current.mapping,
        channel=PRODUCTION,
        expires_at=moment(current.expires_at),
        now=ports.now(),
    )
    return [] if stale is None else [stale]


def _queued(ports: Ports, alerts: Sequence[Alert]) -> list[dict[str, str]]:
    if alerts:
        with ports.engine.begin() as conn:
            for alert in alerts:
                outbox.put(conn, alert, now=ports.now())
    return [{"kind": alert.kind, "stream": alert.stream, "period": alert.period} for alert in alerts]
