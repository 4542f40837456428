"""A stream as the pages show it: what its windows hold, with the counts and the channel of the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calib.results.history import StreamStatus
from calib.review.response import StratumCounts
from calib.web.streams.heads import Head
from calib.web.streams.known import KnownStream


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """A stream as the pages show it.

    `counts`: the rows of each window that waits for labels, by window id. `head`: what its channel names,
    None where the store has not been asked yet. `status`: as `calib status --json` shows it.
    """

    known: KnownStream
    status: StreamStatus
    counts: Mapping[int, tuple[StratumCounts, ...]]
    head: Head | None
    open_episodes: int

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.known.stream
