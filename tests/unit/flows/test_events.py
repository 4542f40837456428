"""New labels reach a real Prefect server as the event that the deployment waits for."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import World

from flows.events import EVENT, RESOURCE, labels_arrived

ROOT = Path(__file__).resolve().parents[3]


def test_the_deployment_waits_for_what_is_emitted() -> None:
    deployments = yaml.safe_load((ROOT / "infra" / "prefect.yaml").read_text())["deployments"]
    triggers = [trigger for one in deployments for trigger in one.get("triggers", [])]
    assert [trigger["expect"] for trigger in triggers] == [[EVENT]]
    assert triggers[0]["match"]["prefect.resource.id"] == RESOURCE.format("*")


def test_without_a_prefect_nothing_is_told_and_nothing_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert labels_arrived("triage") is False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A Prefect server of its own on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1"}
    environment |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--no-ui"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None, "the server did not start"
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def events(url: str, name: str) -> list[dict[str, Any]]:
    body = json.dumps({"filter": {"event": {"name": [name]}}, "limit": 10}).encode()
    ask = urllib.request.Request(
        f"{url}/events/filter", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(ask, timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["events"]
    return found


@pytest.mark.slow
def test_an_import_of_labels_is_an_event_on_the_server(world: World, server: str) -> None:
    from calib.cli.output import DONE

    world.settings(review='review = { kind = "files" }')
    environment = os.environ | {"PREFECT_API_URL": server, "PREFECT_LOGGING_LEVEL": "ERROR"}

    def calib(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "calib", *words, "--config", str(world.config), "--json"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert calib("run", "triage", "--period", "2026-01").returncode == DONE
    todo = world.folder / "todo.csv"
    assert calib("labels", "export", "triage", "--to", str(todo)).returncode == DONE
    lines = todo.read_text().splitlines()
    todo.write_text("\n".join([lines[0], *(line + "correct" for line in lines[1:4])]) + "\n")
    imported = calib("labels", "import", str(todo))
    assert json.loads(imported.stdout)["new"] == 3, imported.stderr
    for _ in range(40):
        if found := events(server, EVENT):
            break
        time.sleep(0.5)
    assert [event["resource"]["prefect.resource.id"] for event in found] == [RESOURCE.format("triage")]
    assert json.loads(calib("labels", "import", str(todo)).stdout)["new"] == 0
    time.sleep(2)
    assert len(events(server, EVENT)) == 1  # nothing new, nothing told
