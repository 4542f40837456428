"""Which earlier windows this one is compared with, and by which of their labels. Fixed at evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from calib.db.windows import Window
from calib.json_object import Json
from calib.policy import BASELINE_WINDOWS
from calib.results.parts import changed_segments_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Window ids, newest first, and the anchor: the first window since the last confirmed change.

    `segments`: the ids for a segment whose own last confirmed change lies inside the pool. `periods`: those
    of `ids`, for people. `late`: by window id, the labels that came after it had been evaluated and count
    here; those that it was evaluated with count always, and never change. `digest`: over all labels' ids.
    """

    pooled: tuple[int, ...]
    anchor: int | None
    segments: dict[str, tuple[int, ...]]
    periods: tuple[str, ...] = ()
    late: dict[int, tuple[int, ...]] = field(default_factory=dict)
    digest: str = ""

    def to_json(self) -> Json:
        """The baseline as a JSON object, as the window keeps it."""
        return {
            "pooled": list(self.pooled),
            "anchor": self.anchor,
            "segments": {name: list(ids) for name, ids in self.segments.items()},
            "periods": list(self.periods),
            "late": {str(id_): list(labels) for id_, labels in self.late.items()},
            "digest": self.digest,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Baseline:
        """The baseline that `to_json` wrote, of this version or an older one."""
        return cls(
            pooled=tuple(values["pooled"]),
            anchor=values["anchor"],
            segments={name: tuple(ids) for name, ids in values.get("segments", {}).items()},
            periods=tuple(values.get("periods", ())),
            late={int(id_): tuple(labels) for id_, labels in values.get("late", {}).items()},
            digest=values.get("digest", ""),
        )

    @property
    def ids(self) -> tuple[int, ...]:
        """All windows that are needed, the anchor last where it lies outside the pool."""
        return self.pooled if self.anchor is None else tuple(dict.fromkeys((*self.pooled, self.anchor)))


def choose(earlier: Sequence[Window], *, scope: dict[str, str]) -> Baseline:
    """Pool up to six closed windows since the last confirmed change.

    `earlier` is newest first, with all revisions; of each period the one counts that stands. The window that
    confirmed a change already shows the new behaviour, so it is the first of the new baseline. A window of
    another scope watched another model: nothing before it counts, even where it was discarded. The anchor
    stays put while the pool moves on, which is what catches slow decay; where it is the whole pool it would
    test the same thing twice, and there is none.
    """
    since: list[Window] = []
    for _, group in groupby(earlier, key=lambda window: window.period):
        revisions = list(group)
        window = next((revision for revision in revisions if revision.standing), revisions[0])
        if window.settings.get("scope") != scope:
            break
        if not window.standing or window.state != "closed":
            continue
        since.append(window)
        if window.resets_baseline:
            break
    pooled = since[:BASELINE_WINDOWS]
    segments: dict[str, tuple[int, ...]] = {}
    for place, window in enumerate(pooled[:-1], 1):
        if window.result is not None:
            for name in changed_segments_in(window.result):
                segments.setdefault(name, tuple(newer.id for newer in pooled[:place]))
    return Baseline(
        pooled=tuple(window.id for window in pooled),
        anchor=since[-1].id if len(since) > 1 else None,
        segments=segments,
    )
