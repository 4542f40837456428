"""Which rows of two samples answer the same question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput

Places = npt.NDArray[np.intp]


def paired_rows(
    before: Sequence[str | None],
    after: Sequence[str | None],
    *,
    column: str,
    names: tuple[str, str] = ("before", "after"),
) -> tuple[Places, Places]:
    """The places of the rows of both samples that answer the same question, in one order.

    `before` and `after`: the question of each row; a row without one (None) has no partner. `column` and
    `names`: what messages call the questions' column and the two samples. Raises `InvalidInput` where a
    question stands twice in one sample, and where the two have none in common.

    >>> [places.tolist() for places in paired_rows(["a", "b", None], ["c", "b", "a"], column="id")]
    [[0, 1], [2, 1]]
    """
    places_before, places_after = (
        _places(keys, column=column, name=name) for keys, name in zip((before, after), names, strict=True)
    )
    shared = sorted(places_before.keys() & places_after.keys())
    if not shared:
        raise InvalidInput(
            f"{names[0]} and {names[1]} have no value of {column!r} in common: nothing is paired"
        )
    return _of_all(places_before, shared), _of_all(places_after, shared)


def _places(keys: Sequence[str | None], *, column: str, name: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, key in enumerate(keys):
        if key is None:
            continue
        if key in places:
            raise InvalidInput(
                f"{name}: {column!r} must name each question once, but {key!r:.60} is there more than once"
            )
        places[key] = place
    return places


def _of_all(places: dict[str, int], keys: Sequence[str]) -> Places:
    return np.array([places[key] for key in keys], dtype=np.intp)
