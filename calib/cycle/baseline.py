"""Which earlier windows this one is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calib.db.windows import Window

POOLED = 6  # windows: enough to make the baseline's own noise small, few enough to follow the seasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Window ids, newest first, and the anchor: the first window since the last confirmed change."""

    pooled: tuple[int, ...]
    anchor: int | None


def choose(earlier: Sequence[Window], *, scope: dict[str, str]) -> Baseline:
    """Pool up to six evaluated windows since the last confirmed change.

    `earlier` is newest first. The window that confirmed a change already shows the new behaviour, so it
    is the first of the new baseline. A window of another scope watched another model: nothing before
    it counts. The anchor stays put while the pool moves on, which is what catches slow decay; where it
    is the whole pool it would test the same thing twice, and there is none.
    """
    since: list[int] = []
    for window in earlier:
        if window.settings.get("scope") != scope:
            break
        if window.state != "closed":
            continue
        since.append(window.id)
        if window.resets_baseline:
            break
    return Baseline(pooled=tuple(since[:POOLED]), anchor=since[-1] if len(since) > 1 else None)
