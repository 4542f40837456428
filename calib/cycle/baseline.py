"""Which earlier windows this one is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from calib.db.windows import Window

POOLED = 6  # windows: enough to make the baseline's own noise small, few enough to follow the seasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Window ids, newest first, and the anchor: the first window since the last confirmed change.

    `segments`: the ids for a segment whose own last confirmed change lies inside the pool.
    """

    pooled: tuple[int, ...]
    anchor: int | None
    segments: dict[str, tuple[int, ...]]

    def to_json(self) -> dict[str, Any]:
        """As the window keeps it."""
        return {
            "pooled": list(self.pooled),
            "anchor": self.anchor,
            "segments": {name: list(ids) for name, ids in self.segments.items()},
        }


def choose(earlier: Sequence[Window], *, scope: dict[str, str]) -> Baseline:
    """Pool up to six evaluated windows since the last confirmed change.

    `earlier` is newest first. The window that confirmed a change already shows the new behaviour, so it
    is the first of the new baseline. A window of another scope watched another model: nothing before
    it counts. The anchor stays put while the pool moves on, which is what catches slow decay; where it
    is the whole pool it would test the same thing twice, and there is none.
    """
    since: list[Window] = []
    for window in earlier:
        if window.settings.get("scope") != scope:
            break
        if window.state != "closed":
            continue
        since.append(window)
        if window.resets_baseline:
            break
    pooled = since[:POOLED]
    segments: dict[str, tuple[int, ...]] = {}
    for place, window in enumerate(pooled[:-1], 1):
        for name in changed_segments(window.result):
            segments.setdefault(name, tuple(one.id for one in pooled[:place]))
    return Baseline(
        pooled=tuple(window.id for window in pooled),
        anchor=since[-1].id if len(since) > 1 else None,
        segments=segments,
    )


def changed_segments(result: dict[str, Any] | None) -> list[str]:
    """The segments whose change a window's result confirms."""
    return [
        name
        for name, part in ((result or {}).get("segments") or {}).items()
        if part["change"] is not None and part["change"]["state"] in ("degraded", "changed")
    ]
