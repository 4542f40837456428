"""prefect.yaml, as `calib init` writes it, names flows that exist, on schedules that are schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import NOW

from calib.events import EVENT, RESOURCE
from calib.init import flows_folder
from calib.init.data import deployments_text, template


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


@pytest.mark.slow
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


def triggers(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(one for one in deployments() if one["name"] == name)["triggers"]
    return found


def test_the_deployment_waits_for_what_is_emitted() -> None:
    (trigger,) = triggers("evaluate-windows-daily")
    assert trigger["expect"] == [EVENT]
    assert trigger["match"]["prefect.resource.id"] == RESOURCE.format("*")


def test_no_run_that_died_can_keep_others_from_starting() -> None:
    """A limit of a deployment counts it until Prefect's lease ends, or for ever after a server's restart."""
    for deployment in deployments():
        assert "concurrency_limit" not in deployment
        assert deployment["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"


def test_the_automations_are_ones_that_prefect_takes() -> None:
    from prefect.events.schemas.automations import AutomationCore

    (died,) = yaml.safe_load(template("automations.yaml"))["automations"]
    automation = AutomationCore.model_validate(died)
    trigger: Any = automation.trigger
    assert (trigger.posture.value, trigger.within.total_seconds()) == ("Proactive", 90)
    tag = died["trigger"]["match_related"]["prefect.resource.id"].removeprefix("prefect.tag.")
    assert all(tag in one["tags"] for one in deployments())


@pytest.mark.parametrize("zones", [["UTC"], ["Europe/Vienna"], ["America/Lima", "Asia/Tokyo", "UTC"]])
def test_each_daily_deployment_runs_in_the_time_zone_of_every_stream(zones: list[str]) -> None:
    before = {one["name"]: one["schedules"] for one in deployments()}
    made = yaml.safe_load(deployments_text(zones))["deployments"]
    assert len(made) == len(before)
    for deployment in made:
        (schedule,) = before[deployment["name"]]
        mine = ["UTC"] if deployment["name"].startswith("relay") else zones
        expected = [{"cron": schedule["cron"], "timezone": zone} for zone in mine]
        assert deployment["schedules"] == expected


def test_init_writes_the_zones_that_calib_toml_names(tmp_path: Path) -> None:
    from calib.init.folder import prepare

    streams = "".join(
        f'[streams.{name}]\ntraffic = "csv:log.csv"\ntimezone = "{zone}"\n'
        for name, zone in (("a", "Europe/Vienna"), ("b", "Asia/Tokyo"), ("c", "Asia/Tokyo"))
    )
    (tmp_path / "calib.toml").write_text(streams)
    prepare(tmp_path, traffic=None, cwd=tmp_path)
    made = yaml.safe_load((tmp_path / "prefect.yaml").read_text())["deployments"]
    zones = {schedule["timezone"] for schedule in made[0]["schedules"]}
    assert zones == {"Asia/Tokyo", "Europe/Vienna"}


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
