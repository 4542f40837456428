"""Labelled rows as calibrators take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Labels:
    """Scores in [0, 1], answers 0 or 1, and weights ≥ 0, of shape (n,); `InvalidInput` for anything else.

    `segment`: the name of each row's segment or None, shape (n,); None where rows have none.
    """

    scores: Floats
    correct: Floats
    weights: Floats
    segment: Texts | None = None

    def __post_init__(self) -> None:
        for name in ("scores", "correct", "weights"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        if self.scores.ndim != 1 or not self.scores.shape == self.correct.shape == self.weights.shape:
            raise InvalidInput("scores, correct and weights must be of one shape (n,)")
        if self.segment is not None and self.segment.shape != self.scores.shape:
            raise InvalidInput("there must be one segment, or None, for each score")
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise InvalidInput("scores must be numbers in [0, 1]")
        if not ((self.correct == 0) | (self.correct == 1)).all():
            raise InvalidInput("correct must be 0 or 1")
        if not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise InvalidInput("weights must be finite and not negative")

    @property
    def n(self) -> int:
        """How many rows carry weight."""
        return int((self.weights > 0).sum())

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum())

    @property
    def segments(self) -> Texts:
        """The segment of each row, all None where rows have none."""
        return np.full(len(self.scores), None, dtype=object) if self.segment is None else self.segment

    def scaled(self, total: float) -> Labels:
        """The same rows with weights that add up to `total`."""
        return Labels(self.scores, self.correct, self.weights * (total / self.total), self.segment)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Labels:
        """Some of the rows."""
        segment = None if self.segment is None else self.segment[which]
        return Labels(self.scores[which], self.correct[which], self.weights[which], segment)

    def plus(self, other: Labels | None) -> Labels:
        """These rows and others."""
        if other is None:
            return self
        segment = None
        if self.segment is not None or other.segment is not None:
            segment = np.concatenate([self.segments, other.segments])
        return Labels(
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.correct, other.correct]),
            np.concatenate([self.weights, other.weights]),
            segment,
        )


def labels_of(
    scores: npt.ArrayLike,
    correct: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    segment: npt.ArrayLike | None = None,
) -> Labels:
    """Labels from anything like an array; weights of 1 by default."""
    score = np.asarray(scores, dtype=np.float64)
    weight = np.ones_like(score) if weights is None else np.asarray(weights, dtype=np.float64)
    names = None
    if segment is not None:
        given = np.asarray(segment, dtype=object).ravel()
        names = np.array([None if one is None else str(one) for one in given], dtype=object)
    return Labels(score, np.asarray(correct, dtype=np.float64), weight, names)
