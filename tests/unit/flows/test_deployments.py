"""prefect.yaml, as `calib init` writes it, names flows that exist, on schedules that are schedules."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from conftest import NOW

from calib.events import EVENT, RESOURCE
from calib.init import flows_folder
from calib.init.data import template


def deployments() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(template("prefect.yaml"))["deployments"]
    return found


def load(entrypoint: str) -> Any:
    """A flow as Prefect loads it, from `flows/FILE.py:NAME`."""
    from prefect.flows import load_flow_from_entrypoint

    return load_flow_from_entrypoint(
        str(flows_folder().parent) + "/" + entrypoint.replace("flows", flows_folder().name, 1),
        use_placeholder_flow=False,
    )


@pytest.mark.parametrize("deployment", deployments(), ids=lambda d: d["entrypoint"])
def test_each_deployment_points_at_a_flow(deployment: dict[str, Any]) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    flow = load(deployment["entrypoint"])
    assert flow.validate_parameters({"config": "calib.toml", "now": NOW})["now"] == NOW
    assert deployment["name"].startswith(f"{flow.name}-")
    for schedule in deployment["schedules"]:
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


def test_every_flow_is_deployed_once_under_a_name_of_its_own() -> None:
    files = {path.stem for path in flows_folder().glob("*.py")}
    entrypoints = [d["entrypoint"] for d in deployments()]
    assert sorted(entrypoints) == sorted(f"flows/{name}.py:{name}" for name in files)
    names = [d["name"] for d in deployments()]
    assert len(set(names)) == len(names)


def test_the_deployment_waits_for_what_is_emitted() -> None:
    triggers = [trigger for one in deployments() for trigger in one.get("triggers", [])]
    assert [trigger["expect"] for trigger in triggers] == [[EVENT]]
    assert triggers[0]["match"]["prefect.resource.id"] == RESOURCE.format("*")


@pytest.mark.parametrize("deployment", deployments(), ids=lambda d: d["entrypoint"])
def test_each_task_is_tried_again_after_a_minute_and_after_ten(deployment: dict[str, Any]) -> None:
    """All but relay and erase, whose next run is the next try."""
    import inspect

    from prefect import Task

    from calib.scheduled import retry_if_outside

    module = inspect.getmodule(load(deployment["entrypoint"]).fn)
    tasks = [value for value in vars(module).values() if isinstance(value, Task)]
    assert bool(tasks) == (deployment["name"] not in ("relay-every-five-minutes", "erase-daily"))
    for task in tasks:
        assert (task.retries, task.retry_delay_seconds) == (2, [60, 600])
        assert task.retry_condition_fn is retry_if_outside


@pytest.mark.parametrize("deployment", deployments(), ids=lambda d: d["entrypoint"])
def test_no_secret_of_a_librarys_error_reaches_prefects_log(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect logs whatever leaves a task, and each flow without tasks, with what caused it."""
    import inspect
    import traceback

    from prefect import Task

    from calib import scheduled
    from calib.errors import UnexpectedError

    secret = "hunter" + "2"

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"no route to postgresql://me:{secret}@db/logs")

    for name in ("open_app", "open_and_migrate"):
        monkeypatch.setattr(scheduled, name, fail)
    flow = load(deployment["entrypoint"])
    module = inspect.getmodule(flow.fn)
    tasks = [value for value in vars(module).values() if isinstance(value, Task)]
    for work in tasks or [flow]:
        arguments = dict.fromkeys(inspect.signature(work.fn).parameters)
        with pytest.raises(UnexpectedError) as raised:
            work.fn(**arguments)
        assert secret not in "".join(traceback.format_exception(raised.value))
