"""A copy of the deployment that calibwatch 0.1.0 left, for the present version to carry on.

The tests use the command line and files alone, so that they hold whatever is rebuilt inside.
"""

from __future__ import annotations

import json
import lzma
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from carried import GOLDEN, Carried, clock, in_a_process, upgrade
from in_process import Ran, run_calib
from postgres import Postgres

from calib.testing.model import KEY


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """What 0.1.0 reported of its deployment, and how it went on itself."""
    return json.loads(lzma.decompress((GOLDEN / "expected.json.xz").read_bytes()))


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployment as it was left; tests work on copies."""
    folder = tmp_path_factory.mktemp("original")
    with tarfile.open(GOLDEN / "deployment.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """The command line inside the test's own process."""
    for name in ("SLACK_BOT_TOKEN", "CALIB_DATABASE", "CALIB_STORE", "CALIB_CONFIG", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUMS_KEY", KEY)
    monkeypatch.setenv("LOGNAME", "maria")

    def run(*arguments: Any, now: datetime) -> Ran:
        monkeypatch.setitem(clock(), "now", lambda: now)
        return run_calib(monkeypatch, capsys, *arguments)

    return run


@pytest.fixture
def left(
    original: Path,
    tmp_path: Path,
    expected: dict[str, Any],
    command: Callable[..., Ran],
    real_migrations: None,
) -> Carried:
    """The deployment exactly as 0.1.0 left it, its database on SQLite."""
    folder = tmp_path / "deployment"
    shutil.copytree(original, folder)
    return Carried(folder, expected, command)


@pytest.fixture
def carried(left: Carried) -> Carried:
    """The same, once its owner has done what docs/how-to/upgrading.md asks for."""
    upgrade(left)
    return left


@pytest.fixture
def on_postgres(left: Carried, postgres_server: Postgres, postgres_url: str) -> Carried:
    """The deployment exactly as 0.1.0 left it, its database on PostgreSQL; commands run in processes."""
    dump = lzma.decompress((GOLDEN / "postgres.sql.xz").read_bytes())
    with postgres_server.connect(postgres_url.rpartition("/")[2]) as connection:
        connection.execute(dump)
    (left.folder / "calib.db").unlink()
    text = left.config.read_text()
    left.config.write_text(text.replace("sqlite:///calib.db", postgres_url))
    return replace(left, command=in_a_process)
