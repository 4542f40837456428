"""infra/prefect.yaml names flows that exist, on schedules that are schedules."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import NOW, World

ROOT = Path(__file__).resolve().parents[3]


def deployments() -> list[dict[str, Any]]:
    return yaml.safe_load((ROOT / "infra" / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", deployments(), ids=lambda d: d["entrypoint"])
def test_each_deployment_points_at_a_flow(deployment: dict[str, Any]) -> None:
    from prefect import Flow
    from prefect.client.schemas.schedules import CronSchedule

    path, _, name = deployment["entrypoint"].partition(":")
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    assert isinstance(getattr(module, name), Flow)
    for schedule in deployment["schedules"]:
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


def test_all_five_flows_are_deployed() -> None:
    names = {d["entrypoint"].rpartition(":")[2] for d in deployments()}
    assert names == {"open_windows", "evaluate_windows", "probe", "relay", "watchdog"}


def test_a_stream_that_is_not_set_is_refused_before_anything_runs(world: World) -> None:
    from calib.errors import InvalidInput
    from flows.deployment import deployment

    opened = deployment(str(world.config), NOW)
    assert opened.streams(None) == ["triage"]
    with pytest.raises(InvalidInput, match="triage"):
        opened.streams("triag")
