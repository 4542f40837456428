"""The Compose file is read by Compose itself, and the commands of its store do what they are there for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from object_servers import free_port_pair, running, s3_client

INFRA = Path(__file__).resolve().parents[2] / "infra"
SECRETS = {
    "POSTGRES_PASSWORD": "of-postgres",
    "STORE_KEY": "of-the-store",
    "STORE_SECRET": "of-the-store-too",
}

OF_DASHBOARDS = {
    "GRAFANA_DATABASE_PASSWORD": "of-grafanas-role",
    "GRAFANA_ADMIN_PASSWORD": "of-grafanas-admin",
    "CALIB_METRICS_TOKEN": "of-the-metrics-token",
}


def config(*more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    compose = shutil.which("docker-compose")
    assert compose, "docker-compose is missing: `make infra-tools` installs it"
    kept = {"PATH": os.environ["PATH"]} | environment
    files = [word for name in ("compose.yaml", *more) for word in ("-f", INFRA / name)]
    command = [compose, *files, "config"]
    return subprocess.run(command, env=kept, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    done = config(**SECRETS)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return read


@pytest.mark.slow
def test_nothing_starts_with_a_password_of_ours(services: dict[str, Any]) -> None:
    assert len(services) == 7
    for name in SECRETS:
        without = config(**{key: value for key, value in SECRETS.items() if key != name})
        assert without.returncode != 0
        assert f"write {name} into infra/.env" in without.stderr
    lines = (INFRA / "example.env").read_text().splitlines()
    examples = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
    assert {name: examples[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")


def test_only_this_machine_reaches_the_pages(services: dict[str, Any]) -> None:
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert {name for name, given in ports.items() if given} == {"prefect", "web"}
    for given in ports.values():
        assert all(str(port).startswith("127.0.0.1:") for port in given), given


def test_our_containers_write_nowhere_and_read_the_settings(services: dict[str, Any]) -> None:
    for name in ("deploy", "worker", "web", "prefect"):
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
        if name != "prefect":
            (mount,) = services[name]["volumes"]
            assert str(mount).endswith(":/srv/calib:ro"), name
            assert services[name]["environment"]["CALIB_DATABASE"].startswith(
                "postgresql+psycopg://calib:of-"
            )


@pytest.mark.slow
def test_the_store_makes_its_bucket_once_and_answers_its_health_check(services: dict[str, Any]) -> None:
    """The commands of `store` and `bucket`, with loopback and free ports for the containers' own."""
    import time
    import urllib.request

    scratch = Path(tempfile.mkdtemp(prefix="compose-store-"))
    ports = {name: free_port_pair() for name in ("master", "volume", "filer", "s3")}
    weed = str(Path(sys.executable).with_name("weed"))
    given = [word.replace("/data", str(scratch)) for word in services["store"]["command"]]
    given = [word.replace("0.0.0.0", "127.0.0.1") for word in given]  # noqa: S104
    more = [f"-{name}.port={port}" for name, port in ports.items()]
    more += ["-ip=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    keys = services["store"]["environment"]
    environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}", "AWS_REGION": "us-east-1"} | keys
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        with running([weed, *given, *more], ports["s3"], stop=signal.SIGKILL, scratch=scratch):
            health = services["store"]["healthcheck"]["test"][-1].replace(":8333", f":{ports['s3']}")
            assert urllib.request.urlopen(health, timeout=30).status == 200
            (script,) = services["bucket"]["command"]
            script = script.replace("store:9333", f"127.0.0.1:{ports['master']}").replace(
                "weed shell", f"{weed} shell"
            )
            deadline = time.monotonic() + 60
            for _ in range(2):  # the second time it is there, and nothing is done
                done = subprocess.run(["/bin/sh", "-ec", script], capture_output=True, text=True, check=False)
                while done.returncode != 0 and time.monotonic() < deadline:
                    time.sleep(0.5)
                    done = subprocess.run(
                        ["/bin/sh", "-ec", script], capture_output=True, text=True, check=False
                    )
                assert done.returncode == 0, done.stdout + done.stderr
            client = s3_client(environment)
            assert [each["Name"] for each in client.list_buckets()["Buckets"]] == ["calibration"]
            client.put_object(Bucket="calibration", Key="mappings/a", Body=b"1", IfNoneMatch="*")
