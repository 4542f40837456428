"""Open the windows that are due: sample the last period's traffic and put it up for review."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task

from calib import scheduled
from calib.cycle import open_due
from calib.redaction import only_what_may_be_shown


@task(retries=2, retry_delay_seconds=[60, 600], retry_condition_fn=scheduled.retry_if_outside)
@only_what_may_be_shown()
def what_is_due(config: str | None, stream: str | None, now: datetime | None) -> dict[str, str]:
    """Each stream with the latest period that is due."""
    return scheduled.streams_to_open(config, stream, now)


@task(
    task_run_name="{stream} {period}",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=scheduled.retry_if_outside,
)
@only_what_may_be_shown()
def open_window(stream: str, period: str, config: str | None, now: datetime | None) -> dict[str, Any] | None:
    """Open one stream's latest due window; None where it is open already."""
    opened = scheduled.open_app(config, now)
    result = open_due(opened.watch(stream), opened.ports(stream))
    log = get_run_logger()
    if result is None:
        log.info("%s %s: the window is there already", stream, period)
    else:
        log.info("%s %s: %s, %d rows to label", stream, result.period, result.state, result.sample.n)
    return None if result is None else result.to_json()


@flow(name="open-windows", flow_run_name=scheduled.run_name("open-windows"))
def open_windows(
    config: str | None = None, stream: str | None = None, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Runs daily and opens each stream's window once its period has ended and settled."""
    states = {
        name: open_window(name, period, config, now, return_state=True)
        for name, period in what_is_due(config, stream, now).items()
    }
    results = scheduled.finish("open-windows", "sample", states, config=config, now=now, only=stream)
    return [result for result in results.values() if result is not None]
