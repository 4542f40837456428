"""A certificate that a month breaks is told, and clients act on it no more, while the curves stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from conftest import LEVELS, World
from in_process import run_calib

from calib import cycle
from calib.client import MappingClient
from calib.cycle import refitting
from calib.period import Period
from calib.store import Intent, head, history, read_mapping, rollback


def run(world: World, month: str) -> dict[str, Any]:
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    period = Period.parse(month, "month")
    window = cycle.open_window(watch, ports, period, channel="production", replay=True)
    return cycle.summary(cycle.advance(window, ports), ports).to_json()


def test_a_broken_certificate_is_withdrawn_and_the_mapping_stays(
    world: World, monkeypatch: Any, capsys: Any
) -> None:
    world.settings("targets = [0.8]")
    for month, fall in (("2026-01", 0.0), ("2026-02", 0.0), ("2026-03", 0.3)):
        world.write(month, accuracy=lambda s, fall=fall: np.where(s >= 0.9, s - 0.02 - fall, s - 0.2))
    first, second = run(world, "2026-01"), run(world, "2026-02")
    (proven,) = first["certificates"]
    assert proven["cut"] is not None
    assert [(one["target"], one["cut"], one["from"]) for one in second["certificates_kept"]] == [
        (0.8, proven["cut"], "2026-01")
    ]
    assert second["certificates_kept"][0]["kept"] in ("yes", "unknown")
    published = head(world.open().store, stream="triage", channel="production")
    assert published is not None

    def no_better(*arguments: Any, **how: Any) -> Any:
        from dataclasses import replace

        from calib.reasons import Reason

        fitted = refit(*arguments, **how)
        return replace(fitted, published=False, why=Reason("refit_no_better_than_served", {}))

    refit = refitting.refit
    with monkeypatch.context() as patch:  # a month in which no form is better than what is served
        patch.setattr(refitting, "refit", no_better)
        third = run(world, "2026-03")
    assert {one["kept"] for one in third["certificates_kept"]} == {"no"}
    assert "certificate_broken" in [alert["kind"] for alert in third["alerts"]]
    assert (third["refit"]["published"], third["refit"]["upheld"]) == (False, True)
    store = world.open().store
    now = head(store, stream="triage", channel="production")
    assert now is not None
    assert (now.mapping, now.generation) == (third["refit"]["mapping"], published.generation + 1)
    old, anew = (read_mapping(store, stream="triage", digest=e.mapping) for e in (published, now))
    assert anew.curve_digest == old.curve_digest
    assert len(anew.cuts) == len(old.cuts) - third["refit"]["certificates_dropped"]
    assert (0.8, proven["cut"]) not in anew.cuts
    with MappingClient(f"file:{world.folder / 'mappings'}", stream="triage", background=False) as client:
        client.refresh_now()
        assert client.calibrate(0.9).value == old.apply(0.9)
        assert not any(client.decide(float(level), target=0.8).act for level in LEVELS)
    again = run(world, "2026-03")
    assert again == third
    assert len(history(store, stream="triage", channel="production")) == now.generation

    config = ("--config", world.config)
    shown = run_calib(monkeypatch, capsys, "routes", "triage", "--json", *config).json["record"]
    assert [part["period"] for part in shown] == ["2026-02", "2026-03"]
    assert shown[-1]["certificates"] == third["certificates_kept"]
    text = run_calib(monkeypatch, capsys, "routes", "triage", *config).out
    assert "BROKEN" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "BROKEN" in run_calib(monkeypatch, capsys, "run", "triage", "--period", "2026-03", *config).out

    intent = Intent(
        publish_id="back",
        at=datetime.fromisoformat("2026-06-03T07:00:00+00:00"),
        by="ada",
        reason="r",
        expires_at=None,
    )
    back = rollback(store, stream="triage", channel="production", intent=intent)
    assert back.mapping not in (old.digest, anew.digest)  # no way back to what was broken
