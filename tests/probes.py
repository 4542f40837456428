"""A probe over a model on this machine, as several tests want it."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from calib.probe import Endpoint, Probe, Question, read_questions
from calib.testing.model import KEY, FakeModel

NOW = datetime(2026, 11, 25, 7, 15, tzinfo=UTC)
DAY = timedelta(days=1)


def write_questions(path: Path, n: int = 120) -> Path:
    """Sums, which a model may get right or wrong."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer"])
        writer.writerows([f"q{i:03}", f"What is {i} + {i + 3}?", str(2 * i + 3)] for i in range(n))
    return path


@dataclass
class Adder:
    """A model that adds, wrongly at times: it knows each sum or not, and states what it was told to.

    `wrong`: the share of sums that it gets wrong. `mute`: the share of replies without a confidence.
    """

    wrong: float = 0.2
    stated: float = 0.85
    mute: float = 0.0
    seed: int = 0
    asked: list[str] = field(default_factory=list)

    def __call__(self, prompt: str) -> str:
        line = next(line for line in prompt.splitlines() if line.startswith("What is "))
        self.asked.append(prompt)
        one, other = (int(part) for part in line.removeprefix("What is ").rstrip("?").split(" + "))
        luck = random.Random(f"{self.seed}/{one}")
        answer = one + other + (1 if luck.random() < self.wrong else 0)
        confidence = (
            "" if luck.random() < self.mute else f"\nConfidence: {self.stated + luck.choice([0, 0.1])}"
        )
        return f"Let me see. Step 3 says 0.5.\nAnswer: {answer}{confidence}"


def probe(questions: tuple[Question, ...], url: str = "http://127.0.0.1/v1", **other: Any) -> Probe:
    """A probe with the usual settings; `alpha` is 0.05 where nothing else is said."""
    values: dict[str, Any] = {
        "name": "sums",
        "questions": questions,
        "model": "fake-1",
        "endpoint": url,
        "request": {"temperature": 0},
        "framings": 1,
        "size": "large",
        "match": "number",
        "every": "day",
        "timezone": "UTC",
        "concurrency": 8,
        "attempts": 3,
        "deadline": 60.0,
        "max_rise": 0.03,
        "false_alarms_per_year": 0.05 * 365.25,
        "least_readable": 0.9,
    }
    return Probe(**values | other)


def endpoint(model: FakeModel, *, key: str | None = KEY, timeout: float = 5.0, **request: Any) -> Endpoint:
    """The way to a model on this machine."""
    return Endpoint(model.url, model="fake-1", key=key, request=request, timeout=timeout, limit=8)


def questions(folder: Path, n: int = 120) -> tuple[Question, ...]:
    """The sums, read from a file."""
    return read_questions(write_questions(folder / "sums.csv", n))
