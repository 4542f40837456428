"""The watchdog over the deployment as a whole: its jobs, its probes, its alerts and its store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from calib.alerts import DEPLOYMENT, Alert, alerts_parked, job_missed, probe_missed, store_unsafe
from calib.cycle.fleet import all_parts
from calib.db import jobs, probes
from calib.outbox import queue as outbox
from calib.outbox.undelivered import undelivered
from calib.period import Kind, Period
from calib.policy import GRACE
from calib.store.safety import refuses_second_creation

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.db.probes import Run as ProbeRun
    from calib.store import Store

DAY, FIVE_MINUTES = timedelta(days=1), timedelta(minutes=5)
OF_STREAMS = {"sample": DAY, "evaluate": DAY}
OF_ALL = {"relay": FIVE_MINUTES, "erase": DAY}
OF_PROBES = {"probe": DAY}
STORE_CHECK = "store-check"
WATCHDOG = "watchdog"
LOOK_BACK = timedelta(days=93)  # for runs of probes: two months that are over, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What the watchdog needs to know of a deployment.

    `store_name`: the store's URL as it may be shown. `streams`: whether there are any; `probes`: the kind of
    period and the time zone of each, by name.
    """

    engine: Engine
    store: Store
    store_name: str
    streams: bool
    probes: Mapping[str, tuple[Kind, str]]


def watch_deployment(deployment: Deployment, *, now: Callable[[], datetime]) -> list[dict[str, str]]:
    """Find jobs and probes that did not run, alerts that nobody has, and a store that overwrites.

    Each becomes one alert for as long as it lasts, however often this runs. A part that fails, such as a
    store that cannot be reached, does not hide the others: then `PartlyDone` is raised at the end.
    """
    looks = (_jobs, _probes, _undelivered, _store)
    return all_parts(DEPLOYMENT, [(None, partial(look, deployment, now())) for look in looks])


def expected_jobs(deployment: Deployment) -> dict[str, timedelta]:
    """The jobs that have to run in this deployment, and how often."""
    return OF_ALL | (OF_STREAMS if deployment.streams else {}) | (OF_PROBES if deployment.probes else {})


def _jobs(deployment: Deployment, now: datetime) -> list[dict[str, str]]:
    every = expected_jobs(deployment)
    with deployment.engine.begin() as conn:
        known = jobs.expect(conn, every, now=now)
        missed = [
            job_missed(job.job, since=job.since, ran=job.ran_at is not None, every=every[job.job], now=now)
            for job in known
        ]
    return _queued(deployment, [alert for alert in missed if alert is not None], now)


def _probes(deployment: Deployment, now: datetime) -> list[dict[str, str]]:
    missed = []
    with deployment.engine.connect() as conn:
        for name, (kind, zone) in deployment.probes.items():
            runs = probes.recent(conn, name, since=now - LOOK_BACK)
            if not runs:
                continue  # never asked yet: if that lasts, the job `probe` is missing
            missed += _of_probe(name, kind, zone, runs, now)
    return _queued(deployment, missed, now)


def _of_probe(name: str, kind: Kind, zone: str, runs: list[ProbeRun], now: datetime) -> list[Alert]:
    """Missed: the last period that is over, if no run of it or since then ended. Hung: a run of this one."""
    last = Period.containing(now - GRACE, kind, zone).previous()
    over = last.interval(zone)[1]
    if any(
        run.finished_at is not None and (run.period == last.name or run.opened_at >= over) for run in runs
    ):
        return []
    begun = {run.period: run.opened_at for run in runs}
    current = Period.containing(now, kind, zone).name
    if current in begun and now >= begun[current] + DAY + GRACE:
        return [probe_missed(name, current, due=begun[current] + DAY, hung=True)]
    if over > min(run.opened_at for run in runs):
        return [probe_missed(name, last.name, due=over, hung=last.name in begun)]
    return []


def _undelivered(deployment: Deployment, now: datetime) -> list[dict[str, str]]:
    with deployment.engine.connect() as conn:
        lying = undelivered(conn, before=now - GRACE)
    if lying is None:
        return []
    alert = alerts_parked(parked=lying.parked, waiting=lying.waiting, oldest=lying.oldest)
    return _queued(deployment, [alert], now)


def _store(deployment: Deployment, now: datetime) -> list[dict[str, str]]:
    safe = refuses_second_creation(deployment.store)
    with deployment.engine.begin() as conn:
        if safe:
            jobs.ran(conn, STORE_CHECK, at=now)
            return []
        (check,) = jobs.expect(conn, [STORE_CHECK], now=now)
    return _queued(deployment, [store_unsafe(since=check.since, store=deployment.store_name)], now)


def _queued(deployment: Deployment, alerts: list[Alert], now: datetime) -> list[dict[str, str]]:
    if alerts:
        with deployment.engine.begin() as conn:
            for alert in alerts:
                outbox.put(conn, alert, now=now)
    return [{"kind": alert.kind, "stream": alert.stream, "period": alert.period} for alert in alerts]
