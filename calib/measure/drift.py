"""How far a column's distribution in one sample lies from that in another, where rows have weights.

Numbers: the Wasserstein distance in standard deviations of the earlier sample. Words: the Jensen-Shannon
distance to the base 2, from 0 to 1. Both are what scipy and Evidently compute where all weights are one.
Source of the distances: Villani, Optimal Transport (2009), ch. 6; Lin, IEEE Trans. Inf. Theory 37 (1991).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REPLICATES, LEVEL = 200, 0.95


@dataclass(frozen=True, slots=True)
class Column:
    """What the rows of one sample hold in a column, each of shape (n,).

    `values`: numbers, NaN where there is none, or words, None where there is none. `weights`: what rows stand
    for, finite, not negative, not all zero. `strata`: the number of the stratum that a row was drawn from.
    """

    values: npt.NDArray[Any]
    weights: Floats
    strata: Ints

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which rows hold something."""
        is_number = self.values.dtype == np.float64
        known = [np.isfinite(value) if is_number else value is not None for value in self.values]
        return np.array(known, dtype=bool)

    @property
    def missing(self) -> float:
        """The weighted share of rows that hold nothing, from 0 to 1."""
        return float(self.weights[~self.known].sum() / self.weights.sum())


@dataclass(frozen=True, slots=True)
class Drift:
    """The distance of two samples, and the one below which 95% of samples without any change would stay.

    `chance` takes the rows for independent inside their strata.
    """

    distance: float
    chance: float


def drift(now: Column, before: Column, *, rng: np.random.Generator) -> Drift:
    """The distance of two samples of one column, both of numbers or both of words (`calib.tabular.words`).

    Rows without a number are left out; a word that is missing is a word. `chance` comes from redrawing the
    rows of each stratum, 200 times: the distance between what each sample became and what it was (a bootstrap
    of the difference). Raises `InvalidInput` where a sample holds no number at all.
    """
    numbers = now.values.dtype == np.float64
    if numbers:
        now, before = _known(now), _known(before)
    if not len(now.values) or not len(before.values):
        raise InvalidInput("one of the two samples holds no value of this column")
    together = np.concatenate([now.values, before.values])
    cells, codes = np.unique(together if numbers else together.astype(str), return_inverse=True)
    samples = (
        _Cells(codes[: len(now.values)], now, len(cells)),
        _Cells(codes[len(now.values) :], before, len(cells)),
    )
    current, reference = samples[0].shares, samples[1].shares
    if numbers:
        gaps, scale = np.diff(cells), _scale(cells, reference, current)

        def size(difference: Floats) -> float:
            return float(np.abs(np.cumsum(difference)[:-1]) @ gaps) / scale
    else:
        middle = (current + reference) / 2

        def size(difference: Floats) -> float:
            # the square of the Jensen-Shannon distance to second order, which is exact where it is small
            return float(np.sqrt((difference**2 / middle).sum() / (8 * np.log(2))))

    replicates = [
        size((samples[0].redrawn(rng) - current) - (samples[1].redrawn(rng) - reference))
        for _ in range(REPLICATES)
    ]
    distance = size(current - reference) if numbers else _jensen_shannon(current, reference)
    return Drift(distance, float(np.quantile(replicates, LEVEL, method="higher")))


class _Cells:
    """A sample as the cells that its rows lie in, and their weighted shares."""

    def __init__(self, codes: npt.NDArray[np.intp], column: Column, cells: int) -> None:
        self._codes, self._weights, self._cells = codes, column.weights, cells
        _, stratum, sizes = np.unique(column.strata, return_inverse=True, return_counts=True)
        self._by_stratum = np.argsort(stratum, kind="stable")
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._first, self._size = first[stratum], sizes[stratum]
        self.shares = self._shares(np.ones(len(codes)))

    def redrawn(self, rng: np.random.Generator) -> Floats:
        """The shares of as many rows, drawn from these with replacement in each stratum."""
        place = self._first + np.floor(rng.random(len(self._codes)) * self._size).astype(np.int64)
        return self._shares(np.bincount(self._by_stratum[place], minlength=len(self._codes)))

    def _shares(self, times: npt.NDArray[Any]) -> Floats:
        shares = np.bincount(self._codes, self._weights * times, self._cells)
        total = shares.sum()
        return shares / total if total > 0 else self.shares  # none of the rows that weigh anything came


def _known(column: Column) -> Column:
    known = column.known
    column = Column(column.values[known], column.weights[known], column.strata[known])
    return column if column.weights.sum() > 0 else Column(*(np.empty(0),) * 2, np.empty(0, dtype=np.int64))


def _scale(cells: Floats, reference: Floats, current: Floats) -> float:
    """The reference's standard deviation, that of both where it has none, 1 where all values are one."""
    for shares in (reference, (reference + current) / 2):
        mean = shares @ cells
        variance = shares @ (cells - mean) ** 2
        if variance > 0:
            return float(np.sqrt(variance))
    return 1.0


def _jensen_shannon(p: Floats, q: Floats) -> float:
    middle, divergence = (p + q) / 2, 0.0
    for shares in (p, q):
        some = shares > 0
        divergence += float(shares[some] @ np.log2(shares[some] / middle[some])) / 2
    return float(np.sqrt(max(0.0, divergence)))
