"""Straight lines between knots over whole arrays: the steps of `PiecewiseLinear.scalar`, to the last bit.

`numpy.interp` is not used: it multiplies by a slope, fused with the addition on some processors, so that its
last bits depend on the machine. Here the knot to the left is found by a table over [0, 1] instead of a
search, block by block inside the processor's cache, which makes up for the additional steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

BLOCK = 8192  # rows: the work arrays stay in the second-level cache
FINEST = 1 << 14  # cells of the table; where knots are closer together they are searched for


class Lines:
    """A piecewise linear curve, prepared once; safe to call from many threads."""

    __slots__ = ("_after", "_cells", "_first", "_overshoots", "_rise", "_start", "_step", "_top", "_x")

    def __init__(self, x: Sequence[float], y: Sequence[float]) -> None:
        self._x, heights = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
        # Line i lies to the left of knot i: level before the first knot and after the last one.
        self._start = np.concatenate([[0.0], self._x])
        self._step = np.concatenate([[1.0], np.diff(self._x), [1.0]])
        self._rise = np.concatenate([[0.0], np.diff(heights), [0.0]])
        self._first = np.concatenate([heights[:1], heights])
        self._top = np.concatenate([heights, heights[-1:]])
        self._overshoots = bool(np.any(self._first + self._rise > self._top))
        self._after = np.append(self._x, np.inf)
        self._cells = self._table()

    def __call__(self, raw: Floats) -> Floats:
        """The curve at each of `raw`, which lies in [0, 1]; any shape."""
        flat = np.ascontiguousarray(raw).reshape(-1)
        result = np.empty_like(flat)
        for begin in range(0, len(flat), BLOCK):
            self._evaluate(flat[begin : begin + BLOCK], result[begin : begin + BLOCK])
        return result.reshape(np.shape(raw))

    def _evaluate(self, raw: Floats, out: Floats) -> None:
        value = np.empty_like(raw)
        line = self._lines_of(raw, value)
        np.subtract(raw, self._start.take(line, out=value, mode="clip"), out=out)
        np.divide(out, self._step.take(line, out=value, mode="clip"), out=out)
        np.multiply(out, self._rise.take(line, out=value, mode="clip"), out=out)
        np.add(out, self._first.take(line, out=value, mode="clip"), out=out)
        if self._overshoots:
            np.minimum(out, self._top.take(line, out=value, mode="clip"), out=out)

    def _lines_of(self, raw: Floats, work: Floats) -> Indices:
        """How many knots lie at or below each of `raw`."""
        if self._cells is None:
            return np.searchsorted(self._x, raw, side="right")
        cell = np.multiply(raw, len(self._cells) - 1, out=work).astype(np.intp)  # exact: a power of two
        line = self._cells.take(cell, mode="clip")
        line += raw >= self._after.take(line, out=work, mode="clip")
        return line

    def _table(self) -> Indices | None:
        """For each cell of [0, 1] the knots at or below its start, where no cell holds a second one."""
        closest = float(np.diff(self._x).min()) if len(self._x) > 1 else 1.0
        cells = 64
        while cells * closest < 1.0:
            cells *= 2
            if cells > FINEST:
                return None
        return np.searchsorted(self._x, np.arange(cells + 1) / cells, side="right").astype(np.intp)
