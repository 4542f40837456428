"""What pairing is worth to a probe: power of the paired test, of the change test, and of both as used.

Questions are mostly known or not known to the model (Beta(1.2, 0.3)), stated confidence follows that loosely;
a fall is the same for every question. α = 5% in all; the product gives the paired test four fifths of it.

    python benchmarks/probe_pairing.py [--repeats 300]
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from calib.probe import compare

Floats = npt.NDArray[np.float64]
ALPHA, MAX_RISE = 0.05, 0.03
LEVELS = np.array([0.6, 0.8, 0.9, 0.95, 1.0])


def run(rng: np.random.Generator, difficulty: Floats, fall: float) -> tuple[Floats, Floats]:
    """Confidences and outcomes of one run."""
    right = rng.random(len(difficulty)) < np.clip(difficulty - fall, 0, 1)
    level = np.searchsorted([0.4, 0.7, 0.9, 0.97], difficulty) + rng.integers(-1, 2, len(difficulty))
    return LEVELS[np.clip(level, 0, 4)], right.astype(np.float64)


def rates(n: int, fall: float, repeats: int, seed: int) -> tuple[float, float, float]:
    """How often each calls it worse: the paired test, the change test, and the product with both."""
    rng = np.random.default_rng(seed)
    paired, by_stratum, both = 0, 0, 0
    for i in range(repeats):
        difficulty = rng.beta(1.2, 0.3, n)
        (c0, y0), (c1, y1) = run(rng, difficulty, 0.0), run(rng, difficulty, fall)
        found = compare(c0, y0, c1, y1, alpha=ALPHA, max_rise=MAX_RISE, seed=i)
        change = found.change
        assert change.p is not None and change.rise is not None and change.high is not None  # noqa: PT018
        hurts = change.rise >= MAX_RISE / 2 and change.high > MAX_RISE
        paired += found.p <= ALPHA
        by_stratum += change.p <= ALPHA and hurts
        both += found.state == "degraded"
    return paired / repeats, by_stratum / repeats, both / repeats


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats
    print(f"{repeats} repeats a line, standard error at most {50 / repeats**0.5:.1f} points")
    print(f"{'questions':>9} {'fall':>5} {'paired':>8} {'change test':>12} {'as used':>8}")
    for n in (100, 300, 600):
        for fall in (0.0, 0.05, 0.10):
            a, b, c = rates(n, fall, repeats, seed=n)
            print(f"{n:9} {fall:5.2f} {a:8.1%} {b:12.1%} {c:8.1%}")
