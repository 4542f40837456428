"""One stream's error fails that stream's task run; the others go on; the flow run fails and names it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from conftest import NOW, World
from prefect_server import PrefectServer

from calib.cycle import Failure
from calib.errors import ArtifactError, InvalidInput, SourceError, StreamsFailed, Unavailable
from calib.scheduled import retry_if_outside

RUN = """
import sys
from datetime import datetime
from prefect.flows import load_flow_from_entrypoint
from calib.init import flows_folder
name, config, now = sys.argv[1:]
flow = load_flow_from_entrypoint(f"{flows_folder()}/{name}.py:{name}", use_placeholder_flow=False)
flow(config=config, now=datetime.fromisoformat(now), return_state=True)
"""


SECRET = "hunter2"


def four_streams(world: World) -> None:
    """The first of four names a column that is not there, the second an engine that nobody knows."""
    text = world.config.read_text()
    stream = text[text.index("[streams.triage]") :]
    broken = stream.replace("raw_confidence", "raw_confidance").replace("triage", "a-broken")
    unknown = stream.replace("triage", "b-unknown").replace(
        "parquet:traffic/*.parquet", f"quux://me:{SECRET}@127.0.0.1:1/logs#rows"
    )
    world.config.write_text("\n".join([broken, unknown, stream, stream.replace("triage", "fourth")]))


def run(name: str, world: World, server: PrefectServer) -> dict[str, Any]:
    """Run a flow in a process of its own; the run as the server knows it."""
    command = [sys.executable, "-c", RUN, name, str(world.config), NOW.isoformat()]
    done = subprocess.run(command, env=server.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    wanted = {"flow_runs": {"name": {"like_": name.replace("_", "-")}}, "sort": "START_TIME_DESC"}
    found: dict[str, Any] = server.ask("/flow_runs/filter", wanted)[0]
    return found


@pytest.mark.slow
def test_one_stream_fails_and_the_others_go_on(world: World, server: PrefectServer) -> None:
    from sqlalchemy import select

    from calib.db import tables, windows

    world.write("2026-05")
    four_streams(world)
    opening = run("open_windows", world, server)
    assert opening["name"] == f"open-windows {NOW:%Y-%m-%d %H:%M}"
    assert opening["state_type"] == "FAILED"
    said = opening["state"]["message"]
    assert "failed for 2, the others are done" in said
    assert "a-broken: " in said
    assert SECRET not in json.dumps(server.ask("/logs/filter", {"limit": 200})) + json.dumps(opening)
    tasks = server.task_runs(opening["id"])
    assert tasks["a-broken 2026-05"] == tasks["b-unknown 2026-05"] == "FAILED"
    assert tasks["triage 2026-05"] == tasks["fourth 2026-05"] == "COMPLETED"
    counts = server.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [opening["id"]]}}})
    assert {run["run_count"] for run in counts} == {1}  # a typo is not tried again

    evaluating = run("evaluate_windows", world, server)
    assert evaluating["state_type"] == "COMPLETED"
    tasks = server.task_runs(evaluating["id"])
    assert {name: state for name, state in tasks.items() if " " in name} == {
        "triage 2026-05": "COMPLETED",
        "fourth 2026-05": "COMPLETED",
    }
    with world.open().engine.connect() as conn:
        columns = (tables.outbox.c.period, tables.outbox.c.kind)
        alerts = conn.execute(select(*columns).where(tables.outbox.c.stream == "a-broken")).all()
        states = {s: windows.find(conn, s, "2026-05") for s in ("a-broken", "triage", "fourth")}
    assert alerts == [(f"{NOW:%Y-%m-%d}", "stream_failed")]
    assert states["a-broken"] is None
    assert states["triage"] is not None
    assert states["fourth"] is not None
    assert (states["triage"].state, states["fourth"].state) == ("closed", "closed")


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (InvalidInput("a typo"), False),
        (ArtifactError("a file that was changed"), False),
        (SourceError("the engine is down"), True),
        (Unavailable("the store is down"), True),
        (OSError("the network is down"), True),
    ],
)
def test_only_what_lies_outside_is_tried_again(error: Exception, again: bool) -> None:
    from prefect.states import Failed

    assert retry_if_outside(None, None, Failed(data=error)) is again


def test_a_failed_stream_leaves_an_alert_and_a_database_that_is_down_hides_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.states import Completed, Failed

    from calib import scheduled

    recorded: list[tuple[str, str]] = []

    def record(_: object, failures: list[Failure], *, now: Any, verb: str, whole: bool) -> None:
        assert (now(), verb, whole) == (NOW, "sample", True)
        recorded.extend((one.stream, str(one.error)) for one in failures)

    monkeypatch.setattr(scheduled, "record_failures", record)
    states = {"good": Completed(data=1), "bad": Failed(data=InvalidInput("no column x"))}
    with pytest.raises(
        StreamsFailed, match=r"open-windows: failed for 1, the others are done.*bad: no column x"
    ):
        scheduled.finish("open-windows", "sample", states, config=str(world.config), now=NOW)
    assert recorded == [("bad", "no column x")]
    assert scheduled.finish("x", "x", {"good": Completed(data=1)}, config=None, now=NOW) == {"good": 1}
    with pytest.raises(StreamsFailed, match="bad: no column x"):
        scheduled.finish("open-windows", "sample", states, config=str(world.folder / "gone.toml"), now=NOW)


@pytest.mark.slow
def test_what_there_is_to_do(world: World) -> None:
    from calib import cycle, scheduled
    from calib.period import Period

    config = str(world.config)
    assert scheduled.streams_to_open(config, None, NOW) == {"triage": "2026-05"}
    assert scheduled.streams_to_evaluate(config, None, NOW) == {}
    opened = world.open()
    for period in ("2026-03", "2026-04"):
        watch, ports = opened.watch("triage"), opened.ports("triage")
        cycle.open_window(watch, ports, Period.parse(period, "month"), channel="production")
    assert scheduled.streams_to_evaluate(config, "triage", NOW) == {"triage": "2026-03, 2026-04"}
    assert scheduled.streams_to_watch(config, None, NOW) == ["triage"]
    with pytest.raises(InvalidInput, match="did you mean 'triage'"):
        scheduled.streams_to_open(config, "triag", NOW)
    assert json.dumps(scheduled.probes_to_run(config, None, NOW)) == "{}"
