"""Take every open window as far as its labels allow: measure, decide, refit, publish, alert."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task

from calib.cycle import evaluate_open
from calib.redaction import only_what_may_be_shown
from flows.deployment import deployment


@task(name="evaluate-windows-of-stream", retries=2, retry_delay_seconds=[60, 600])
@only_what_may_be_shown()
def evaluate_stream(config: str | None, stream: str, now: datetime | None) -> list[dict[str, Any]]:
    """Evaluate one stream's open windows, oldest first."""
    opened = deployment(config, now)
    results = evaluate_open(opened.watch(stream), opened.ports(stream))
    return [result.to_json() for result in results]


@flow(name="evaluate-windows", flow_run_name="evaluate-windows")
@only_what_may_be_shown()
def evaluate_windows(
    config: str | None = None, stream: str | None = None, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Runs daily, and whenever labels arrive; a window whose labels are still out is left as it is."""
    log = get_run_logger()
    results: list[dict[str, Any]] = []
    for name in deployment(config, now).streams(stream):
        for result in evaluate_stream(config, name, now):
            log.info(
                "%s %s: %s, change %s", name, result["period"], result["state"], result["change"]["state"]
            )
            results.append(result)
    return results
