"""What the deployment of `write.py` watches: traffic, its right answers, and a model for a probe."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LEVELS = np.array([0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
SHARES = np.array([0.10, 0.15, 0.20, 0.25, 0.20, 0.10])
MONTHS = ["2025-05", "2025-06", "2025-10", "2025-11", "2025-12", *(f"2026-{m:02d}" for m in range(1, 6))]
CHANGED, CHANGED_AGAIN = "2025-12", "2026-05"  # from these months on the accuracy is lower


def population(
    seed: str, n: int, start: datetime, days: int, below: float, *, segments: int = 1
) -> dict[str, Any]:
    """Predictions of an overconfident model: times, stated confidences and whether each was right.

    The accuracy is `below` the stated confidence; in the second of two segments it is 0.2 lower still.
    """
    rng = np.random.default_rng([*seed.encode()])
    raw = rng.choice(LEVELS, n, p=SHARES)
    seconds = np.sort(rng.integers(0, days * 86_400, n)).tolist()
    below = below + 0.2 * (np.arange(n) % segments)
    return {
        "at": [start + timedelta(seconds=second) for second in seconds],
        "raw": raw,
        "correct": (rng.random(n) < np.clip(raw - below, 0, 1)).astype(int),
        "rng": rng,
    }


def write_traffic(folder: Path) -> dict[str, int]:
    """All traffic; returns the right answer to each prediction of the stream `support`."""
    (folder / "traffic" / "triage").mkdir(parents=True)
    for month in MONTHS:
        start = datetime.fromisoformat(f"{month}-01T02:00:00+00:00")
        below = 0.05 + 0.25 * (month >= CHANGED) + 0.45 * (month >= CHANGED_AGAIN)
        made = population(f"triage {month}", 500, start, 27, below, segments=2)
        rng, n = made["rng"], len(made["raw"])
        noise = rng.random(n) < 0.2
        table = {
            "id": [f"t-{month}-{i}" for i in range(n)],
            "at": pa.array(made["at"], pa.timestamp("us", "UTC")),
            "confidence": np.where(np.arange(n) % 97 == 0, np.nan, made["raw"]),
            "team": ["sales" if i % 2 else "billing" for i in range(n)],
            "model": ["gpt-4o" if i % 50 else "gpt-3" for i in range(n)],
            "source": ["app" if i % 40 else "batch" for i in range(n)],
            "question": [f"question {i}" for i in range(n)],
            "reply": [f"=reply {i}" for i in range(n)],
            "judge": np.where(noise, 1 - made["correct"], made["correct"]).astype("int8"),
            "conversation": [f"c-{month}-{i // 2}" for i in range(n)],
            "trace": [f"trace-{i // 3}" for i in range(n)],
            "correct": made["correct"].astype("int8"),
            "known_at": pa.array([t + timedelta(days=1) for t in made["at"]], pa.timestamp("us", "UTC")),
        }
        path = folder / "traffic" / "triage" / f"{month}.parquet"
        pq.write_table(pa.table(table), path, compression="zstd")
    truth: dict[str, int] = {}
    header = ["prediction_id", "ts", "raw_confidence", "question"]
    with (folder / "traffic" / "support.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for month in ("2026-02", "2026-03", "2026-04", "2026-05"):
            start = datetime.fromisoformat(f"{month}-01T02:00:00+00:00")
            made = population(f"support {month}", 300, start, 27, 0.12)
            for i, (when, raw, correct) in enumerate(
                zip(made["at"], made["raw"], made["correct"], strict=True)
            ):
                truth[f"s-{month}-{i}"] = int(correct)
                writer.writerow([f"s-{month}-{i}", when.isoformat(), raw, f"How do I cancel order {i}?"])
    with (folder / "traffic" / "router.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header[:3], "served", "mapping", "correct"])
        for day in (28, 29, 30, 31):
            start = datetime(2026, 5, day, tzinfo=UTC)
            made = population(f"router {day}", 200, start, 1, 0.12)
            for i, (when, raw, correct) in enumerate(
                zip(made["at"], made["raw"], made["correct"], strict=True)
            ):
                writer.writerow([f"r-{day}-{i}", when.isoformat(), raw, round(raw * 0.9, 4), "", correct])
    with (folder / "traffic" / "chat.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header[:3])
        made = population("chat", 200, datetime(2026, 5, 25, 1, tzinfo=UTC), 6, 0.12)
        for i, (when, raw) in enumerate(zip(made["at"], made["raw"], strict=True)):
            writer.writerow([f"h-{i}", when.isoformat(), raw])
    with (folder / "sums.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer"])
        writer.writerows([f"q{i:03}", f"What is {i} + {i + 3}?", str(2 * i + 3)] for i in range(60))
    return truth


def adder(wrong: float) -> Callable[[str], str]:
    """A model that adds, and gets a share of the sums wrong."""

    def answer(prompt: str) -> str:
        line = next(line for line in prompt.splitlines() if line.startswith("What is "))
        one, other = (int(part) for part in line.removeprefix("What is ").rstrip("?").split(" + "))
        luck = random.Random(f"{one}")
        total = one + other + (1 if luck.random() < wrong else 0)
        return f"Answer: {total}\nConfidence: {0.85 + luck.choice([0, 0.1]):.2f}"

    return answer
