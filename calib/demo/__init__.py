"""`calib demo`: the main job on a fresh machine, on real input that it makes on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def run_demo(into: Path, *, seed: int = 0, tell: bool = True) -> dict[str, Any]:
    """Run the year through the real flows and leave pictures, store and summary in `into`."""
    from calib.cli.output import progress
    from calib.demo.job import PrefectFlows, run_year, summarise

    into = into.resolve()
    with progress("starting a Prefect server of its own", total=12) as step:
        windows = run_year(into, seed=seed, steps=PrefectFlows(), heard=lambda window: step(window["period"]))
    summary = summarise(into, windows)
    if tell:
        _tell(summary)
    return summary


def _tell(summary: dict[str, Any]) -> None:
    """The year as a table, and what there is to look at."""
    from rich.console import Console
    from rich.table import Table

    from calib.cli.output import interval, number
    from calib.cli.tables import HEADERS, row_of

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (*HEADERS, "true raw", "true served"):
        table.add_column(name, no_wrap=True)
    for window in summary["windows"]:
        true = window["true"]
        cells = (*row_of(window), number(true["raw_ece"]), number(true["served_ece"]))
        table.add_row(*cells, style="bold" if window["alerts"] else None)
    console.print(table)
    changed = next(w for w in summary["windows"] if w["period"] == summary["changed_at"])
    folder = Path(summary["store"]).parent
    console.print(
        f"\nIn {changed['period']} the camera slipped: served confidence was off by "
        f"{interval(changed['served'])}, and the change test said {changed['change']['state']}.\n"
        f"Pictures: {summary['report']}\n          {summary['picture']}\n"
        f"Next:     cd {folder} && calib mapping list digit-reader\n"
        "          calib measure on a file of your own confidences"
    )
