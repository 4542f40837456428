"""The rule that most teams start with, beside the change test, on the same labels.

The rule: label n random predictions a month, bin them by tenths, and alarm when the plugin ECE is more than
.03 above last month's. The change test has the same n labels per month and pools the six months before. The
model is overconfident, states ten tied levels, and its accuracy then falls by .05 in log odds everywhere.

    python benchmarks/naive_rule.py [--repeats 2000]
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit

from calib.measure import Bins, Counts, change_test
from calib.sampling import allocate

Floats = npt.NDArray[np.float64]

STATED = np.array([0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0])
MASS = np.array([0.03, 0.04, 0.05, 0.06, 0.05, 0.12, 0.17, 0.20, 0.22, 0.06])
TRUE = np.array([0.35, 0.45, 0.50, 0.60, 0.64, 0.70, 0.74, 0.80, 0.88, 0.93])
RISE, THRESHOLD = 0.05, 0.03
BASELINE = 6  # months


def worse(rise: float) -> Floats:
    """The accuracies after log odds have shifted down everywhere, so far that the ECE rises by `rise`."""
    shift = brentq(lambda t: MASS @ (TRUE - expit(logit(TRUE) - t)) - rise, 0, 5)
    return np.asarray(expit(logit(TRUE) - shift))


def plugin_ece(accuracy: Floats, n: int, score: Floats, rng: np.random.Generator) -> float:
    """The ECE of n random labels in ten equal-width bins, as every library computes it."""
    labels = rng.multinomial(n, MASS)
    correct = rng.binomial(labels, accuracy)
    bin_ = Bins.equal_width(10).assign(score)
    return float(np.abs(np.bincount(bin_, correct - labels * score, 10)).sum() / n)


def naive(accuracy: Floats, n: int, score: Floats, repeats: int, rng: np.random.Generator) -> float:
    """How often the rule alarms."""
    return float(
        np.mean(
            [
                plugin_ece(accuracy, n, score, rng) - plugin_ece(TRUE, n, score, rng) > THRESHOLD
                for _ in range(repeats)
            ]
        )
    )


def ours(accuracy: Floats, n: int, score: Floats, repeats: int, rng: np.random.Generator) -> float:
    """How often the change test calls the month degraded, at α = .05."""
    labels = allocate(MASS, TRUE, n)
    found = 0
    for seed in range(repeats):
        now = Counts(rng.binomial(labels, accuracy), labels)
        before = Counts(rng.binomial(BASELINE * labels, TRUE), BASELINE * labels)
        change = change_test(now, before, score=score, mass=MASS, alpha=0.05, seed=seed)
        found += change.state == "degraded"
    return found / repeats


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=2000)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(2026)
    print(
        f"share of months with an alarm, {repeats} repeats (standard error at most {0.5 / repeats**0.5:.3f})"
    )
    print(f"{'labels per month':16}{'confidence':12}{'':22}{'rule':>8}{'change test':>14}")
    for n in (200, 500, 1000):
        for name, score in (("raw", STATED), ("calibrated", TRUE)):
            for label, accuracy in (("nothing happened", TRUE), (f"ECE rose by {RISE}", worse(RISE))):
                rule, test = (f(accuracy, n, score, repeats, rng) for f in (naive, ours))
                print(f"{n:<16}{name:12}{label:22}{rule:8.1%}{test:14.1%}")


if __name__ == "__main__":
    main()
