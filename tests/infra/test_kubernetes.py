"""The manifests as kustomize builds them, held against Kubernetes' own schemas."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from calib.cli.app import app
from calib.settings import load

KUBERNETES = Path(__file__).resolve().parents[2] / "infra" / "kubernetes"
VERSIONS = ("1.27", "1.33", "1.37")  # the oldest that has time zones of CronJobs, and newer ones


@pytest.fixture(scope="module")
def built() -> list[dict[str, Any]]:
    """What `kubectl apply --kustomize infra/kubernetes/example` would send."""
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl is missing: `make infra-tools` installs it"
    command = [kubectl, "kustomize", KUBERNETES / "example"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def pods(built: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pod of each object that starts one, by name."""
    found = {}
    for each in built:
        if each["kind"] == "CronJob":
            found[each["metadata"]["name"]] = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        elif each["kind"] == "Deployment":
            found[each["metadata"]["name"]] = each["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_its_schema(built: list[dict[str, Any]], version: str) -> None:
    import kubernetes_validate

    secret = yaml.safe_load((KUBERNETES / "example" / "secret.example.yaml").read_text())
    for each in (*built, secret):
        kubernetes_validate.validate(each, version, strict=True)


def test_every_pod_is_confined_and_finds_its_settings(built: list[dict[str, Any]]) -> None:
    (settings,) = [each["metadata"]["name"] for each in built if each["kind"] == "ConfigMap"]
    assert len(pods(built)) == 7
    for name, pod in pods(built).items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert not pod["automountServiceAccountToken"], name
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            assert container["image"].startswith("registry.example/"), name
            assert container["securityContext"]["readOnlyRootFilesystem"], name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
            assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/srv/calib", "/tmp"}  # noqa: S108
            assert {"memory"} <= set(container["resources"]["limits"]), name
        mounted = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
        assert mounted == [settings]


def test_the_jobs_are_those_of_the_crontab_at_the_same_times(built: list[dict[str, Any]]) -> None:
    """One table of schedules: a verb that `calib init` writes into a crontab runs here too."""
    crontab = (KUBERNETES.parents[1] / "calib" / "init" / "crontab").read_text()
    lines = [line.split() for line in crontab.splitlines() if " calib " in line and not line.startswith("#")]
    written = {words[words.index("calib") + 1]: " ".join(words[:5]) for words in lines}
    here = {}
    for each in built:
        if each["kind"] == "CronJob":
            (container,) = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
            here[container["args"][0]] = each["spec"]["schedule"]
    assert here == written
    from typer.main import get_command

    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(here) <= set(commands)


def test_the_settings_of_the_example_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = yaml.safe_load((KUBERNETES / "example" / "secret.example.yaml").read_text())
    for name, value in secret["stringData"].items():
        monkeypatch.setenv(name, value)
    settings = load(KUBERNETES / "example" / "calib.toml")
    assert settings.database.startswith("postgresql+psycopg://")
    assert list(settings.streams) == ["support-triage"]
