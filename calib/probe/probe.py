"""A probe as its settings describe it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calib.elicit import framings
from calib.elicit.prompts import Size
from calib.json_object import Json
from calib.period import Kind, Period, per_year
from calib.probe.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One probe as its settings describe it; `deadline` in seconds for all questions together."""

    name: str
    questions: tuple[Question, ...]
    model: str
    endpoint: str
    request: Json
    framings: int
    size: Size
    match: str
    every: Kind
    timezone: str
    concurrency: int
    attempts: int
    deadline: float
    max_rise: float
    false_alarms_per_year: float
    least_readable: float

    @property
    def alpha(self) -> float:
        """What one run may spend of the yearly false-alarm budget."""
        return min(0.5, self.false_alarms_per_year / per_year(self.every))

    @property
    def setup(self) -> Json:
        """All that decides what is asked and how it is read: runs of another setup are other runs."""
        question_digests = [[question.id, question.digest] for question in self.questions]
        return {
            "model": self.model,
            "endpoint": self.endpoint,
            "request": self.request,
            "framings": self.framings,
            "size": self.size,
            "match": self.match,
            "prompts": digest_of(framings("", n=self.framings, size=self.size)),
            "questions": digest_of(question_digests),
        }

    def period(self, at: datetime) -> str:
        """The period that a moment falls into: the key of its run."""
        return Period.containing(at, self.every, self.timezone).name


def digest_of(value: Any) -> str:
    """SHA-256 of a value in JSON, its keys sorted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
