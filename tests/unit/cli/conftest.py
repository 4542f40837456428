"""Running the command line inside the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from in_process import Ran, run_calib


@pytest.fixture
def calib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`calib("run", "triage", …)`: exit code, standard output and standard error."""

    def run(*arguments: Any) -> Ran:
        return run_calib(monkeypatch, capsys, *arguments)

    return run
