"""The fleet as `calib run --json` shows it, against which every other surface is held."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from in_process import Ran
from made_fleet import MadeFleet
from sqlalchemy import text

from calib.results import WindowResult

Key = tuple[str, str]
Six = dict[str, float | None]


@dataclass(frozen=True)
class Seen:
    """The fleet, and each of its standing windows as `calib run --json` shows it."""

    made: MadeFleet
    calib: Callable[..., Ran]
    results: dict[Key, WindowResult]

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with self.made.app.engine.connect() as conn:
            return [dict(row) for row in conn.execute(text(query), values).mappings()]

    @property
    def judged(self) -> dict[Key, WindowResult]:
        return {key: one for key, one in self.results.items() if one.state in ("closed", "insufficient")}

    @property
    def latest(self) -> dict[str, WindowResult]:
        """The latest judged period of each stream."""
        return {stream: result for (stream, _), result in sorted(self.judged.items())}


def six(window: dict[str, Any]) -> Six:
    """The numbers that every surface shows, out of the object of `calib run --json`."""
    threshold = (window["pictures"] or {}).get("threshold")
    return {
        "ece": window["served"]["ece"],
        "low": window["served"]["low"],
        "high": window["served"]["high"],
        "accuracy": window["raw"]["accuracy"],
        "share": threshold and threshold["served"]["share"],
        "p": window["change"]["p"],
        "rise": window["change"]["minimum_detectable_rise"],
    }


def numbers(result: WindowResult) -> Six:
    return six(json.loads(json.dumps(result.to_json())))
