"""Open the windows that are due: sample the last period's traffic and put it up for review."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task

from calib.cycle import open_due
from calib.redaction import only_what_may_be_shown
from flows.deployment import deployment


@task(name="open-window", retries=2, retry_delay_seconds=[60, 600])
@only_what_may_be_shown()
def open_stream(config: str | None, stream: str, now: datetime | None) -> dict[str, Any] | None:
    """Open one stream's latest due window; None where it is open already."""
    opened = deployment(config, now)
    result = open_due(opened.watch(stream), opened.ports(stream))
    return None if result is None else result.to_json()


@flow(name="open-windows", flow_run_name="open-windows")
@only_what_may_be_shown()
def open_windows(
    config: str | None = None, stream: str | None = None, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Runs daily and opens each stream's window once its period has ended and settled."""
    log = get_run_logger()
    results = []
    for name in deployment(config, now).streams(stream):
        result = open_stream(config, name, now)
        if result is None:
            log.info("%s: no window is due", name)
            continue
        log.info(
            "%s %s: %s, %d rows to label", name, result["period"], result["state"], result["sample"]["n"]
        )
        results.append(result)
    return results
