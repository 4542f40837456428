"""Which places alerts go to, by the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from queues import NOW, database

from calib import alert_places
from calib.outbox.terminal import TerminalPlace
from calib.settings import load


def made(folder: Path, text: str) -> list[Any]:
    (folder / "calib.toml").write_text(text)
    engine = database(folder)
    return alert_places.places(load(folder / "calib.toml"), now=lambda: NOW, engine=lambda: engine)


@pytest.mark.parametrize(("text", "terminals"), [("", 0), ("[notify]\nterminal = true\n", 1)])
def test_standard_error_counts_where_somebody_is_said_to_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, terminals: int
) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    monkeypatch.setattr(alert_places, "person_looks", lambda _: False)  # as under cron
    places = made(tmp_path, text)
    assert sum(isinstance(place, TerminalPlace) for place in places) == len(places) == terminals


def test_it_stands_beside_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-a-test")
    monkeypatch.setattr(alert_places, "person_looks", lambda _: False)
    assert len(made(tmp_path, "[notify]\nterminal = true\n")) == 2
    assert len(made(tmp_path, "")) == 1
