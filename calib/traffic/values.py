"""What is asked of the traffic, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy is needed where a survey is, and not by who opens the traffic and asks nothing
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of the table means what; `scope` from scope key to column.

    `scale`: what stated confidences are out of, 1 or for percent 100. Served ones are always in [0, 1].
    """

    id: str
    ts: str
    confidence: str
    scale: float = 1.0
    segment: str | None = None
    scope: Mapping[str, str] = field(default_factory=dict)
    context: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    judge: str | None = None
    cluster: str | None = None
    trace: str | None = None
    served: str | None = None
    mapping: str | None = None
    outcome: str | None = None
    outcome_at: str | None = None

    def numbers(self) -> tuple[str, ...]:
        """The columns that hold numbers."""
        return tuple(name for name in (self.confidence, self.served, self.judge) if name)

    def named(self) -> dict[str, str]:
        """From the settings' key to the column, for all that are set."""
        single = ("id", "ts", "confidence", "segment", "judge", "cluster", "trace", "served", "mapping")
        names = {f"columns.{key}": getattr(self, key) for key in single if getattr(self, key)}
        names |= {f"columns.scope.{key}": name for key, name in self.scope.items()}
        names |= {f"columns.context[{i}]": name for i, name in enumerate(self.context)}
        names |= {f"columns.drift[{i}]": name for i, name in enumerate(self.drift)}
        names |= {"review.column": self.outcome} if self.outcome else {}
        return names | ({"review.at": self.outcome_at} if self.outcome_at else {})


@dataclass(frozen=True, slots=True)
class Interval:
    """The half-open interval [start, end) of aware times."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The population by grid cell, era, mapping and segment; arrays of shape (m,).

    `offset_sum` adds up how far the raw confidences lie above their cells' middles, so that the mean of one
    stated level is that level, to the last bit; `served_sum` is None where production logs none. `judged`:
    rows that the judge has scored, and `judge_sum` what the scores add up to; None if there is no judge.
    """

    cell: Ints
    era: Ints
    mapping: tuple[str | None, ...]
    segment: tuple[str | None, ...]
    n: Ints
    offset_sum: Floats
    served_sum: Floats | None
    judged: Ints | None = None
    judge_sum: Floats | None = None

    @property
    def raw_mean(self) -> Floats:
        """The mean raw confidence of each entry."""
        return _mean(self.cell, self.n, self.offset_sum)


def _mean(cell: Ints, n: Ints, offset_sum: Floats) -> Floats:
    import numpy as np

    from calib.measure import GRID

    mean: Floats = np.clip(cell / GRID + offset_sum / np.maximum(n, 1), 0, 1)
    return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One pass over a window's population: how many rows count, how many do not and why, and where they lie.

    `distinct`: every cell holds a single value, so that cells are the levels that the model states.
    `rounded`: rows that count whose confidence lies beyond 0 or 1 by at most 1e-6. `outside`: the least and
    the greatest finite number that is out of range, as stated; None where there is none. `unscaled`: rows
    that count whose number, as stated, lies between 0 and 1, where the scale is another; else 0. `greatest`:
    the greatest confidence of the rows that count; None where none does.
    """

    population: int
    rejected: dict[str, int]
    cells: Cells
    distinct: bool
    rounded: int = 0
    outside: tuple[float, float] | None = None
    unscaled: int = 0
    greatest: float | None = None

    def by_cell(self) -> tuple[Ints, Ints, Floats]:
        """Grid cells in ascending order, rows in each, and their mean raw confidence."""
        import numpy as np

        cells, inverse = np.unique(self.cells.cell, return_inverse=True)
        counts = np.bincount(inverse, self.cells.n, len(cells)).astype(np.int64)
        offset = np.bincount(inverse, self.cells.offset_sum, len(cells)).astype(np.float64)
        return cells, counts, _mean(cells, counts, offset)

    def by_segment(self) -> dict[str, int]:
        """Rows by segment."""
        totals: dict[str, int] = {}
        for segment, n in zip(self.cells.segment, self.cells.n.tolist(), strict=True):
            if segment is not None:
                totals[segment] = totals.get(segment, 0) + n
        return totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Offending:
    """The first row of a kind that does not count.

    `value`: what `column` holds, in short; None for rows of another scope. `looks`: what kind of value that
    is. `id`: of the row, None where it has none. `where`: its file and line, None where an engine holds it.
    """

    kind: str
    column: str
    value: str | None
    looks: str
    id: str | None
    where: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One drawn row. `order` is its place in the draw, `inclusion_probability` its chance of being drawn."""

    id: str
    ts: datetime
    raw: float
    stratum: int
    order: str
    inclusion_probability: float
    segment: str | None = None
    served: float | None = None
    mapping: str | None = None
    cluster: str | None = None
    judge: float | None = None
    trace: str | None = None
    context: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The drawn rows in the order of their strata, and an estimate of the population's duplicated rows.

    The estimate, by stratum, shape (B,), is exact where a stratum was read whole.
    """

    rows: tuple[Drawn, ...]
    duplicates: Ints


@dataclass(frozen=True, slots=True)
class ArrivedLabel:
    """An answer that arrived by itself, and when (None: unknown)."""

    correct: bool
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What is known of the rows that were asked for.

    `labels` by prediction id. `not_an_answer`: the ids whose outcome says neither right nor wrong.
    `not_found`: how many ids the traffic does not hold; 0 where outcomes are in a table of their own, which
    need not have them yet. `differing`: of ids with two different outcomes the one that does not count.
    `undecided`: ids with two different outcomes of which nothing tells which one holds.
    """

    labels: dict[str, ArrivedLabel]
    not_an_answer: tuple[str, ...] = ()
    not_found: int = 0
    differing: dict[str, ArrivedLabel] = field(default_factory=dict)
    undecided: tuple[str, ...] = ()
