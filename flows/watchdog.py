"""Find what did not happen: missed periods and jobs, late cohorts, alerts without a reader, old mappings."""

from __future__ import annotations

from datetime import datetime

from prefect import flow, get_run_logger, task

from calib import scheduled
from calib.alerts import DEPLOYMENT
from calib.cycle import watch_deployment, watch_over
from calib.redaction import only_what_may_be_shown


@task(retries=2, retry_delay_seconds=[60, 600], retry_condition_fn=scheduled.retry_if_outside)
@only_what_may_be_shown()
def what_to_watch(config: str | None, stream: str | None, now: datetime | None) -> list[str]:
    """The streams to look over."""
    return scheduled.streams_to_watch(config, stream, now)


@task(
    task_run_name="{stream}",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=scheduled.retry_if_outside,
)
@only_what_may_be_shown()
def look_over(stream: str, config: str | None, now: datetime | None) -> list[dict[str, str]]:
    """What is missing of one stream; each finding becomes one alert, however often this runs."""
    opened = scheduled.open_app(config, now)
    findings = watch_over(opened.watch(stream), opened.ports(stream))
    for finding in findings:
        get_run_logger().warning("%(stream)s %(period)s: %(kind)s", finding)
    return findings


@task(
    task_run_name="deployment",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=scheduled.retry_if_outside,
)
@only_what_may_be_shown()
def look_over_all(config: str | None, now: datetime | None) -> list[dict[str, str]]:
    """Jobs and probes that did not run, alerts that reached nobody, a store that overwrites."""
    opened = scheduled.open_app(config, now)
    findings = watch_deployment(opened.deployment(), now=opened.now)
    for finding in findings:
        get_run_logger().warning("%(kind)s, since %(period)s", finding)
    return findings


@flow(name="watchdog", flow_run_name=scheduled.run_name("watchdog"))
def watchdog(
    config: str | None = None, stream: str | None = None, now: datetime | None = None
) -> list[dict[str, str]]:
    """Runs daily; `calib watchdog` does the same from plain cron, for the day Prefect itself is down."""
    states = {
        name: look_over(name, config, now, return_state=True) for name in what_to_watch(config, stream, now)
    }
    if stream is None:
        states[DEPLOYMENT] = look_over_all(config, now, return_state=True)
    results = scheduled.finish("watchdog", "watchdog", states, config=config, now=now, only=stream)
    findings = [finding for found in results.values() for finding in found]
    if stream is None and not findings:
        with only_what_may_be_shown():
            scheduled.open_app(config, now).ping()
    return findings
