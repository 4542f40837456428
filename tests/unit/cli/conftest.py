"""Running the command line inside the test's own process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from in_process import Ran, run_calib

from calib import alert_places


@pytest.fixture
def calib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`calib("run", "triage", …)`: exit code, standard output and standard error, which a person looks at."""
    monkeypatch.setattr(alert_places, "person_looks", lambda stream: stream is sys.stderr)

    def run(*arguments: Any) -> Ran:
        return run_calib(monkeypatch, capsys, *arguments)

    return run
