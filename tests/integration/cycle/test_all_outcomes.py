"""Where outcomes arrive by themselves all of them are used, and a change too small to matter changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import World

from calib import cycle
from calib.period import Period
from calib.policy import ALL_LABELS

ROWS = 20_000


def closed(world: World, month: str) -> Any:
    deployment = world.open()
    policy, ports = deployment.watch("triage"), deployment.ports("triage")
    window = cycle.open_window(policy, ports, Period.parse(month, "month"), channel="production", replay=True)
    window = cycle.advance(window, ports)
    return window, cycle.summary(window, ports), ports


@pytest.mark.slow
def test_only_a_change_that_matters_resets_the_baseline(world: World) -> None:
    world.config.write_text(world.config.read_text().replace("labels = 300\n", ""))
    assert world.open().watch("triage").labels == ALL_LABELS
    for month, shift in (("2026-01", 0.0), ("2026-02", 0.010), ("2026-03", -0.05)):
        world.write(month, n=ROWS, accuracy=lambda raw, shift=shift: raw - 0.12 + shift)
    closed(world, "2026-01")
    window, small, ports = closed(world, "2026-02")
    print(small.change, window)
    _, large, _ = closed(world, "2026-03")
    print(large.change, large.baseline)
    assert 0
