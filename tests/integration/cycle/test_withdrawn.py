"""A withdrawn stream goes on being measured; what is fitted waits on `candidate` for a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest import NOW, World

from calib import cycle
from calib.period import Period
from calib.store import Intent, head, history, promote, withdraw
from calib.testing.crash import Crash, CrashAt

CHANNEL: dict[str, Any] = {"stream": "triage", "channel": "production"}


def window_of(world: World, month: str) -> Any:
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    return cycle.open_window(watch, ports, Period.parse(month, "month"), channel="production", replay=True)


def run(world: World, *months: str) -> list[dict[str, Any]]:
    ports = world.open().ports("triage")
    return [cycle.summary(cycle.advance(window_of(world, m), ports), ports).to_json() for m in months]


def intent(name: str) -> Intent:
    return Intent(publish_id=name, at=NOW, by="ada", reason="r", expires_at=None)


def test_refits_wait_on_candidate_until_a_person_promotes(world: World) -> None:
    first = run(world, "2026-01")[0]
    store = world.open().store
    out = withdraw(store, **CHANNEL, intent=intent("out"))
    world.write("2026-05", accuracy=lambda s: s - 0.3)
    second, fifth = run(world, "2026-02", "2026-05")
    assert (first["refit"]["channel"], second["refit"]["channel"]) == ("production", "candidate")
    assert second["refit"]["published"]
    assert second["refit"]["ece_before"]["ece"] > 0.08  # held against the raw confidence, not the old mapping
    waiting = history(store, stream="triage", channel="candidate")
    assert [entry.mapping for entry in waiting] == [second["refit"]["mapping"], fifth["refit"]["mapping"]]
    assert head(store, **CHANNEL) == out
    late = run(world, "2026-03")[0]  # older than what waits there
    assert (late["refit"]["published"], late["refit"]["reason_code"]) == (False, "refit_older_than_served")
    promote(store, **CHANNEL, digest=waiting[-1].mapping, intent=intent("in"))
    fourth = run(world, "2026-04")[0]
    assert fourth["refit"]["reason_code"] == "refit_older_than_served"
    assert head(store, stream="triage", channel="candidate") == waiting[-1]


def test_what_a_withdrawn_month_served_was_raw(world: World) -> None:
    run(world, "2026-01")
    at = NOW.replace(month=2, day=1, hour=0)
    out = Intent(publish_id="out", at=at, by="ada", reason="r", expires_at=None)
    withdraw(world.open().store, **CHANNEL, intent=out)
    second = run(world, "2026-02")[0]
    assert second["served"]["mappings"] == [{"mapping": None, "share": 1.0}]
    assert second["served"]["ece"] == pytest.approx(second["raw"]["ece"])


def test_nothing_is_published_where_candidate_is_withdrawn_too(world: World) -> None:
    run(world, "2026-01")
    store = world.open().store
    withdraw(store, **CHANNEL, intent=intent("out"))
    run(world, "2026-02")
    withdraw(store, stream="triage", channel="candidate", intent=intent("out, too"))
    third = run(world, "2026-03")[0]
    assert (third["refit"]["published"], third["refit"]["reason_code"]) == (False, "refit_all_withdrawn")
    assert len(history(store, stream="triage", channel="candidate")) == 2


def test_a_withdrawal_while_a_window_is_decided_sends_its_refit_to_candidate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(world, "2026-01")
    world.write("2026-02", accuracy=lambda s: s - 0.3)
    from calib.cycle import lifecycle

    real, store = lifecycle._carry_out, world.open().store

    def meanwhile(*arguments: Any) -> Any:
        if not history(store, **CHANNEL)[-1].withdrawn:
            withdraw(store, **CHANNEL, intent=intent("out"))
        return real(*arguments)

    monkeypatch.setattr(lifecycle, "_carry_out", meanwhile)
    second = run(world, "2026-02")[0]
    assert (second["refit"]["published"], second["refit"]["channel"]) == (True, "candidate")
    assert history(store, **CHANNEL)[-1].withdrawn


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_publication_on_candidate_that_dies_is_done_once(world: World, k: int) -> None:
    run(world, "2026-01")
    store = world.open().store
    withdraw(store, **CHANNEL, intent=intent("out"))
    window = window_of(world, "2026-02")
    ports = world.open().ports("triage")
    dying = replace(ports, store=CrashAt(k, "after").store(ports.store))
    with pytest.raises(Crash):
        cycle.advance(window, dying)
    again = run(world, "2026-02")[0]
    assert again["refit"]["channel"] == "candidate"
    assert len(history(store, stream="triage", channel="candidate")) == 1
