"""The bare wheel serves: no numpy, no obstore, no site-packages at all."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import World

ROOT = Path(__file__).resolve().parents[2]

SERVE = """
import sys
sys.path.insert(0, sys.argv[1])
from calib.client import MappingClient
client = MappingClient("file:" + sys.argv[2], stream="triage", cache=sys.argv[3], background=False)
client.refresh_now()
answer = client.calibrate(0.9)
print(answer.status, answer.value, "numpy" in sys.modules, "obstore" in sys.modules)
"""


INSTALLED = """
import sys, importlib.util
sys.path.insert(0, sys.argv.pop(1))
import calib
from calib.init import flows_folder
assert importlib.util.find_spec("flows") is None, "the wheel brings a package called flows"
assert str(flows_folder()).startswith(sys.path[0]), flows_folder()
from calib.cli import main
main()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_what_the_wheel_installs_makes_a_folder_and_brings_no_package_called_flows(
    wheel: Path, tmp_path: Path
) -> None:
    """The dependencies are this environment's; the package is the wheel's alone."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    dependencies = sysconfig.get_path("purelib")
    code = f"import sys; sys.path.append({dependencies!r}){INSTALLED}"
    work = tmp_path / "work"
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "site"), "init", str(work)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for flow in (ROOT / "flows").glob("*.py"):
        assert (work / "flows" / flow.name).read_text() == flow.read_text()
    assert (work / "calib.db").is_file()


@pytest.mark.slow
def test_the_client_of_the_wheel_runs_on_the_standard_library_alone(
    world: World, wheel: Path, tmp_path: Path
) -> None:
    from calib import cycle
    from calib.period import Period
    from calib.store import head, read_mapping

    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    period = Period.parse("2026-01", "month")
    cycle.advance(cycle.open_window(watch, ports, period, channel="production"), ports)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "bare")
    assert "calib/py.typed" in names
    assert "calib/db/migrations/versions/0001_first_tables.py" in names
    assert not [name for name in names if name.startswith("flows")]
    for flow in (ROOT / "flows").glob("*.py"):
        assert f"calib/init/flows/{flow.name}" in names
    for template in ("prefect.yaml", "automations.yaml", "crontab", "gitignore"):
        assert f"calib/init/{template}" in names
    page = (ROOT / "docs" / "how-to" / "runbook.md").read_bytes()
    assert (tmp_path / "bare" / "calib" / "alerts" / "runbook.md").read_bytes() == page
    assert {"calib/report/templates/report.html", "calib/report/templates/style.css"} <= set(names)
    assert not [name for name in names if name.startswith("tests/")]
    command = [sys.executable, "-I", "-S", "-c", SERVE, str(tmp_path / "bare")]
    command += [str(world.folder / "mappings"), str(tmp_path / "cache")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    status, value, numpy, obstore = done.stdout.split()
    entry = head(ports.store, stream="triage", channel="production")
    assert entry is not None
    mapping = read_mapping(ports.store, stream="triage", digest=entry.mapping)
    assert (float(value), numpy, obstore) == (mapping.apply(0.9), "False", "False")
    assert status in ("FRESH", "STALE")
