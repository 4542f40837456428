"""A fast test cannot start a program that takes a second to start."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
