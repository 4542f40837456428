"""The examples of docs/how-to/serving.md run as they stand, against a store that has a mapping."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from object_servers import free_port
from service_processes import PATIENCE, ask, channel, command_line, descendants, service, wait_for

from calib.client import MappingClient
from calib.format import Mapping
from calib.store import open_store
from calib.testing.mappings import a_mapping, put

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "serving.md"


@pytest.fixture
def mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping:
    """What `file:mappings` has in the folder that the examples run in."""
    monkeypatch.chdir(tmp_path)
    certificates = ({"target": 0.9, "cut": 0.9},)
    made = a_mapping(stream="support-triage", scope={"model": "gpt-4o"}, certificates=certificates)
    put(open_store("file:mappings"), made, at=datetime.now(UTC), expires_at=None)
    return made


def example(word: str) -> dict[str, Any]:
    """Run the one block that holds `word`."""
    (code,) = [block for block in blocks() if word in block]
    names: dict[str, Any] = {}
    exec(compile(code, PAGE.name, "exec"), names)  # noqa: S102
    return names


def blocks() -> list[str]:
    import re

    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_a_service(mapping: Mapping) -> None:
    import asyncio

    import httpx

    names = example("/triage")
    assert isinstance(names["client"], MappingClient)
    names["client"].refresh_now()

    async def ask(confidence: float) -> dict[str, Any]:
        transport = httpx.ASGITransport(app=names["app"])
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as web:
            answer = await web.get("/triage", params={"confidence": confidence, "question": "which?"})
            return dict(answer.json())

    for confidence, automatic in ((0.93, True), (0.5, False)):
        wanted = {"served": mapping.apply(confidence), "mapping": mapping.digest, "automatic": automatic}
        assert asyncio.run(ask(confidence)) == wanted
    names["client"].close()


def test_a_service_that_is_ready_when_it_knows_what_to_serve(mapping: Mapping) -> None:
    import asyncio

    import httpx

    names = example('"/ready"')
    assert names["client"].wait_ready(PATIENCE)

    async def ask() -> tuple[int, dict[str, Any]]:
        transport = httpx.ASGITransport(app=names["app"])
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as web:
            answer = await web.get("/ready")
            return answer.status_code, dict(answer.json())

    assert asyncio.run(ask()) == (200, {"ready": True, "state": "FRESH"})
    names["client"].close()


def test_a_listener(mapping: Mapping, caplog: pytest.LogCaptureFixture) -> None:
    names = example("on_state_change=changed")
    assert names["client"].wait_ready(PATIENCE)
    wait_for(lambda: "calibration is FRESH" in caplog.text, "the listener")
    names["client"].close()


def test_a_mapping_of_one_s_own(mapping: Mapping) -> None:
    example("own.json")
    assert Mapping.from_bytes(Path("own.json").read_bytes()).apply(0.9) < 0.9


def test_a_batch_over_pandas(mapping: Mapping) -> None:
    names = example("pandas")
    assert names["table"]["served"].tolist() == [mapping.apply(r) for r in (0.62, 0.93, 0.99)]
    assert set(names["table"]["mapping"]) == {mapping.digest}
    assert names["status"] == "FRESH"


def test_a_batch_over_polars_and_arrow(mapping: Mapping) -> None:
    names = example("polars")
    wanted = [mapping.apply(r) for r in (0.62, 0.93, 0.99)]
    assert names["frame"]["served"].to_list() == wanted
    assert names["arrow"]["served"].to_pylist() == wanted


def test_a_hook_that_logs_what_was_served(mapping: Mapping) -> None:
    names = example("hooks=[log]")
    names["client"].refresh_now()
    names["client"].calibrate(0.93, context="prediction-2")
    row = {"prediction_id": "prediction-2", "served": mapping.apply(0.93), "mapping": mapping.digest}
    assert names["rows"][-1] == row
    assert names["rows"][0]["prediction_id"] == "prediction-1"
    names["client"].close()


SERVICE = """
import json, os
from calib.client import MappingClient

def start():
    global client
    client = MappingClient(os.environ["STORE"], stream="triage", refresh=0.1)

def application(environ, start_response):
    status = client.status()
    body = json.dumps({"pid": os.getpid(), "state": status.state, "reason": status.reason}).encode()
    start_response("200 OK", [("Content-Length", str(len(body))), ("Connection", "close")])
    return [body]
"""


@pytest.mark.slow
def test_a_client_that_gunicorn_makes_after_the_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker reads by itself, though the application was loaded before the fork."""
    (recipe,) = [block for block in blocks() if "post_worker_init" in block]
    (tmp_path / "gunicorn.conf.py").write_text(recipe)
    (tmp_path / "service.py").write_text(SERVICE)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--preload", "-b", f"127.0.0.1:{port}"]
    command += ["--no-control-socket", "service:application"]
    with channel("http", tmp_path, monkeypatch) as where:
        where.environment["STORE"] = where.url
        with service(command, where, tmp_path) as process:
            wait_for(lambda: ask(port).get("state") == "FRESH", process.args)
            assert [pid for pid in descendants(process.pid) if "fork_worker" in command_line(pid)] == []
            process.terminate()
            process.communicate(timeout=PATIENCE)


def test_every_example_is_run_here() -> None:
    assert len(blocks()) == 8
