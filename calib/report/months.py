"""The windows of a stream as a report takes them: each result with its times and what its labels cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from calib.results import WindowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A window that is over, of whatever period.

    `result` holds the alerts that were raised until the moment that the report shows. `replay`: of a
    backfill. `max_rise`, `threshold`: the settings when it opened. `answers`: labels that people gave one
    by one; `seconds`: their median time, None where it is not known.
    """

    result: WindowResult
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime
    replay: bool
    max_rise: float
    threshold: float | None
    answers: int = 0
    seconds: float | None = None
