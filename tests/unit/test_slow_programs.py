"""Whole folders of tests are slow, and a fast test cannot start a program that takes a second to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from object_servers import MOTO
from slow_programs import mark_slow, pytest_ignore_collect

VERSION = [sys.executable, "-m", "calib", "--version"]


@pytest.mark.parametrize(
    "command",
    [
        VERSION,
        ["/somewhere/bin/calib", "--version"],
        ["prefect", "version"],
        [sys.executable, "-c", "a helper", "/somewhere/bin/initdb", "-D", "data"],
        [sys.executable, "-c", MOTO],
    ],
    ids=["module", "program", "prefect", "postgresql", "moto"],
)
def test_a_fast_test_may_not_start_one(command: list[str]) -> None:
    with pytest.raises(AssertionError, match=r"mark it with pytest\.mark\.slow"):
        subprocess.run(command, check=True, timeout=60)


def test_a_fast_test_may_start_anything_else() -> None:
    assert subprocess.run([sys.executable, "-c", "# -m calib", "calib"], check=True).returncode == 0


@pytest.mark.slow
def test_a_slow_test_may() -> None:
    assert subprocess.run(VERSION, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("place", "slow"),
    [
        ("integration/cycle/test_it.py", True),
        ("real/test_it.py", True),
        ("dashboards/test_evidently_of_anything.py", True),
        ("unit/db/test_it.py", False),
    ],
)
def test_folders_and_files_are_slow_as_a_whole(place: str, slow: bool, pytestconfig: pytest.Config) -> None:
    marks: list[Any] = []
    path = Path(pytestconfig.rootpath) / "tests" / place
    item: Any = SimpleNamespace(path=path, config=pytestconfig, add_marker=marks.append)
    mark_slow([item])
    assert bool(marks) is slow
    fast: Any = SimpleNamespace(option=SimpleNamespace(markexpr="not slow"), rootpath=pytestconfig.rootpath)
    every: Any = SimpleNamespace(option=SimpleNamespace(markexpr=""), rootpath=pytestconfig.rootpath)
    assert bool(pytest_ignore_collect(path, fast)) is slow
    assert pytest_ignore_collect(path, every) is None


@pytest.mark.parametrize(
    ("fixtures", "parameters", "slow"),
    [
        (["tmp_path", "postgres_server"], {}, True),
        (["url"], {"url": "s3"}, True),
        (["database_url"], {"database_url": "postgresql"}, True),
        (["database_url"], {"database_url": "sqlite", "n": 3, "kinds": ["s3"]}, False),
        (["tmp_path"], {}, False),
    ],
)
def test_what_asks_for_a_server_is_slow(
    fixtures: list[str], parameters: dict[str, Any], slow: bool, pytestconfig: pytest.Config
) -> None:
    marks: list[Any] = []
    item: Any = SimpleNamespace(
        path=Path(pytestconfig.rootpath) / "tests" / "unit" / "test_it.py",
        config=pytestconfig,
        add_marker=marks.append,
        fixturenames=fixtures,
        callspec=SimpleNamespace(params=parameters),
    )
    mark_slow([item])
    assert bool(marks) is slow


def test_a_server_that_nobody_announced_is_refused_to_a_fast_test(request: pytest.FixtureRequest) -> None:
    with pytest.raises(AssertionError, match=r"mark it with pytest\.mark\.slow"):
        request.getfixturevalue("s3_server")
