"""Which mapping served which row: as the client logged it, else by the channel's history. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Named
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from calib.client.trust import out_of_scope
from calib.format import Mapping
from calib.json_object import Json
from calib.store import Entry, active_at
from calib.times import moment
from calib.traffic import Cells, Drawn

Floats = npt.NDArray[np.float64]
Source = Literal["logged", "reconstructed", "raw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSpan:
    """A stretch of the window in which production used one mapping (None: the raw confidence)."""

    start: datetime
    mapping: str | None

    def to_json(self) -> Json:
        """The span in JSON's types, as a window keeps it."""
        return {"start": self.start.isoformat(), "mapping": self.mapping}

    @classmethod
    def from_json(cls, values: Json) -> ServingSpan:
        """The span that `to_json` wrote."""
        return cls(start=datetime.fromisoformat(values["start"]), mapping=values["mapping"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a channel says of an interval: its spans in order, the first from the interval's start on.

    `mappings`: by digest, those of the spans. `published`: the mapping that the channel names now, None
    where it names none; what it expects of a confidence guides the allocation of labels.
    """

    spans: tuple[ServingSpan, ...]
    mappings: Named[str, Mapping]
    published: Mapping | None

    @property
    def breaks(self) -> list[datetime]:
        """Where one span ends and the next begins."""
        return [span.start for span in self.spans[1:]]

    def of_row(self, row: Drawn) -> tuple[str | None, float]:
        """The mapping and the confidence that production used for a drawn row."""
        if row.served is not None:
            return row.mapping, row.served
        return self.at(row.ts, row.raw, row.segment)

    def at(self, ts: datetime, raw: float, segment: str | None) -> tuple[str | None, float]:
        """The mapping that served at a moment, and what it made of a raw confidence."""
        digest = [span for span in self.spans if span.start <= ts][-1].mapping
        return digest, raw if digest is None else float(self.mappings[digest].apply(raw, segment))

    def of_cells(self, table: Cells) -> tuple[Floats, list[str | None], Source]:
        """The mean served confidence and the mapping of each entry of a survey, and how we know."""
        if table.served_sum is not None:
            return np.clip(table.served_sum / table.n, 0, 1), list(table.mapping), "logged"
        digests = [self.spans[place].mapping for place in table.era.tolist()]
        raw = table.raw_mean
        served, segment = raw.copy(), np.array([name or "" for name in table.segment], dtype=object)
        for digest, mapping in self.mappings.items():
            where = np.array([used == digest for used in digests], dtype=bool)
            served[where] = mapping.apply(raw[where])
            for name in mapping.segments:  # few; a traffic may name thousands
                inside = where & (segment == name)
                served[inside] = mapping.apply(raw[inside], name)
        return served, digests, "reconstructed" if self.mappings else "raw"


def spans_of(entries: Sequence[Entry], start: datetime, end: datetime) -> tuple[ServingSpan, ...]:
    """What production served in [start, end), by the entries of a channel, oldest first."""
    before = active_at(entries, start)
    spans = [ServingSpan(start=start, mapping=served_by(before))]
    for entry in entries:
        at = moment(entry.at)
        if start < at < end and served_by(entry) != spans[-1].mapping:
            spans.append(ServingSpan(start=at, mapping=served_by(entry)))
    return tuple(spans)


def serves(mapping: Mapping, scope: dict[str, str]) -> bool:
    """Whether clients of this scope use the mapping: by the rule of the client itself."""
    return out_of_scope(mapping, scope) is None


def only(spans: Sequence[ServingSpan], mappings: Collection[str]) -> tuple[ServingSpan, ...]:
    """The spans with the raw confidence in the place of all other mappings; equal neighbours become one."""
    serving: list[ServingSpan] = []
    for span in spans:
        mapping = span.mapping if span.mapping in mappings else None
        if not serving or mapping != serving[-1].mapping:
            serving.append(ServingSpan(start=span.start, mapping=mapping))
    return tuple(serving)


def served_by(entry: Entry | None) -> str | None:
    """The digest of the mapping that an entry puts to use; None where the raw confidence is served."""
    return None if entry is None or entry.withdrawn else entry.mapping
