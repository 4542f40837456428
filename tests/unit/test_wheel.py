"""The bare wheel serves: no numpy, no obstore, no site-packages at all."""

from __future__ import annotations

import subprocess
import sys
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


@pytest.mark.slow
def test_the_client_of_the_wheel_runs_on_the_standard_library_alone(world: World, tmp_path: Path) -> None:
    from calib import cycle
    from calib.period import Period
    from calib.store import head, read_mapping

    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    period = Period.parse("2026-01", "month")
    cycle.advance(cycle.open_window(watch, ports, period, channel="production"), ports)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "bare")
    assert "calib/py.typed" in names
    assert "calib/db/migrations/versions/0001_first_tables.py" in names
    assert "flows/open_windows.py" in names
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
