"""What a flow raises is logged and stored by Prefect: it carries no secret, whoever raised it."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from conftest import World
from planted import DATABASE_PASSWORD

from calib.errors import CalibError
from flows import evaluate_windows, open_windows, probe, relay, watchdog

PLACES = [
    (evaluate_windows, "evaluate_open", lambda at: evaluate_windows.evaluate_stream.fn(at, "triage", None)),
    (open_windows, "open_due", lambda at: open_windows.open_stream.fn(at, "triage", None)),
    (probe, "run_probe", lambda at: probe.probe.fn(at)),
    (relay, "deliver", lambda at: relay.relay.fn(at)),
    (watchdog, "watch_over", lambda at: watchdog.watchdog.fn(at)),
]


@pytest.mark.parametrize(("module", "inner", "run"), PLACES, ids=[place[1] for place in PLACES])
def test_a_librarys_error_comes_out_without_its_secret(
    world: World, monkeypatch: pytest.MonkeyPatch, module: Any, inner: str, run: Any
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        try:
            raise KeyError(f"postgresql://u:{DATABASE_PASSWORD}@h/db")
        except KeyError as error:
            raise ValueError(f"cannot open postgresql://u:{DATABASE_PASSWORD}@h/db") from error

    monkeypatch.setattr(module, inner, fail)
    monkeypatch.setattr(module, "deployment", lambda *_: world.open())
    if module is probe:
        monkeypatch.setattr(module, "deployment", fail)
        monkeypatch.setattr(module, "get_run_logger", logging.getLogger)
    with pytest.raises(CalibError, match="cannot open postgresql://u:") as caught:
        run(str(world.config))
    assert DATABASE_PASSWORD not in "".join(traceback.format_exception(caught.value))
