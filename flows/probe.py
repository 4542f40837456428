"""Ask the fixed questions again: models change without a word."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task

from calib.probe import run_probe
from calib.redaction import only_what_may_be_shown
from flows.deployment import deployment


@task(name="run-probe", retries=2, retry_delay_seconds=[60, 600])
@only_what_may_be_shown()
def run_one(config: str | None, name: str, now: datetime | None) -> dict[str, Any]:
    """Run one probe; what an earlier attempt has asked is not asked again."""
    opened = deployment(config, now)
    wanted = opened.probe(name)
    period = wanted.period(opened.now())
    asks = opened.endpoint(name)
    return run_probe(wanted, period=period, engine=opened.engine, asks=asks, now=opened.now)


@flow(name="probe", flow_run_name="probe")
@only_what_may_be_shown()
def probe(
    config: str | None = None, name: str | None = None, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Runs daily; a probe whose period has been asked already, as by `every = "week"`, asks nothing."""
    log = get_run_logger()
    results = []
    for one in deployment(config, now).probes(name):
        result = run_one(config, one, now)
        if result["state"] == "first":
            log.warning("%s: nothing is accepted yet; calib probe %s --accept", one, one)
        log.info("%s %s: %s, %d questions read", one, result["period"], result["state"], result["readable"])
        results.append(result)
    return results
