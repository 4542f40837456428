"""How often the gate fails a model against itself, proves it stable, and catches a worse one.

Real stated confidences of language models on MMLU-Pro (CALIB_REAL_DATA): gpt-4o against itself on other
questions, and against claude-3-haiku. Beside it what most teams do: fail where the plugin ECE of ten
equal-width bins is more than .03 higher.

    CALIB_REAL_DATA=… python benchmarks/gate.py [--repeats 1000]
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from calib.gate import gate
from calib.measure import Bins
from calib.measure.sample import Sample

MODELS = ("gpt-4o-2024-08-06", "claude-3-haiku-20240307")
MAX_RISE = 0.03


def answers(data: Path) -> dict[str, Sample]:
    """All usable answers of the two models."""
    columns = ["stream", "raw_confidence", "correct"]
    table = pq.read_table(
        data / "llm_mmlupro_verbal_A.parquet", columns=columns, filters=[("stream", "in", list(MODELS))]
    )
    frame = table.to_pandas()
    frame = frame[frame.raw_confidence.between(0, 1)]
    return {
        name: Sample(
            scores=part.raw_confidence.to_numpy(float),
            correct=part.correct.to_numpy(float),
            weights=np.ones(len(part)),
        )
        for name, part in frame.groupby("stream")
    }


def draw(before: Sample, after: Sample, n: int, seed: int) -> tuple[Sample, Sample]:
    """n random answers of each; of one model, other ones."""
    rng = np.random.default_rng(seed)
    first, second = rng.permutation(len(before.scores)), rng.permutation(len(after.scores))
    if before is after:
        return before.take(first[:n]), before.take(first[n : 2 * n])
    return before.take(first[:n]), after.take(second[:n])


def plugin(sample: Sample) -> float:
    """The ECE of ten equal-width bins, as every library computes it."""
    bin_: npt.NDArray[np.intp] = Bins.equal_width(10).assign(sample.scores)
    return float(np.abs(np.bincount(bin_, sample.scores - sample.correct, 10)).sum() / len(sample.scores))


def verdicts(before: Sample, after: Sample, n: int, repeats: int) -> Counter[str]:
    """How often each state, `proven`, and `rule` (the plugin rule would fail)."""
    found: Counter[str] = Counter()
    for seed in range(repeats):
        was, now = draw(before, after, n, seed)
        result = gate(was, now, max_rise=MAX_RISE)
        found[result.change.state] += 1
        found["proven"] += result.proven
        found["rule"] += plugin(now) - plugin(was) > MAX_RISE
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    models = answers(Path(os.environ["CALIB_REAL_DATA"]))
    same, other = (models[name] for name in MODELS)
    print(f"share of {repeats} draws in which …")
    print(f"{'':34}{'labels':>8}{'gate fails':>12}{'--strict passes':>17}{'plugin rule fails':>19}")
    for title, after, n in (
        ("gpt-4o against itself", same, 500),
        ("gpt-4o against itself", same, 2000),
        ("gpt-4o against itself", same, 5000),
        ("gpt-4o against claude-3-haiku", other, 500),
    ):
        found = verdicts(same, after, n, repeats)
        cells = (found["degraded"] / repeats, found["proven"] / repeats, found["rule"] / repeats)
        print(f"{title:34}{n:8}{cells[0]:12.1%}{cells[1]:17.1%}{cells[2]:19.1%}", flush=True)


if __name__ == "__main__":
    main()
