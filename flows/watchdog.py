"""Find what did not happen: periods without a window, cohorts that are late, mappings about to expire."""

from __future__ import annotations

from datetime import datetime

from prefect import flow, get_run_logger

from calib.cycle import watch_over
from calib.redaction import only_what_may_be_shown
from flows.deployment import deployment


@flow(name="watchdog", flow_run_name="watchdog")
@only_what_may_be_shown()
def watchdog(
    config: str | None = None, stream: str | None = None, now: datetime | None = None
) -> list[dict[str, str]]:
    """Runs daily; `calib watchdog` does the same from plain cron, for the day Prefect itself is down."""
    opened = deployment(config, now)
    found: list[dict[str, str]] = []
    for name in opened.streams(stream):
        found.extend(watch_over(opened.watch(name), opened.ports(name)))
    for finding in found:
        get_run_logger().warning("%(stream)s %(period)s: %(kind)s", finding)
    return found
