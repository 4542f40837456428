"""What callers hand in as confidences: numbers at, near and beyond the ends, and values that are not numbers.

The same rule as everywhere in calibwatch: at most 1e-6 beyond an end is that end, as sums of floats and
32-bit numbers give it. Values in an array that cannot be a confidence become NaN, alone, and are counted.
"""

from __future__ import annotations

import math
from threading import get_ident
from typing import TYPE_CHECKING, Any

from calib.errors import InvalidInput
from calib.format.curves import floats

if TYPE_CHECKING:
    from calib.format.curves import Floats

OVERSHOOT = 1e-6


class Counts:
    """Values that were no confidence (`unusable`) and values that were taken as an end (`rounded`).

    Each thread writes numbers of its own, so that no lock is needed and none gets lost.
    """

    __slots__ = ("_rounded", "_unusable")

    def __init__(self) -> None:
        self._unusable: dict[int, int] = {}
        self._rounded: dict[int, int] = {}

    def add(self, *, unusable: int = 0, rounded: int = 0) -> None:
        """Count some more."""
        me = get_ident()
        for counts, n in ((self._unusable, unusable), (self._rounded, rounded)):
            if n:
                counts[me] = counts.get(me, 0) + n

    @property
    def unusable(self) -> int:
        """Values that were no confidence, since the client was made."""
        return sum(list(self._unusable.values()))

    @property
    def rounded(self) -> int:
        """Values that were taken as 0 or 1, since the client was made."""
        return sum(list(self._rounded.values()))


def one_confidence(raw: float, counts: Counts) -> float:
    """A number as a confidence in [0, 1], or NaN for NaN; counted.

    Raises `InvalidInput` for a number more than 1e-6 outside.
    """
    if 0.0 <= raw <= 1.0:
        return float(raw)
    if raw != raw:
        counts.add(unusable=1)
        return math.nan
    if not -OVERSHOOT <= raw <= 1.0 + OVERSHOOT:
        raise InvalidInput(f"{raw!r} is not a confidence: it must be a number from 0 to 1")
    counts.add(rounded=1)
    return 0.0 if raw < 0.0 else 1.0


def many_confidences(raw: Any, counts: Counts) -> tuple[Floats, Any]:
    """An array, a column or a sequence as confidences of the same shape, and where there is none.

    The second is None where all are usable, else an array of booleans; 0.5 stands there in the first. Raises
    `InvalidInput` for anything that holds no numbers: text, dates, objects.
    """
    import numpy as np

    values = floats(_without_objects(raw))
    if not values.size or (values.min() >= 0.0 and values.max() <= 1.0):
        return values, None
    usable = (values >= -OVERSHOOT) & (values <= 1.0 + OVERSHOOT)
    clipped = np.clip(np.where(usable, values, 0.5), 0.0, 1.0)
    unusable = int(values.size - np.count_nonzero(usable))
    rounded = int(np.count_nonzero(usable & ((values < 0.0) | (values > 1.0))))
    counts.add(unusable=unusable, rounded=rounded)
    return clipped, ~usable if unusable else None


def _without_objects(raw: Any) -> Any:
    """The values, with NaN for those of an array of objects that are not numbers, as None."""
    import numpy as np

    if isinstance(raw, np.ma.MaskedArray):
        return raw
    try:
        values = np.asarray(raw)
    except ValueError:
        return raw  # of uneven length: `floats` says so
    if values.dtype.kind != "O":
        return values
    if not values.ndim:
        raise InvalidInput(f"a confidence is a number from 0 to 1, not {type(raw).__name__}")
    numbers = [_number(value) for value in values.ravel().tolist()]
    if values.size and all(number is None for number in numbers):
        return raw
    converted = [math.nan if number is None else number for number in numbers]
    return np.array(converted, dtype=np.float64).reshape(values.shape)


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, str | bytes | bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
