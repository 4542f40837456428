"""The kinds of rows that do not count, and which of them decide over a window. Standard library alone.

`not_a_number`, `out_of_range` and `missing_id` say that somebody writes the rows wrongly: what is left beside
them need not look like the whole, so that beyond a limit nothing may be concluded. The other kinds occur in
sound traffic too (models that state no confidence, rows that were written twice): they are counted, and
decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

UNREADABLE = ("not_a_number", "out_of_range", "missing_id")
OTHER_STREAMS = ("out_of_scope",)
OF_NO_PERIOD = ("bad_timestamp", "cut_line", "repeated_header")  # counted beside every window

TENTHS, PERCENT = 10.0, 100.0


def unreadable(rejected: Mapping[str, int]) -> int:
    """How many rows cannot be read: of the kinds that decide.

    >>> unreadable({"missing": 5, "out_of_range": 2, "missing_id": 1})
    3
    """
    return sum(rejected.get(kind, 0) for kind in UNREADABLE)


def rows_in_scope(population: int, rejected: Mapping[str, int]) -> int:
    """The rows of the window that belong to its stream, readable or not.

    >>> rows_in_scope(90, {"out_of_scope": 500, "bad_timestamp": 7, "missing": 6, "out_of_range": 4})
    100
    """
    return population + sum(
        n for kind, n in rejected.items() if kind not in OTHER_STREAMS and kind not in OF_NO_PERIOD
    )


def beyond(population: int, rejected: Mapping[str, int], limit: float) -> bool:
    """Whether more than a share `limit` of the rows in scope cannot be read.

    >>> beyond(95, {"out_of_range": 5}, 0.05), beyond(94, {"out_of_range": 6}, 0.05)
    (False, True)
    """
    return unreadable(rejected) > limit * rows_in_scope(population, rejected)


def rejected_share(population: int, rejected: Mapping[str, int]) -> float | None:
    """The share of the stream's own rows that do not count, whatever the kind; None where there is no row.

    >>> rejected_share(75, {"out_of_scope": 500, "missing": 25}), rejected_share(0, {})
    (0.25, None)
    """
    left_out = sum(n for kind, n in rejected.items() if kind not in OTHER_STREAMS)
    return left_out / (left_out + population) if left_out + population else None


def scale_of(low: float, high: float) -> float | None:
    """What numbers outside [0, 1] that run from `low` to `high` seem to be out of; None for anything else.

    >>> scale_of(5, 100), scale_of(1.5, 9.5), scale_of(-0.2, 3), scale_of(2, 250)
    (100.0, 10.0, None, None)
    """
    if low <= 1 or high > PERCENT:
        return None
    return PERCENT if high > TENTHS else TENTHS
