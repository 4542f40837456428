"""Strata: the few groups of confidences that decisions rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.measure.given import confidences, numbers

GRID = 10_000  # cells from 0 to 1: fine enough for any stated confidence, whole numbers on every engine
MAX_LEVELS = 12
GROUPS = 10


def cell(scores: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The grid cell of each score: floor(score · 10,000 + ½), the formula that the traffic's engine runs too.

    >>> cell([0.0, 0.57, 1.0]).tolist()
    [0, 5700, 10000]
    """
    return np.floor(np.asarray(scores, dtype=np.float64) * GRID + 0.5).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """Neighbouring grid cells taken together; `upper`: the last cell of each stratum, up to 10,000."""

    upper: tuple[int, ...]
    kind: Literal["levels", "quantiles"]

    def __post_init__(self) -> None:
        if not self.upper or self.upper[-1] != GRID or list(self.upper) != sorted(set(self.upper)):
            raise InvalidInput(f"strata must ascend to {GRID}, not {self.upper}")

    def __len__(self) -> int:
        return len(self.upper)

    def assign(self, scores: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """The stratum, 0 to B − 1, of each score in [0, 1]; shape as given."""
        return self.assign_cells(cell(scores))

    def assign_cells(self, cells: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """The stratum of each grid cell."""
        return np.searchsorted(np.asarray(self.upper), np.asarray(cells, dtype=np.int64), side="left")

    def to_json(self) -> Json:
        """As a JSON object."""
        return {"upper": list(self.upper), "kind": self.kind}

    @classmethod
    def from_json(cls, values: Json) -> Strata:
        """Read what `to_json` wrote."""
        return cls(upper=tuple(int(u) for u in values["upper"]), kind=values["kind"])


def strata(
    scores: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    max_levels: int = MAX_LEVELS,
    groups: int = GROUPS,
) -> Strata:
    """The strata of a set of scores, shape (n,), in [0, 1].

    Each distinct value where there are at most `max_levels` of them, else about `groups` groups of equal
    weight that never split a tie. Raises `InvalidInput` without scores, for NaN and values out of range.

    >>> strata([0.9, 0.9, 0.5, 1.0]).upper
    (5000, 9000, 10000)
    """
    values = confidences(scores).ravel()
    if not values.size:
        raise InvalidInput("strata need at least one score")
    weight = np.ones_like(values) if weights is None else numbers(weights, "weights").ravel()
    if weight.shape != values.shape:
        raise InvalidInput(f"there are {weight.size} weights for {values.size} scores")
    cells, inverse = np.unique(cell(values), return_inverse=True)
    counts = np.bincount(inverse, weight)
    distinct = len(cells) <= max_levels and len(np.unique(values)) == len(cells)
    return strata_of_cells(cells, counts, distinct=distinct, max_levels=max_levels, groups=groups)


def strata_of_cells(
    cells: npt.ArrayLike,
    counts: npt.ArrayLike,
    *,
    distinct: bool,
    max_levels: int = MAX_LEVELS,
    groups: int = GROUPS,
) -> Strata:
    """The same from a population's grid cells, ascending, and their sizes; both of shape (m,).

    `distinct` says that every cell holds a single value, so that cells are levels.
    """
    cell_numbers = np.asarray(cells, dtype=np.int64)
    sizes = np.asarray(counts, dtype=np.float64)
    if distinct and len(cell_numbers) <= max_levels:
        return Strata(upper=(*(int(c) for c in cell_numbers[:-1]), GRID), kind="levels")
    total = sizes.sum()
    middle = (np.cumsum(sizes) - sizes / 2) / (total if total > 0 else 1.0)
    group = np.minimum((middle * groups).astype(np.int64), groups - 1)
    last = np.flatnonzero(np.diff(group) > 0)
    return Strata(upper=(*(int(c) for c in cell_numbers[last]), GRID), kind="quantiles")
