"""Ask the fixed questions of each probe again: models change without a word."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task

from calib import scheduled
from calib.probe import run_probe
from calib.redaction import only_what_may_be_shown


@task(retries=2, retry_delay_seconds=[60, 600], retry_condition_fn=scheduled.retry_if_outside)
@only_what_may_be_shown()
def what_to_ask(config: str | None, name: str | None, now: datetime | None) -> dict[str, str]:
    """Each probe with the period that is asked now."""
    return scheduled.probes_to_run(config, name, now)


@task(
    task_run_name="{name} {period}",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=scheduled.retry_if_outside,
)
@only_what_may_be_shown()
def ask(name: str, period: str, config: str | None, now: datetime | None) -> dict[str, Any]:
    """Run one probe; what an earlier attempt has asked is not asked again."""
    opened = scheduled.open_app(config, now)
    result = run_probe(
        opened.probe(name), period=period, engine=opened.engine, asks=opened.endpoint(name), now=opened.now
    )
    log = get_run_logger()
    if result["state"] == "first":
        log.warning("%s: no answers are accepted yet; calib probe %s --accept", name, name)
    log.info("%s %s: %s, %d questions read", name, period, result["state"], result["readable"])
    return result


@flow(name="probe", flow_run_name=scheduled.run_name("probe"))
def probe(
    config: str | None = None, name: str | None = None, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Runs daily; a probe whose period has been asked already, as by `every = "week"`, asks nothing."""
    states = {
        probe_name: ask(probe_name, period, config, now, return_state=True)
        for probe_name, period in what_to_ask(config, name, now).items()
    }
    return list(scheduled.finish("probe", "probe", states, config=config, now=now, only=name).values())
