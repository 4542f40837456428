"""Episodes in real windows: a warning is taken up by its verdict, a person ends what labels cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import World
from in_process import Ran, run_calib
from sqlalchemy import select

from calib import cycle
from calib.alerts.message import message
from calib.cycle import lifecycle
from calib.db import tables
from calib.period import Period
from calib.results.window import EarlyResult

ALARM = EarlyResult(labels=120, e_value=5e6, needed=120.0, alarm=True)


@pytest.fixture
def calib(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    return lambda *a: run_calib(monkeypatch, capsys, *a, "--json", "--config", world.config)


def window_of(world: World, month: str) -> tuple[Any, Any]:
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    period = Period.parse(month, "month")
    return cycle.open_window(watch, ports, period, channel="production", replay=True), ports


def run(world: World, *months: str) -> list[dict[str, Any]]:
    results = []
    for month in months:
        window, ports = window_of(world, month)
        results.append(cycle.summary(cycle.advance(window, ports), ports).to_json())
    return results


def warn(world: World, month: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An early warning, as the labels of a reviewed window would raise it."""
    window, ports = window_of(world, month)
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "early_watch", lambda _: ALARM)
        data = lifecycle.load_window(window, engine=ports.engine, store=ports.store)
        for _ in range(2):  # every look would say it
            lifecycle._warn_early(data, ports)
    return cycle.summary(window, ports).to_json()


def texts(world: World, kind: str) -> list[str]:
    with world.open().engine.connect() as conn:
        rows = conn.execute(select(tables.outbox.c.payload).where(tables.outbox.c.kind == kind)).all()
    return [message(row.payload).text for row in rows]


@pytest.mark.parametrize("fell", [False, True])
def test_a_warning_is_taken_up_in_its_own_episode(
    world: World, calib: Any, monkeypatch: pytest.MonkeyPatch, fell: bool
) -> None:
    if fell:
        world.write("2026-02", accuracy=lambda s: s - 0.35)
    run(world, "2026-01")
    warned = warn(world, "2026-02", monkeypatch)
    assert [alert["kind"] for alert in warned["alerts"]] == ["early_warning"]
    assert warned["episode"] == warned["alerts"][0]["episode"] is not None
    assert "more than 1,000 to 1" in texts(world, "early_warning")[0]
    verdict = run(world, "2026-02")[0]
    assert verdict["episode"] == warned["episode"]
    (episode,) = calib("alerts", "episodes", "triage").json["episodes"]
    assert episode["opened_by"] == "early_warning"
    said = [part["said"] for part in episode["windows"]]
    if fell:
        assert (episode["degraded_in"], episode["ended_by"]) == ("2026-02", None)
        assert said == ["early_warning", "confirmed"]
        assert "is confirmed by this verdict" in texts(world, "degraded")[0]
    else:
        assert (episode["ended_by"], episode["ended_in"]) == ("not_confirmed", "2026-02")
        assert said == ["early_warning", "not_confirmed"]
        assert "the early warning is not confirmed" in texts(world, "recovered")[0]
    assert {alert["episode"] for alert in verdict["alerts"]} == {episode["id"]}


def test_a_warning_without_a_verdict_stays_open_until_one_comes(
    world: World, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("2026-02", n=30)
    run(world, "2026-01")
    warned = warn(world, "2026-02", monkeypatch)
    few, enough = run(world, "2026-02", "2026-03")
    assert few["state"] == "insufficient"
    assert few["episode"] == enough["episode"] == warned["episode"]
    assert "The early warning of 2026-02 is still open" in texts(world, "insufficient_labels")[0]
    (episode,) = calib("alerts", "episodes", "triage").json["episodes"]
    assert [(part["period"], part["said"]) for part in episode["windows"]] == [
        ("2026-02", "early_warning"),
        ("2026-02", "still_open"),
        ("2026-03", "not_confirmed"),
    ]


@pytest.mark.parametrize("how", ["close", "withdraw"])
def test_a_person_ends_an_episode(world: World, calib: Any, how: str) -> None:
    world.write("2026-02", accuracy=lambda s: s - 0.35)
    run(world, "2026-01", "2026-02")
    group = "alerts" if how == "close" else "mapping"
    assert calib(group, how, "triage", "--reason", "the camera is mended").code == 0
    (episode,) = calib("alerts", "episodes", "triage").json["episodes"]
    assert episode["ended_by"] == ("person" if how == "close" else "withdrawal")
    assert episode["reason"] == "the camera is mended"
    nothing = calib("alerts", "close", "triage", "--reason", "again")
    assert (nothing.code, nothing.json["episodes"]) == (1, [])
    after = run(world, "2026-03")[0]
    assert "recovered" not in [alert["kind"] for alert in after["alerts"]]


def test_a_withdrawal_that_the_database_did_not_hear_of_ends_it_with_the_next_window(
    world: World, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calib.db import episodes
    from calib.errors import SourceError

    world.write("2026-02", accuracy=lambda s: s - 0.35)
    run(world, "2026-01", "2026-02")

    def away(*_: Any, **__: Any) -> Any:
        raise SourceError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(episodes, "end_open", away)
        ran = calib("mapping", "withdraw", "triage", "--reason", "r")
    assert (ran.code, ran.json["withdrawn"]) == (0, True)
    assert "could not be ended" in ran.err
    (episode,) = calib("alerts", "episodes", "triage").json["episodes"]
    assert episode["ended_by"] is None
    run(world, "2026-03")
    episode = calib("alerts", "episodes", "triage").json["episodes"][0]
    assert (episode["ended_by"], episode["ended_in"]) == ("withdrawal", "2026-03")
