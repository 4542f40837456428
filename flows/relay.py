"""Deliver the alerts that wait in the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger

from calib import scheduled
from calib.cycle import deliver
from calib.redaction import only_what_may_be_shown


@flow(name="relay", flow_run_name=scheduled.run_name("relay"))
def relay(config: str | None = None, now: datetime | None = None) -> dict[str, Any]:
    """Runs every few minutes; what cannot be delivered now is tried again, later and later."""
    with only_what_may_be_shown():
        opened = scheduled.open_and_migrate(config, now)
        report = deliver(opened.engine, opened.sender(), now=opened.now)
        opened.record_run("relay")
    get_run_logger().info("delivered %(delivered)d, to retry %(retried)d, parked %(parked)d", report)
    return report
