"""What each stream's channel names, as the store was last asked.

A page must not wait for hundreds of requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from calib.cycle.stream import PRODUCTION
from calib.errors import CalibError
from calib.format import Entry
from calib.redaction import reason
from calib.store import Store, head

AT_ONCE = 8  # streams that are asked for at the same time: most of a request is waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A channel's newest entry, None while it is empty.

    `trouble`: why it could not be read, None where it could; `at`: when it was asked for.
    """

    entry: Entry | None
    trouble: str | None
    at: datetime


class Heads:
    """The newest entries of the channels that serve, of at most so many streams as the settings name."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._heads: dict[str, Head] = {}
        self._lock = threading.Lock()

    def known(self, stream: str) -> Head | None:
        """What was read last; None where nothing was yet."""
        return self._heads.get(stream)

    def of(self, stream: str, *, at_most: timedelta) -> Head:
        """The stream's head, at most so old: three requests where it is read."""
        known = self._heads.get(stream)
        if known is not None and timedelta(0) <= self._now() - known.at < at_most:
            return known
        return self._read(stream)

    def refresh(self, streams: Sequence[str], *, at_most: timedelta) -> None:
        """Read what is older than that, several streams at a time."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="heads") as pool:
            for _ in pool.map(lambda stream: self.of(stream, at_most=at_most), streams):
                pass

    def forget(self, stream: str) -> None:
        """The channel was moved: what was read before counts no more."""
        with self._lock:
            self._heads.pop(stream, None)

    def _read(self, stream: str) -> Head:
        at = self._now()
        try:
            read = Head(entry=head(self._store, stream=stream, channel=PRODUCTION), trouble=None, at=at)
        except CalibError as error:
            read = Head(entry=None, trouble=reason(error), at=at)
        with self._lock:
            known = self._heads.get(stream)
            if known is None or known.at <= at:
                self._heads[stream] = read
        return read
