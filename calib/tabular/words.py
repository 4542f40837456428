"""A column whose values are compared: of numbers, or of words that repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.tabular.rules import number_of

MISSING, OTHER = "(missing)", "(other values)"
LEAST_ROWS, LONGEST = 5, 40  # a category has so many rows, and so many characters at most
NAMED = 0.5  # the share of rows that categories have to make up


def numbers_or_words(values: Sequence[Any]) -> npt.NDArray[Any]:
    """Numbers as float64 where every known value is one, as number or as text; else text, None for nothing.

    >>> numbers_or_words(["5", None, 2.5]).tolist(), numbers_or_words(["5", "five", True]).tolist()
    ([5.0, nan, 2.5], ['5', 'five', 'true'])
    """
    known = [value for value in values if not _nothing(value)]
    parsed = [number_of(value) for value in known]
    if all(number is not None for number in parsed):
        of_row = iter(parsed)
        return np.array([np.nan if _nothing(value) else next(of_row) for value in values], dtype=np.float64)
    return np.array([None if _nothing(value) else _word(value) for value in values], dtype=object)


def categories(now: npt.NDArray[Any], before: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Words of two samples without any that few rows share, and without long ones.

    What five rows or more hold in 40 characters or fewer keeps its name. The rest becomes `(other values)`,
    and nothing `(missing)`. Raises `InvalidInput` where the rest is more than half of a sample:
    identifiers and free text are no categories.
    """
    counted = Counter(value for value in (*now, *before) if value is not None)
    named = {value for value, rows in counted.items() if rows >= LEAST_ROWS and len(value) <= LONGEST}
    for words in (now, before):
        known = [value for value in words if value is not None]
        if sum(value in named for value in known) < NAMED * len(known):
            raise InvalidInput(
                f"{len(set(known)):,} different values in {len(known):,} rows are neither numbers nor short "
                "words that repeat"
            )

    def name(value: Any) -> str:
        return MISSING if value is None else value if value in named else OTHER

    first, second = (np.array([name(value) for value in values], dtype=object) for values in (now, before))
    return first, second


def _nothing(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)
