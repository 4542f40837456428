"""Clusters that nobody named: are rows of one day right or wrong together? The labelled rows are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

ALPHA = 0.01  # of finding clusters where rows are independent, for all tests of a sample together
BLOCK = (
    5  # days: over fewer days accuracy hardly drifts, and more would take a fall in mid-month for clusters
)
BESIDE_A_FALL = 0.05  # without the block that looks most like one: a single fall is not a cluster
PERMUTATIONS = 999
CHUNK = 111  # permutations at a time: rows that are clearly independent need no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """One way to say to which day each row belongs: whole days from any first one, shape (n,).

    `name` tells the ways apart. Blocks of five days begin with the first day that has a row.
    """

    name: str
    day: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClusters:
    """What the rows of one day have in common.

    `days`: the name of the `Days`; `by_segment`: rows of one day and one segment belong together, not all of
    a day. `cluster`: a number for each row, shape (n,). `p`: of the permutation test, before allowing for the
    other tests.
    """

    days: str
    by_segment: bool
    cluster: Whole
    p: float


def askable(correct: npt.ArrayLike, days: Days) -> bool:
    """Whether answers differ, and some block of five days has two days with labels."""
    answers = np.asarray(correct, dtype=np.float64)
    if not len(answers) or answers.min() == answers.max():
        return False
    block, day = _numbers((days.day - days.day.min()) // BLOCK), _numbers(days.day)
    first = np.full(int(block.max()) + 1, len(day))
    np.minimum.at(first, block, day)
    return bool((day > first[block]).any())


def find_day_clusters(
    group: npt.ArrayLike,
    correct: npt.ArrayLike,
    days: Sequence[Days],
    segment: Sequence[str | None],
    rng: np.random.Generator,
) -> DayClusters | None:
    """The clusters that labelled rows show, or None.

    `group`: the stratum of each row, `correct`: 0 or 1, `segment`: its name or None; shape (n,) each. For
    each of `days` the rows of one day are tested, and those of one day and segment where rows have segments.

    The statistic is Σ (Σ residuals of a cluster)²; residuals are taken from the mean of the stratum and then
    of the block of five days, and days are permuted among the rows of a block: what differs between blocks
    then lies in both the statistic and its permutations. The test is exact where rows of a block are
    exchangeable; with p ≤ `ALPHA` over the number of tests (Bonferroni) the rows may come in clusters. They
    are said to where it still holds, at `BESIDE_A_FALL`, with the one block divided that looks most like a
    fall of the accuracy inside it. Of several ways that are found, days go before days by segment, which they
    contain, and then the one whose sums are larger.
    """
    stratum, answers = np.asarray(group, dtype=np.intp), np.asarray(correct, dtype=np.float64)
    askable_ways = [way for way in days if askable(answers, way)]
    segments = _numbers(np.array([name or "" for name in segment], dtype=str))
    by_segment = bool(len(segments)) and int(segments.max()) > 0
    limit = ALPHA / max(1, len(askable_ways) * (1 + by_segment))
    candidates: list[tuple[bool, float, DayClusters]] = []
    for way in askable_ways:
        rows = _Rows.of(answers - _means(stratum, answers), way.day, segments)
        tested = rows.tested(limit, by_segment=by_segment, rng=rng)
        if not any(test.p <= limit for test in tested):
            continue
        still = rows.without_fall().tested(BESIDE_A_FALL, by_segment=by_segment, rng=rng)
        for split, (test, beside) in enumerate(zip(tested, still, strict=True)):
            if test.p <= limit and beside.p <= BESIDE_A_FALL:
                cluster = _numbers(rows.cells()) if split else rows.day
                clusters = DayClusters(
                    days=way.name, by_segment=bool(split), cluster=rows.as_given(cluster), p=test.p
                )
                candidates.append((bool(split), -test.excess, clusters))
    return min(candidates, key=lambda entry: entry[:2])[2] if candidates else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """The p-value of a statistic, and how far it lies above the mean of its permutations."""

    p: float
    excess: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Rows in ascending order of their blocks; `order`: their places as they were given.

    `residual`: of mean 0 in each block; `block`, `day` and `segment`: numbers from 0 in ascending order.
    """

    residual: Floats
    block: Whole
    day: Whole
    segment: Whole
    order: Whole

    @classmethod
    def of(cls, residual: Floats, day: npt.NDArray[np.int64], segment: Whole) -> _Rows:
        block = _numbers((day - day.min()) // BLOCK)
        order = np.argsort(block, kind="stable")
        centred = residual - _means(block, residual)
        return cls(
            residual=centred[order],
            block=block[order],
            day=_numbers(day)[order],
            segment=segment[order],
            order=order,
        )

    def as_given(self, values: Whole) -> Whole:
        """A column in the order in which the rows were given."""
        in_given_order = np.empty_like(values)
        in_given_order[self.order] = values
        return in_given_order

    def cells(self) -> Whole:
        """A number for each day and segment."""
        return self.day * (int(self.segment.max()) + 1) + self.segment

    def without_fall(self) -> _Rows:
        """The same rows with the block that looks most like a fall or a rise inside it divided there.

        Of all days between two days of a block it is the one that takes most off the squared sums.
        """
        sums, rows = np.bincount(self.day, self.residual), np.bincount(self.day)
        block_of_day = np.zeros(len(sums), dtype=np.intp)
        block_of_day[self.day] = self.block
        best, place = -1.0, 0
        for day in range(1, len(sums)):
            if block_of_day[day] != block_of_day[day - 1]:
                continue
            inside = block_of_day == block_of_day[day]
            before, after = inside & (np.arange(len(sums)) < day), inside & (np.arange(len(sums)) >= day)
            gain = sum(float(sums[part].sum() ** 2 / rows[part].sum()) for part in (before, after))
            if gain > best:
                best, place = gain, day
        later = (self.block > block_of_day[place]) | (
            (self.block == block_of_day[place]) & (self.day >= place)
        )
        block = self.block + later
        order = np.lexsort((np.arange(len(block)), block))
        return _Rows(
            residual=(self.residual - _means(block, self.residual))[order],
            block=block[order],
            day=self.day[order],
            segment=self.segment[order],
            order=self.order[order],
        )

    def tested(self, limit: float, *, by_segment: bool, rng: np.random.Generator) -> list[_Tested]:
        """Of days, and of days by segment; ends early where no p-value can come down to `limit` any more."""
        observed = self._statistics(np.arange(len(self.day))[None], by_segment)[:, 0]
        reached, total, drawn = np.zeros(len(observed)), np.zeros(len(observed)), 0
        while drawn < PERMUTATIONS:
            statistics = self._statistics(self._shuffled(min(CHUNK, PERMUTATIONS - drawn), rng), by_segment)
            reached += (statistics >= observed[:, None] * (1 - 1e-12)).sum(axis=1)
            total += statistics.sum(axis=1)
            drawn += statistics.shape[1]
            if ((1 + reached) / (PERMUTATIONS + 1) > limit).all():
                break
        return [
            _Tested(p=float((1 + r) / (drawn + 1)), excess=float(o - t / drawn))
            for r, o, t in zip(reached, observed, total, strict=True)
        ]

    def _shuffled(self, repeats: int, rng: np.random.Generator) -> Whole:
        """Rows in a new order inside each block, shape (repeats, n)."""
        places = np.tile(np.arange(len(self.day)), (repeats, 1))
        starts = np.flatnonzero(np.diff(self.block, prepend=-1))
        for start, end in zip(starts, np.append(starts[1:], len(self.day)), strict=True):
            places[:, start:end] = rng.permuted(places[:, start:end], axis=1)
        return places

    def _statistics(self, places: Whole, by_segment: bool) -> Floats:
        """Of each order, shape (1 or 2, repeats)."""
        residual, days = self.residual[places], int(self.day.max()) + 1
        squares = [_squares(np.broadcast_to(self.day, places.shape), days, residual)]
        if by_segment:
            names = int(self.segment.max()) + 1
            squares.append(_squares(self.day * names + self.segment[places], days * names, residual))
        return np.stack(squares)


def _squares(cell: Whole, cells: int, residual: Floats) -> Floats:
    """The sum of the squared sums by cell, row by row of two arrays of shape (repeats, n)."""
    repeats = len(cell)
    place = cell + cells * np.arange(repeats)[:, None]
    sums = np.bincount(place.ravel(), residual.ravel(), cells * repeats).reshape(repeats, cells)
    squares: Floats = (sums**2).sum(axis=1)
    return squares


def _means(group: Whole, values: Floats) -> Floats:
    """Of each row's group, shape (n,)."""
    means: Floats = (np.bincount(group, values) / np.maximum(np.bincount(group), 1))[group]
    return means


def _numbers(values: npt.NDArray[np.generic]) -> Whole:
    """The same values as numbers from 0 in ascending order."""
    numbers: Whole = np.unique(values, return_inverse=True)[1].astype(np.intp)
    return numbers
