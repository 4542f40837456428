"""A window's drawn rows with their labels, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A window's drawn rows with their labels; arrays of shape (n,) in the order of the draw.

    `correct` is 1, 0, or NaN where the answer is missing or unsure; `answered` distinguishes the two. `judge`
    is NaN where it has not scored. `order` is a row's place in the draw, over all strata. `day`: on which the
    prediction was made, `outcome_day`: on which its outcome was known, −1 where nobody knows or a person
    answered; both as days of the calendar (`date.toordinal`) of the stream's time zone, None where no day is
    known at all.
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
    day: npt.NDArray[np.int64] | None = None
    outcome_day: npt.NDArray[np.int64] | None = None

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


class AnsweredRow(Protocol):
    """A drawn row with the time of its prediction and, where it has a label, that of the label."""

    @property
    def ts(self) -> datetime: ...
    @property
    def answered_at(self) -> datetime | None: ...
    @property
    def source(self) -> str | None: ...


def day_columns(rows: Sequence[AnsweredRow], timezone: str) -> dict[str, npt.NDArray[np.int64]]:
    """The columns `day` and `outcome_day` of a cohort."""
    zone = ZoneInfo(timezone)

    def day(moment: datetime) -> int:
        return moment.astimezone(zone).toordinal()

    known = [day(row.answered_at) if row.answered_at and row.source == "outcome" else -1 for row in rows]
    return {
        "day": np.array([day(row.ts) for row in rows], dtype=np.int64),
        "outcome_day": np.array(known, dtype=np.int64),
    }
