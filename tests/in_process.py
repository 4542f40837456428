"""Running the command line inside the test's own process."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from calib.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


def run_calib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: Any) -> Ran:
    """`calib` with these arguments: its exit code, standard output and standard error; never a traceback."""
    monkeypatch.setattr(sys, "argv", ["calib", *map(str, arguments)])
    code = 0
    capsys.readouterr()
    log = logging.getLogger("calib")
    before = list(log.handlers)
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:  # each command writes its log to the standard error of its own process
        log.handlers, log.propagate = before, True
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    return Ran(code, said.out, said.err)
