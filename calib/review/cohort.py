"""A window's drawn rows with their labels, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A window's drawn rows with their labels; arrays of shape (n,) in the order of the draw.

    `correct` is 1, 0, or NaN where the answer is missing or unsure; `answered` distinguishes the two. `judge`
    is NaN where it has not scored. `order` is a row's place in the draw, over all strata.
    """

    id: tuple[str, ...]
    raw: npt.NDArray[np.float64]
    served: npt.NDArray[np.float64]
    mapping: tuple[str | None, ...]
    stratum: npt.NDArray[np.intp]
    probability: npt.NDArray[np.float64]
    correct: npt.NDArray[np.float64]
    segment: tuple[str | None, ...]
    cluster: tuple[str | None, ...]
    judge: npt.NDArray[np.float64]
    order: tuple[str, ...]
    answered: npt.NDArray[np.bool_]

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Which rows have a label: an answer that is correct or incorrect."""
        return ~np.isnan(self.correct)

    @property
    def complete(self) -> bool:
        """Whether every drawn row has an answer, unsure ones included."""
        return bool(self.answered.all())

    @property
    def unsure(self) -> int:
        """How many rows somebody looked at and could not decide."""
        return int((self.answered & np.isnan(self.correct)).sum())
