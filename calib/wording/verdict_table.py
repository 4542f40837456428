"""Verdicts on windows as a Markdown table with links to their reports: for the page of a scheduler."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from calib.results import WindowResult
from calib.text import in_backticks
from calib.wording.change import STATES
from calib.wording.numbers import interval

HEADS = (
    "period",
    "verdict",
    "labels",
    "ECE stated",
    "ECE served",
    "mapping",
    "alerts",
    "report with pictures",
)


def verdict_table(results: Sequence[WindowResult], *, link: Callable[[WindowResult], str | None]) -> str:
    """One row for each window; `link` says where its report is, None where none is kept."""
    lines = [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    for result in results:
        cells = (
            result.period if result.revision == 1 else f"{result.period}, revision {result.revision}",
            _verdict(result),
            f"{result.labels.n:,}"
            + (f", {result.labels.missing:,} missing" if result.labels.missing else ""),
            _ece(result.raw.ece and interval(result.raw)),
            _ece(result.served.ece and interval(result.served)),
            f"`{result.refit.mapping[:12]}`"
            if result.refit.published and result.refit.mapping
            else "as before",
            ", ".join(alert.kind.replace("_", " ") for alert in result.alerts) or "none",
            _linked(link(result)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _verdict(result: WindowResult) -> str:
    if result.state == "closed":
        return "not compared" if result.change.state is None else STATES[result.change.state]
    return {"insufficient": "not enough evidence", "evaluated": "measured, not published yet"}.get(
        result.state, "waits for labels"
    )


def _ece(shown: str | float | None) -> str:
    return shown if isinstance(shown, str) else "not measured"


def _linked(address: str | None) -> str:
    """A link where a browser can follow it, else the address."""
    if address is None:
        return "none kept"
    return (
        f"[open]({address})"
        if re.fullmatch(r"https?://[^\s()|<>]+", address)
        else f"`{in_backticks(address)}`"
    )
