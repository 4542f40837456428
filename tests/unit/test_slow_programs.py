"""Whole folders of tests are slow, and a fast test cannot start a program that takes a second to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slow_programs import pytest_collection_modifyitems

VERSION = [sys.executable, "-m", "calib", "--version"]


@pytest.mark.parametrize("command", [VERSION, ["/somewhere/bin/calib", "--version"], ["prefect", "version"]])
def test_a_fast_test_may_not_start_one(command: list[str]) -> None:
    with pytest.raises(AssertionError, match=r"mark it with pytest\.mark\.slow"):
        subprocess.run(command, check=True)


def test_a_fast_test_may_start_anything_else() -> None:
    assert subprocess.run([sys.executable, "-c", "# -m calib", "calib"], check=True).returncode == 0


@pytest.mark.slow
def test_a_slow_test_may() -> None:
    assert subprocess.run(VERSION, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("folder", "slow"), [("integration/cycle", True), ("real", True), ("unit/db", False)]
)
def test_folders_are_slow_as_a_whole(folder: str, slow: bool, pytestconfig: pytest.Config) -> None:
    marks: list[Any] = []
    path = Path(pytestconfig.rootpath) / "tests" / folder / "test_it.py"
    pytest_collection_modifyitems([SimpleNamespace(path=path, config=pytestconfig, add_marker=marks.append)])  # type: ignore[list-item]
    assert bool(marks) is slow
