"""Outcomes that arrive by themselves are all used, and a change too small to matter changes nothing."""

from __future__ import annotations

import pytest
from conftest import World
from stream_life import quick_fits

from calib import cycle
from calib.db.windows import Window
from calib.period import Period
from calib.policy import ALL_LABELS
from calib.results import WindowResult
from calib.wording.change import change_words
from calib.wording.window import tone, verdict

ROWS = 3000
SHIFTS = {"2026-01": 0.0, "2026-02": 0.04, "2026-03": -0.15}


def closed(world: World, month: str) -> tuple[Window, WindowResult]:
    deployment = world.open()
    policy, ports = deployment.watch("triage"), deployment.ports("triage")
    period = Period.parse(month, "month")
    window = cycle.open_window(policy, ports, period, channel="production", replay=True)
    window = cycle.advance(window, ports)
    return window, cycle.summary(window, ports)


def test_only_a_change_that_matters_resets_the_baseline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rise that matters is 0.12 here, so that 3,000 labels prove a change of 0.04 to be too small."""
    quick_fits(monkeypatch)
    world.settings("max_rise = 0.12")
    world.config.write_text(world.config.read_text().replace("labels = 300\n", ""))
    assert world.open().watch("triage").labels == ALL_LABELS
    for month, shift in SHIFTS.items():
        world.write(month, n=ROWS, accuracy=lambda raw, shift=shift: raw - 0.12 + shift)
    closed(world, "2026-01")

    window, small = closed(world, "2026-02")
    assert small.labels.n == ROWS
    assert small.change.state == "changed"
    assert small.change.too_small
    assert "by too little to matter" in change_words(small.change)
    assert "by too little to matter" in verdict(small)
    assert tone(small) == "plain"
    assert not window.resets_baseline
    assert small.alerts == ()
    assert small.episode is None

    window, large = closed(world, "2026-03")
    assert large.baseline is not None
    assert large.baseline.periods == ("2026-01", "2026-02")
    assert large.change.state == "degraded"
    assert not large.change.too_small
    assert window.resets_baseline
