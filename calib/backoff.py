"""How long to wait before something that failed is tried again: one formula for everybody who retries."""

from __future__ import annotations

MOST_DOUBLINGS = 32  # more would overflow after long outages, and every cap is reached by then


def back_off(
    failed: int,
    *,
    first: float,
    longest: float,
    least: float = 1.0,
    most: float = 1.0,
    draw: float = 0.0,
    wished: float | None = None,
    longest_wish: float = 0.0,
) -> float:
    """Seconds to wait before the next attempt, doubled by each attempt that `failed` before the latest one.

    The wait starts from `first` seconds and grows to `longest`. It is then multiplied by a factor between
    `least` and `most`, which `draw` in [0, 1] chooses, so that many who fail at the same moment do not come
    back at the same moment. `wished`: seconds that the other side asked for, such as Retry-After; the wait is
    never shorter, but a wish counts for `longest_wish` seconds at most.

    >>> [back_off(n, first=2, longest=3600) for n in (0, 1, 2, 40)]
    [2.0, 4.0, 8.0, 3600.0]
    >>> back_off(0, first=1, longest=60, least=0.5, draw=0.5), back_off(0, first=1, longest=60, wished=30,
    ...     longest_wish=20)
    (0.75, 20.0)
    """
    wait = min(first * 2.0 ** min(failed, MOST_DOUBLINGS), longest) * (least + (most - least) * draw)
    return float(max(wait, min(wished or 0.0, longest_wish)))
