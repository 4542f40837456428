"""What the tests on real data share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from undrawn import undrawn

from calib import cycle
from calib.app import App
from calib.period import Period


def backfill(folder: Path, stream: str, first: str, last: str) -> list[dict[str, Any]]:
    """The cycle over a range of months, as `calib backfill` runs it."""
    opened = App.open(folder / "calib.toml")
    watch, ports = opened.watch(stream), opened.ports(stream)
    begin, end = Period.parse(first, "month"), Period.parse(last, "month")
    results = []
    for period in cycle.range_of(watch, ports, begin, end):
        window = cycle.open_window(watch, ports, period, channel="production", replay=True)
        with undrawn():
            results.append(cycle.summary(cycle.advance(window, ports), ports).to_json())
    return results
