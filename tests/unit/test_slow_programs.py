"""Whole folders of tests are slow, and a fast test cannot start a program that takes a second to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slow_programs import LONGEST, pytest_collection_modifyitems

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


def test_the_longest_tests_start_first_and_the_others_keep_their_order(pytestconfig: pytest.Config) -> None:
    folder = Path(pytestconfig.rootpath) / "tests" / "unit"
    names = ["test_b.py", "test_a.py", "test_demo.py", "test_c.py", "test_tutorial.py"]
    items: list[Any] = [SimpleNamespace(path=folder / name, config=pytestconfig) for name in names]
    pytest_collection_modifyitems(items)
    first = ["test_demo.py", "test_tutorial.py", "test_b.py", "test_a.py", "test_c.py"]
    assert [item.path.name for item in items] == first
    files = {path.name for path in (Path(pytestconfig.rootpath) / "tests").rglob("test_*.py")}
    assert files >= LONGEST
