"""Deliver the alerts that wait in the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger

from calib import scheduled
from calib.redaction import only_what_may_be_shown


@flow(name="relay", flow_run_name=scheduled.run_name("relay"))
def relay(config: str | None = None, now: datetime | None = None) -> dict[str, Any]:
    """Runs every few minutes; what cannot be delivered now is tried again, later and later."""
    with only_what_may_be_shown():
        opened = scheduled.open_and_migrate(config, now)
        report = opened.deliver()
        opened.record_run("relay")
    log = get_run_logger()
    log.info("delivered %(delivered)d, to retry %(retried)d, parked %(parked)d", report)
    for alert in report["kept"]:
        log.error("parked at %(place)s: %(kind)s of %(stream)s %(period)s: %(reason)s", alert)
    if report["unseen"]:
        log.warning("%(unseen)d alerts wait: no place is set where anybody would see them", report)
    return report
