"""Telling Prefect that labels have arrived, once for a batch of them, and beside the work of the page."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

BATCH = 25  # labels


class Batches:
    """Counts labels by stream, and has `told` called with the stream after each `BATCH` of them."""

    def __init__(self, told: Callable[[str], object]) -> None:
        self._told = told
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="calib-batches")

    def add(self, stream: str, *, last: bool = False) -> Future[object] | None:
        """Count a label. The call, in another thread, where it completes a batch or is the `last` to come."""
        with self._lock:
            self._counts[stream] += 1
            if self._counts[stream] < BATCH and not last:
                return None
            self._counts[stream] = 0
        return self._worker.submit(self._told, stream)

    def close(self) -> None:
        """Wait for what is being told."""
        self._worker.shutdown()
