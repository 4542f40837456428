"""Labelled rows gathered by what they state: all scores are computed from the distinct ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calib.measure.strata import GRID, Strata, cell, strata_of_cells

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Distinct scores, ascending, and what was seen at each; all of shape (K,).

    `group`: the stratum; a score that lies in two has two entries. `rows`: of weight above 0. `weight` and
    `right`: Σ w over all rows and over right answers; `square` and `right_square`: Σ w² of the same.
    """

    score: Floats
    group: Whole
    rows: Floats
    weight: Floats
    right: Floats
    square: Floats
    right_square: Floats

    @property
    def wrong(self) -> Floats:
        """Σ w over wrong answers; without the noise of a difference where there are none."""
        return np.maximum(self.weight - self.right, 0.0)

    @property
    def wrong_square(self) -> Floats:
        """Σ w² over wrong answers."""
        return np.maximum(self.square - self.right_square, 0.0)

    def by_group(self, values: Floats, size: int) -> Floats:
        """Sums by group, shape (size,)."""
        return sums(self.group, values, size)

    def grouped(self, strata: Strata) -> ScoreTable:
        """The same with the strata for groups."""
        return replace(self, group=strata.assign(self.score))

    def scaled(self, factor: Floats) -> ScoreTable:
        """With the weights of each group multiplied; `factor` of shape (B,)."""
        by = factor[self.group]
        weight, right = self.weight * by, self.right * by
        square = by * by
        return replace(
            self,
            weight=weight,
            right=right,
            square=self.square * square,
            right_square=self.right_square * square,
        )

    def spread_out(self, effect: Floats) -> ScoreTable:
        """With the variances of each group multiplied; `effect` of shape (B,)."""
        by = effect[self.group]
        return replace(self, square=self.square * by, right_square=self.right_square * by)

    def merged(self) -> ScoreTable:
        """One entry for each score, whatever its group."""
        starts = _starts(self.score[1:] != self.score[:-1])
        if len(starts) == len(self.score):
            return self
        sums = ("rows", "weight", "right", "square", "right_square")
        joined = {name: np.add.reduceat(getattr(self, name), starts) for name in sums}
        return ScoreTable(score=self.score[starts], group=self.group[starts], **joined)

    def strata(self) -> Strata:
        """Those of `calib.measure.strata`."""
        cells = cell(self.score)
        starts = _starts(cells[1:] != cells[:-1])
        counts = np.add.reduceat(self.weight, starts)
        return strata_of_cells(cells[starts], counts, distinct=len(starts) == len(cells))


def score_table(
    score: Floats, answer: Floats, weight: Floats | None, group: Whole | None = None
) -> ScoreTable:
    """Gather rows, shape (n,) each, n > 0; `answer` 0 or 1, `weight` None where all count the same.

    Scores that language models state are few: where no two differ inside a cell of the grid, counting the
    cells replaces sorting the rows.
    """
    cells = cell(score)
    stated = np.zeros(GRID + 1)
    stated[cells] = score
    size = 1 if group is None else int(group.max()) + 1
    if size * GRID <= max(4 * GRID, 4 * len(score)) and bool((stated[cells] == score).all()):
        key = cells if group is None else cells * size + group
        return _counted(key, stated, size, answer, weight)
    if group is None:
        # With weights the sums of equal scores depend on the order of their rows, which must be the same on
        # every machine; without them they are whole numbers.
        order = np.argsort(score, kind=None if weight is None else "stable")
    else:
        order = np.lexsort((group, score))
    score, answer = score[order], answer[order]
    group = np.zeros(len(score), dtype=np.intp) if group is None else group[order]
    weight = np.ones(len(score)) if weight is None else weight[order]
    right, square = weight * answer, weight * weight
    starts = _starts((score[1:] != score[:-1]) | (group[1:] != group[:-1]))
    columns = ((weight > 0).astype(np.float64), weight, right, square, square * answer)
    if len(starts) < len(score):
        columns = tuple(np.add.reduceat(column, starts) for column in columns)  # type: ignore[assignment]
        score, group = score[starts], group[starts]
    rows, weight, right, square, right_square = columns
    return ScoreTable(
        score=score,
        group=group,
        rows=rows,
        weight=weight,
        right=right,
        square=square,
        right_square=right_square,
    )


def _counted(key: Whole, stated: Floats, size: int, answer: Floats, weight: Floats | None) -> ScoreTable:
    """From the number of each row's cell and group."""
    key_and_answer = 2 * key + (answer > 0.5)
    most = 2 * size * (GRID + 1)

    def split(values: Floats | None) -> tuple[Floats, Floats]:
        counts = np.bincount(key_and_answer, values, most).astype(np.float64)
        return counts[0::2] + counts[1::2], counts[1::2]

    occupied = np.flatnonzero(split(None)[0])
    total, right = (column[occupied] for column in split(weight))
    if weight is None:
        rows, square, right_square = total, total, right
    else:
        square, right_square = (column[occupied] for column in split(weight**2))
        rows = split((weight > 0).astype(np.float64))[0][occupied]
    return ScoreTable(
        score=stated[occupied // size],
        group=(occupied % size).astype(np.intp),
        rows=rows,
        weight=total,
        right=right,
        square=square,
        right_square=right_square,
    )


def sums(index: Whole, values: Floats, size: int) -> Floats:
    """Sums of values by index, shape (size,); adding up runs where the index ascends, as it mostly does."""
    totals = np.zeros(size)
    if len(index) > size and bool((index[1:] >= index[:-1]).all()):
        starts = _starts(index[1:] != index[:-1])
        totals[index[starts]] = np.add.reduceat(values, starts)
    else:
        totals += np.bincount(index, values, size)
    return totals


def _starts(changes: npt.NDArray[np.bool_]) -> Whole:
    """Where runs begin, from whether each entry differs from the one before it."""
    return np.concatenate([[0], np.flatnonzero(changes) + 1])
