"""The desk of whoever is on call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import World
from in_process import run_calib
from on_call import NOW, OnCall
from stream_life import quick_fits


@pytest.fixture
def desk(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> OnCall:
    from calib.app import App

    quick_fits(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALIB_CONFIG", str(world.config))
    clock = {"now": NOW}
    defaults: dict[str, Any] = App.open.__func__.__kwdefaults__  # type: ignore[attr-defined]
    monkeypatch.setitem(defaults, "now", lambda: clock["now"])
    monkeypatch.setattr("calib.app.utc_now", lambda: clock["now"])
    return OnCall(world, lambda *arguments: run_calib(monkeypatch, capsys, *arguments), clock)
