"""Erase reviewers' contexts and models' replies that were kept for as long as the settings promise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger

from calib import scheduled
from calib.redaction import only_what_may_be_shown


@flow(name="erase", flow_run_name=scheduled.run_name("erase"))
def erase(config: str | None = None, now: datetime | None = None) -> list[dict[str, Any]]:
    """Runs daily; nothing else erases. What fails today is erased tomorrow."""
    with only_what_may_be_shown():
        opened = scheduled.open_and_migrate(config, now)
        fleet = opened.erase()
    for item in fleet.done:
        get_run_logger().info("%(stream)s: %(what)s of %(erased)d rows erased", item)
    return scheduled.finish_fleet("erase", "erase", fleet, config=config, now=now)
