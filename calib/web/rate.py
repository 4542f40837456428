"""How often somebody may ask: a bucket of requests for each of them that fills up again with time."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """`burst` requests at once, then `per_minute`, for each key; the keys that asked last are remembered."""

    def __init__(
        self, *, burst: int, per_minute: float, clock: Callable[[], float], keys: int = 10_000
    ) -> None:
        self._burst, self._rate, self._keys = float(burst), per_minute / 60, keys
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, at a time
        self._lock = threading.Lock()

    def wait(self, key: str) -> int:
        """Take a request out of the bucket of `key`: 0 where there was one, else the seconds until there is.

        >>> limit = RateLimit(burst=2, per_minute=60, clock=lambda: 0.0)
        >>> limit.wait("a"), limit.wait("a"), limit.wait("a"), limit.wait("b")
        (0, 0, 1, 0)
        """
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(key, (self._burst, now))
            left = min(self._burst, left + max(0.0, now - at) * self._rate)
            taken = left >= 1
            self._buckets[key] = (left - 1 if taken else left, now)
            while len(self._buckets) > self._keys:
                self._buckets.popitem(last=False)
        return 0 if taken else max(1, math.ceil((1 - left) / self._rate))
