"""An alert as a value; `calib.alerts.message` has the words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from calib.json_object import Json

NAMESPACE = uuid.UUID("0c3f7c0e-7d6e-5a65-8d0b-3a0d8f0a5d11")

BACKFILL_DONE = "backfill_done"
FAILED = "stream_failed"
OF_NO_WINDOW = (
    BACKFILL_DONE,
    "mapping_stale",
    FAILED,
    "job_missed",
    "store_unsafe",
    "alerts_parked",
)  # kinds that belong to no window: their period is a day, or the last period of the backfill
FOR_REVIEWERS = ("cohort_opened", "cohort_closing")  # they say that there is something to label
NOTE = "note"  # no alert: a line in the thread of one, or of a period without findings
OPENS = ("early_warning", "degraded")  # what begins a thread is said before what belongs into it
Severity = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something to inform people of, once; `facts` are numbers and names, never a reviewer's context.

    `period` is the window's period; for an alert that belongs to no window the day or minute (like
    2026-11-28), or the last period of a backfill. `revision`: that of the window. `episode`: the id of the
    episode that it belongs to; None where it is in none. `channel`: where Slack is to post it, None for the
    channel of all alerts. `about`: of a `NOTE` outside an episode the id of the alert that it is said beside.
    What tells notes of one period apart, backfills that end in it, and things outside that failed on it, is
    `facts["key"]`.
    """

    kind: str
    stream: str
    period: str
    severity: Severity
    facts: Json
    revision: int = 1
    episode: str | None = None
    channel: str | None = None
    about: str | None = None

    @property
    def id(self) -> str:
        """The same for the same kind, stream, period and revision, so that twice is recognised as once."""
        key = f"{self.stream}/{self.period}/{self.kind}"
        if self.kind in (NOTE, BACKFILL_DONE) or (self.kind == FAILED and "key" in self.facts):
            key = f"{key}/{self.facts['key']}"
        return str(uuid.uuid5(NAMESPACE, key if self.revision == 1 else f"{key}/{self.revision}"))
