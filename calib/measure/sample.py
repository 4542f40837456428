"""One labelled sample: the rows that every statistic, calibrator and test takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.measure.given import confidences, numbers

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
Which = npt.NDArray[np.bool_] | npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Sample:
    """Labelled rows, each column of shape (n,), checked once when the sample is made.

    `scores`: stated confidences in [0, 1]. `correct`: 0 or 1. `weights`: finite and not negative; 1 for each
    row by default. `segments`, `clusters` and `periods`: the name of each row's segment, of what it has in
    common with others (a conversation, a day), and of its period; None for a row that has none, and for all
    rows where the column is not given. `judge`: a cheap score of each answer; NaN where there is none.

    Columns are read by the rules of `calib.measure.given`. Raises `InvalidInput` for columns of another
    shape and for values that are no numbers or out of range.

    >>> sample = Sample([0.9, 0.6], [1, 0], segments=["billing", None])
    >>> len(sample), sample.total, len(sample.of_segment("billing"))
    (2, 2.0, 1)
    """

    scores: Floats
    correct: Floats
    weights: Floats
    segments: Texts
    clusters: Texts
    judge: Floats
    periods: Texts

    def __init__(
        self,
        scores: npt.ArrayLike,
        correct: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        segments: npt.ArrayLike | Sequence[str | None] | None = None,
        clusters: npt.ArrayLike | Sequence[str | None] | None = None,
        judge: npt.ArrayLike | None = None,
        periods: npt.ArrayLike | Sequence[str | None] | None = None,
    ) -> None:
        score = confidences(scores)
        answer = numbers(correct, "correct", booleans=True)
        weight = _everywhere(1.0, score.shape) if weights is None else numbers(weights, "weights")
        if score.ndim != 1 or not score.shape == answer.shape == weight.shape:
            raise InvalidInput(
                "scores, correct and weights must be of one shape (n,), "
                f"not {score.shape}, {answer.shape}, {weight.shape}"
            )
        if not ((answer == 0) | (answer == 1)).all():
            raise InvalidInput("correct must be 0 or 1")
        if not (np.isfinite(weight) & (weight >= 0)).all():
            raise InvalidInput("weights must be finite and not negative")
        judged = _everywhere(np.nan, score.shape) if judge is None else numbers(judge, "the judge's scores")
        if judged.shape != score.shape:
            raise InvalidInput("there must be one judge's score, or NaN, for each score")
        self._fill(
            scores=score,
            correct=answer,
            weights=weight,
            segments=_texts(segments, len(score), "segment"),
            clusters=_texts(clusters, len(score), "cluster"),
            judge=judged,
            periods=_texts(periods, len(score), "period"),
        )

    def _fill(self, **columns: npt.NDArray[np.generic]) -> None:
        for name, column in columns.items():
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def n(self) -> int:
        """How many rows carry weight."""
        return int((self.weights > 0).sum())

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum())

    @property
    def relative_weights(self) -> Floats:
        """The weights with 1 for the largest, so that no square of one overflows or vanishes.

        Raises `InvalidInput` where every weight is zero.
        """
        if not len(self):
            return self.weights
        if not self.weights.any():
            raise InvalidInput("weights must be finite, not negative, and not all zero")
        relative: Floats = self.weights / self.weights.max()
        return relative

    @property
    def cluster_numbers(self) -> npt.NDArray[np.intp] | None:
        """Each row's cluster as a number; a row without one is its own. None where no row has one."""
        known = np.array([cluster is not None for cluster in self.clusters], dtype=bool)
        if not known.any():
            return None
        numbers = np.empty(len(self), dtype=np.intp)
        _, numbers[known] = np.unique(self.clusters[known].astype(str), return_inverse=True)
        numbers[~known] = len(self) + np.arange(int((~known).sum()))
        return numbers

    @property
    def segment_names(self) -> list[str]:
        """The names of the segments, in alphabetical order."""
        return sorted({name for name in self.segments if name is not None})

    def take(self, which: Which) -> Sample:
        """The rows where the mask `which` is true, or those at the places that it names, in its order."""
        return _of_checked({field.name: getattr(self, field.name)[which] for field in fields(self)})

    def of_segment(self, name: str) -> Sample:
        """The rows of one segment, with the weights that they have here."""
        return self.take(self.segments == name)

    def scaled(self, total: float) -> Sample:
        """The same rows with weights that add up to `total`."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return _of_checked(columns | {"weights": self.weights * (total / self.total)})

    def normalised(self) -> Sample:
        """The same rows with weights that add up to their number; unchanged where there is no weight."""
        return self.scaled(len(self)) if self.total > 0 else self

    def plus(self, other: Sample | None) -> Sample:
        """These rows and then the others."""
        return self if other is None else joined([self, other])


def joined(samples: Sequence[Sample]) -> Sample:
    """The rows of all samples, one after the other, with the weights that they have; at least one sample."""
    return _of_checked(
        {
            field.name: np.concatenate([getattr(sample, field.name) for sample in samples])
            for field in fields(Sample)
        }
    )


def _of_checked(columns: dict[str, npt.NDArray[np.generic]]) -> Sample:
    """A sample of columns that were parts of checked ones: checking them again takes longer than a fit."""
    sample = object.__new__(Sample)
    sample._fill(**columns)
    return sample


def _everywhere(value: object, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The same value in each row, stored once: a column that nobody gave takes neither memory nor time."""
    kind = np.float64 if isinstance(value, float) else object
    return np.broadcast_to(np.array(value, dtype=kind), shape)


def _texts(text_values: npt.ArrayLike | Sequence[str | None] | None, n: int, word: str) -> Texts:
    """A column of texts and None, shape (n,)."""
    if text_values is None:
        return _everywhere(None, (n,))
    texts = np.empty(n, dtype=object)
    values = np.asarray(text_values, dtype=object)
    if values.shape != (n,):
        raise InvalidInput(f"there must be one {word}, or None, for each score")
    texts[:] = [None if _is_missing(value) else str(value) for value in values]
    return texts


def _is_missing(value: Any) -> bool:
    """None, NaN, and what pandas has for them."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value
