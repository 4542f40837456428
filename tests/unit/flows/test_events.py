"""New labels reach a real Prefect server as the event that the deployment waits for, however it is named."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import World
from prefect_server import PrefectServer, environment, wait_for

from calib.events import EVENT, PATIENCE, RESOURCE, may_have_server

TELL = "import sys; from calib.events import labels_arrived; print(labels_arrived(sys.argv[1]))"
Place = Callable[
    [str, Path], dict[str, str]
]  # puts the address somewhere; returns what the environment needs


def in_environment(url: str, folder: Path) -> dict[str, str]:
    return {"PREFECT_API_URL": url}


def in_profile(url: str, folder: Path) -> dict[str, str]:
    home = folder / "of-prefect"
    home.mkdir()
    (home / "profiles.toml").write_text(f'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "{url}"\n')
    return {"PREFECT_HOME": str(home)}


def in_default_profile(url: str, folder: Path) -> dict[str, str]:
    (folder / ".prefect").mkdir()
    profiles = folder / ".prefect" / "profiles.toml"
    profiles.write_text(f'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "{url}"\n')
    return {"HOME": str(folder)}


def in_prefect_toml(url: str, folder: Path) -> dict[str, str]:
    (folder / "prefect.toml").write_text(f'[api]\nurl = "{url}"\n')
    return {}


def in_pyproject(url: str, folder: Path) -> dict[str, str]:
    (folder / "pyproject.toml").write_text(f'[tool.prefect.api]\nurl = "{url}"\n')
    return {}


def in_dotenv(url: str, folder: Path) -> dict[str, str]:
    (folder / ".env").write_text(f"PREFECT_API_URL={url}\n")
    return {}


PLACES = [in_environment, in_profile, in_default_profile, in_prefect_toml, in_pyproject, in_dotenv]


def without_prefect(folder: Path) -> dict[str, str]:
    """An environment in which nothing names a Prefect server."""
    plain = {k: v for k, v in environment(folder).items() if not k.startswith("PREFECT")}
    return plain | {"HOME": str(folder)}


def tell(stream: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TELL, stream]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_the_event_is_sent_wherever_prefect_finds_its_server(
    place: Place, server: PrefectServer, tmp_path: Path
) -> None:
    stream = f"s-{uuid.uuid4().hex[:12]}"
    said = tell(stream, tmp_path, without_prefect(tmp_path) | place(server.url, tmp_path))
    assert said.stdout == "True\n", said.stderr

    def arrived() -> list[str]:
        resources = [event["resource"]["prefect.resource.id"] for event in server.events(EVENT)]
        return [resource for resource in resources if resource == RESOURCE.format(stream)]

    assert wait_for(arrived, "the event") == [RESOURCE.format(stream)]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_each_place_is_a_trace(place: Place, tmp_path: Path) -> None:
    assert not may_have_server({"PATH": "/bin"}, cwd=tmp_path, home=tmp_path)
    named = place("http://127.0.0.1:1/api", tmp_path)
    named.pop("HOME", None)
    assert may_have_server(named, cwd=tmp_path, home=tmp_path)


def test_prefect_has_no_other_source_of_settings_than_those_that_are_looked_at() -> None:
    """If a release of Prefect adds one, `may_have_server` has to look there too."""
    from prefect.settings import Settings, get_current_settings
    from prefect.settings.models.api import APISettings

    sources = APISettings.settings_customise_sources(APISettings, *[None] * 4)  # type: ignore[arg-type]
    assert [type(source).__name__ for source in sources] == [
        "NoneType",  # arguments
        "EnvFilterSettingsSource",
        "FilteredDotEnvSettingsSource",
        "NoneType",  # secret files, of a folder that the settings would have to name:
        "PrefectTomlConfigSettingsSource",
        "PyprojectTomlConfigSettingsSource",
        "ProfileSettingsTomlLoader",
    ]
    assert APISettings.model_config.get("secrets_dir") is None
    assert APISettings.model_config["env_file"] == ".env"
    assert Settings.model_config["env_prefix"].startswith("PREFECT")
    assert APISettings.model_config["env_prefix"].startswith("PREFECT")
    assert get_current_settings() is not None


def test_without_a_trace_prefect_is_not_imported(tmp_path: Path) -> None:
    code = f"{TELL}; print('prefect' in sys.modules)"
    command = [sys.executable, "-c", code, "triage"]
    env = without_prefect(tmp_path)
    said = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    said = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers", [False, True], ids=["nobody listens", "somebody listens and says nothing"]
)
def test_a_server_that_is_down_is_no_error_and_soon_given_up(tmp_path: Path, answers: bool) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        if answers:
            mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/api"
        clock = "import logging, time, prefect.client.orchestration, prefect.events; "
        clock += "logging.basicConfig(); start = time.monotonic(); "
        code = f"{clock}{TELL}; print(time.monotonic() - start)"
        command = [sys.executable, "-c", code, "triage"]
        env = without_prefect(tmp_path) | {"PREFECT_API_URL": url}
        said = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=300
        )
    told, seconds = said.stdout.split()
    assert told == "False"
    assert float(seconds) < PATIENCE + 10
    assert "Prefect could not be informed of new labels of triage" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.slow
def test_an_import_of_labels_is_an_event_on_the_server(world: World, server: PrefectServer) -> None:
    from calib.cli.exit_codes import DONE

    stream = f"s-{uuid.uuid4().hex[:12]}"
    world.settings(review='review = { kind = "files" }')
    world.config.write_text(world.config.read_text().replace("triage", stream))

    def calib(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "calib", *words, "--config", str(world.config), "--json"]
        env = os.environ | server.environment
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def arrived() -> int:
        resources = [event["resource"]["prefect.resource.id"] for event in server.events(EVENT)]
        return resources.count(RESOURCE.format(stream))

    assert calib("run", stream, "--period", "2026-01").returncode == DONE
    todo = world.folder / "todo.csv"
    assert calib("labels", "export", stream, "--to", str(todo)).returncode == DONE
    lines = todo.read_text().splitlines()
    todo.write_text("\n".join([lines[0], *(line + "correct" for line in lines[1:4])]) + "\n")
    imported = calib("labels", "import", str(todo))
    assert json.loads(imported.stdout)["new"] == 3, imported.stderr
    assert wait_for(arrived, "the event") == 1
    assert json.loads(calib("labels", "import", str(todo)).stdout)["new"] == 0
    time.sleep(3)
    assert arrived() == 1  # nothing new, nothing told
