"""A picture in the terminal: intervals on a common axis, in plain characters that need no colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calib.results import Measured, WindowResult

LEAST = 20  # characters of the axis
MOST_WINDOWS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalLine:
    """A line: its name, the character of its point, the point and its ends; `also`: another mark on it."""

    name: str
    mark: str
    value: float
    low: float
    high: float
    also: tuple[str, float] | None = None


def interval_picture(lines: Sequence[IntervalLine], *, width: int, end: float | None = None) -> list[str]:
    """The lines on an axis from 0 to `end`, by default a little beyond the highest end.

    >>> for text in interval_picture(
    ...     [IntervalLine(name="raw", mark="o", value=0.1, low=0.05, high=0.15)], width=26, end=0.2
    ... ):
    ...     print(text)
    raw       |----o---|
         0                0.2
    """
    if not lines:
        return []
    end = end or max(0.1, *(line.high for line in lines)) * 1.05
    names = max(len(line.name) for line in lines)
    room = max(LEAST, width - names - 3)

    def at(value: float) -> int:
        return round(min(max(value, 0.0), end) / end * (room - 1))

    drawn = []
    for line in lines:
        cells = [" "] * room
        low, high = at(line.low), at(line.high)
        cells[low : high + 1] = "-" * (high + 1 - low)
        cells[low] = cells[high] = "|"
        if line.also is not None:
            mark, value = line.also
            cells[at(value)] = mark
        cells[at(line.value)] = line.mark
        drawn.append(f"{line.name:{names}}  {''.join(cells)}".rstrip())
    shown = f"{end:.2g}"
    axis = f"{'':{names}}  0{shown:>{room - 1}}"
    return [*drawn, axis]


def bins_picture(measured: Measured, *, width: int) -> list[str]:
    """A reliability diagram: for each bin with labels the accuracy with its interval, and what was stated."""
    lines = [
        IntervalLine(
            name=f"{part.lo:g} to {part.hi:g}",
            mark="o",
            value=part.accuracy,
            low=part.low,
            high=part.high,
            also=("x", part.mean_score),
        )
        for part in measured.bins
        if part.n
        and part.accuracy is not None
        and part.low is not None
        and part.high is not None
        and part.mean_score is not None
    ]
    picture = interval_picture(lines, width=width, end=1.0)
    return (
        ["accuracy (o) with its 95% interval, and the confidence stated (x), by bin:", *picture]
        if picture
        else []
    )


def windows_picture(windows: Sequence[WindowResult], *, width: int) -> list[str]:
    """The raw (o) and served (s) ECE of windows, the last `MOST_WINDOWS`, with 95% intervals."""
    lines = []
    for window in windows[-MOST_WINDOWS:]:
        for side, mark, part in (("raw", "o", window.raw), ("served", "s", window.served)):
            if part.ece is not None and part.low is not None and part.high is not None:
                name = f"{window.period} {side}"
                lines.append(IntervalLine(name=name, mark=mark, value=part.ece, low=part.low, high=part.high))
    picture = interval_picture(lines, width=width)
    return (
        ["ECE of the raw (o) and the served confidence (s), with 95% intervals:", *picture] if picture else []
    )
