"""`calib demo`: the main job on a fresh machine, on real input that it makes on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calib.results.demo import DemoWindow, DemoYear


def run_demo(into: Path, *, seed: int = 0, heard: Callable[[DemoWindow], None] | None = None) -> DemoYear:
    """Run the year through the real flows and leave pictures, store and summary in `into`.

    `heard` is called with each month's window as it is done. Raises `InvalidInput` for a folder that holds
    something else than an earlier demo.
    """
    from calib.demo.job import PrefectFlows, run_year, summarise

    into = into.resolve()
    return summarise(into, run_year(into, seed=seed, steps=PrefectFlows(), heard=heard))
