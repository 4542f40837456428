"""Take every open window as far as its labels allow: measure, decide, refit, publish, alert."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact

from calib import scheduled
from calib.cycle import evaluate_open
from calib.redaction import only_what_may_be_shown


@task(retries=2, retry_delay_seconds=[60, 600], retry_condition_fn=scheduled.retry_if_outside)
@only_what_may_be_shown()
def what_is_open(config: str | None, stream: str | None, now: datetime | None) -> dict[str, str]:
    """Each stream that has open windows with their periods."""
    return scheduled.streams_to_evaluate(config, stream, now)


@task(
    task_run_name="{stream} {periods}",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=scheduled.retry_if_outside,
)
@only_what_may_be_shown()
def evaluate(stream: str, periods: str, config: str | None, now: datetime | None) -> list[dict[str, Any]]:
    """Evaluate one stream's open windows, oldest first: each is the baseline of the next."""
    del periods  # names the run
    opened = scheduled.open_app(config, now)
    results = evaluate_open(opened.watch(stream), opened.ports(stream))
    for result in results:
        get_run_logger().info(
            "%s %s: %s, change %s", stream, result.period, result.state, result.change.state
        )
    if results:
        key, page = scheduled.verdict_page(opened, stream, results)
        create_markdown_artifact(page, key=key, description=f"The verdicts on {stream}")
    return [result.to_json() for result in results]


@flow(name="evaluate-windows", flow_run_name=scheduled.run_name("evaluate-windows"))
def evaluate_windows(
    config: str | None = None, stream: str | None = None, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Runs daily, and whenever labels arrive; a window whose labels are still out is left as it is."""
    states = {
        name: evaluate(name, periods, config, now, return_state=True)
        for name, periods in what_is_open(config, stream, now).items()
    }
    results = scheduled.finish("evaluate-windows", "evaluate", states, config=config, now=now, only=stream)
    return [window for windows in results.values() for window in windows]
