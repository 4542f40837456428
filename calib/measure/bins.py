"""The one binner, and reliability by bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.measure.intervals import wilson
from calib.measure.sample import Sample
from calib.measure.score_table import ScoreTable, score_table, sums

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins (lo, hi] over [0, 1], 0 in the first one; `edges` ascend from 0 to 1, shape (B + 1,).

    A score equal to an edge as written in decimals belongs to the bin below it. `floor(10·p)` and
    `digitize(p, linspace(0, 1, 11))` put 0.3, 0.6 and 0.7 into the wrong bin, because 3·0.1 is not 0.3.

    >>> Bins.equal_width(10).assign([0.0, 0.3, 0.30000000000000004, 1.0]).tolist()
    [0, 2, 3, 9]
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        edges = self.edges
        if len(edges) < 2 or edges[0] != 0 or edges[-1] != 1 or list(edges) != sorted(set(edges)):
            raise InvalidInput(f"the edges of bins must ascend from 0 to 1, not {edges}")

    @classmethod
    def equal_width(cls, n: int = 10) -> Bins:
        """`n` bins of width 1/n; k/n rounds to the double that its decimals denote."""
        if n < 1:
            raise InvalidInput(f"there must be at least one bin, not {n}")
        return cls(tuple(k / n for k in range(n + 1)))

    @classmethod
    def of(cls, uppers: npt.ArrayLike) -> Bins:
        """Bins that end at the given levels or quantiles; 0 and 1 are added where they are missing."""
        inner = {float(u) for u in np.asarray(uppers, dtype=np.float64).ravel()}
        if not all(0 <= u <= 1 for u in inner):
            raise InvalidInput("levels and quantiles of confidence lie in [0, 1]")
        return cls(tuple(sorted(inner | {0.0, 1.0})))

    def __len__(self) -> int:
        return len(self.edges) - 1

    def assign(self, scores: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """The bin, 0 to B − 1, of each score; shape as given. Raises `InvalidInput` outside [0, 1]."""
        values = np.asarray(scores, dtype=np.float64)
        if not ((values >= 0) & (values <= 1)).all():
            raise InvalidInput("scores must be numbers in [0, 1]")
        return np.searchsorted(np.asarray(self.edges[1:-1]), values, side="left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bin: rows, share of weight, mean score, and accuracy with its interval; None where empty.

    Rows of weight zero are not counted.
    """

    lo: float
    hi: float
    n: int
    weight: float
    mean_score: float | None
    accuracy: float | None
    low: float | None
    high: float | None

    def to_json(self) -> Json:
        """As a JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Stated confidence against observed accuracy, bin by bin."""

    bins: tuple[Bin, ...]


def reliability(
    scores: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    bins: Bins | None = None,
    level: float = 0.95,
) -> Reliability:
    """Accuracy and mean score by bin; `scores`, `correct` and `weights` of shape (n,).

    Intervals are Wilson's on Kish's effective number of labels, (Σw)²/Σw². Raises `InvalidInput` for
    shapes that differ, NaN, scores outside [0, 1], answers other than 0 and 1, and negative weights.
    """
    sample = Sample(scores, correct, weights)
    weight = None if weights is None else sample.relative_weights
    table = score_table(sample.scores, sample.correct, weight) if len(sample) else None
    return Reliability(bins=bins_of(table, bins or Bins.equal_width(10), level))


def bins_of(table: ScoreTable | None, bins: Bins, level: float = 0.95) -> tuple[Bin, ...]:
    """The bins of gathered rows; all of them empty where there are none."""
    size = len(bins)
    rows, total, stated, right, squares = (np.zeros(size) for _ in range(5))
    if table is not None:
        index = bins.assign(table.score)
        columns = (table.rows, table.weight, table.weight * table.score, table.right, table.square)
        rows, total, stated, right, squares = (sums(index, column, size) for column in columns)
    filled = total > 0
    safe = np.where(filled, total, 1.0)
    mean, accuracy = stated / safe, np.clip(right / safe, 0, 1)
    labels = np.divide(total**2, squares, out=np.zeros(size), where=squares > 0)
    low, high = wilson(accuracy, labels, level)
    share = total / max(float(total.sum()), np.finfo(float).tiny)

    def shown(values: Floats, b: int) -> float | None:
        return float(values[b]) if filled[b] else None

    return tuple(
        Bin(
            lo=bins.edges[b],
            hi=bins.edges[b + 1],
            n=int(rows[b]),
            weight=float(share[b]),
            mean_score=shown(mean, b),
            accuracy=shown(accuracy, b),
            low=shown(low, b),
            high=shown(high, b),
        )
        for b in range(size)
    )
