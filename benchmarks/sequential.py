"""The early watch: false alarms when one looks after every label, and how soon it sees a drift.

1. False alarms within 2,000 labels where each stratum's accuracy lies inside the tolerance: at its middle, at
   its lower edge, and at either edge by turns. Beside it a z-test that is run again every 25 labels.
2. False alarms where the mapping itself was fitted, by isotonic regression on so many labels, and as many
   are looked at: with no tolerance, and with half the standard error of the fit in each stratum.
3. The same where wrong answers take 1.6 times as long to label: in the frozen order of the draw, never past
   an unanswered row (which is 2.), and first come first counted.
4. Mean labels until the alarm for a known mapping, in brackets as a share of an earlier prototype's.

    python -m benchmarks.sequential [--quick] [--repeats 1000]
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from benchmarks.worlds import World, drifted, grouped, strata_of, world
from calib.calibrators import fit
from calib.measure import EProcess
from calib.measure.sequential import OMNIBUS

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

WORLDS = ("tied", "continuous")
ALPHA, SEED, SLOWER = 0.05, 44, 1.6
HALF = 0.5  # of the fit's standard error
# Mean labels to the alarm, tolerance 0, of an earlier prototype on such streams.
EARLIER = {
    "tied": {"shift": (645, 174), "top half": (329, 100), "tilt": (441, 122), "one stratum": (201, 66)},
    "continuous": {"shift": (623, 170), "top half": (319, 99), "tilt": (473, 127), "one stratum": (249, 76)},
}


def stream(
    accuracy: Floats, shares: Floats, repeats: int, n: int, rng: np.random.Generator
) -> tuple[Whole, Whole]:
    """Strata and answers of n rows in the order of the draw, shape (repeats, n) each."""
    stratum = rng.choice(len(shares), (repeats, n), p=shares)
    return stratum, (rng.random((repeats, n)) < accuracy[stratum]).astype(np.int64)


def first_alarm(watch: EProcess, stratum: Whole, correct: Whole, alpha: float = ALPHA) -> Whole:
    """The label, from 1, at which each stream alarms, or 0: `EProcess.update` for many streams at once."""
    repeats, n = stratum.shape
    bets, single = (table.transpose(0, 2, 1) for table in (watch._bets, watch._omnibus))
    log_bets = np.tile(watch._log_bets, (repeats, 1))
    log_single = np.zeros((repeats, *watch._log_omnibus.shape[::-1]))
    means = np.zeros((repeats, log_single.shape[1]))
    alarm, row = np.zeros(repeats, dtype=np.int64), np.arange(repeats)
    for t in range(n):
        b, y = stratum[row, t], correct[row, t]
        here = np.arange(len(row))
        log_bets += bets[y, b]
        log_single[here, b] += single[y, b]
        means[here, b] = np.logaddexp.reduce(log_single[here, b], axis=1) - np.log(log_single.shape[2])
        top = log_bets.max(axis=1)
        mixed = top + np.log(np.exp(log_bets - top[:, None]).sum(axis=1))
        over = np.logaddexp(mixed, means.sum(axis=1) + np.log(OMNIBUS)) >= -np.log(alpha)
        alarm[row[over]] = t + 1
        if over.any():
            row, log_bets, log_single, means = (x[~over] for x in (row, log_bets, log_single, means))
        if not len(row):
            break
    return alarm


def neyman(mass: Floats, accuracy: Floats) -> Floats:
    """How the draw spreads over the strata."""
    shares = mass * np.sqrt(np.clip(accuracy * (1 - accuracy), 0.01, None))
    return np.asarray(shares / shares.sum())


def first_come(correct: Whole, rng: np.random.Generator) -> Whole:
    """The order in which answers arrive when wrong ones take longer, shape as given."""
    wait = rng.exponential(1.0, correct.shape) * np.where(correct == 1, 1.0, SLOWER)
    return np.argsort(wait, axis=1)


def fitted(raw: World, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The mean of an isotonic mapping fitted on n labels, by stratum, and its standard error there."""
    row = rng.choice(len(raw.mass), n, p=raw.mass)
    correct = (rng.random(n) < raw.accuracy[row]).astype(float)
    group, groups = strata_of(raw)
    value = np.asarray(fit(raw.score[row], correct, method="isotonic").apply(raw.score))
    score = np.bincount(group, raw.mass * value) / np.bincount(group, raw.mass)
    labels = np.maximum(np.bincount(group[row], minlength=groups), 1)
    return score, np.sqrt(np.maximum(score * (1 - score), 0.02) / labels)


def fitted_alarms(
    kind: str, n: int, fits: int, rng: np.random.Generator, *, slack: float, late: bool = False
) -> float:
    """False alarms in a month of n labels after a fit on n; `late`: first come first counted."""
    raw = world(kind, raw=True)
    truth = grouped(raw)
    alarms = 0
    for _ in range(fits):
        score, error = fitted(raw, n, rng)
        shares = neyman(truth.mass, score)
        stratum, correct = stream(truth.accuracy, shares, 4, n, rng)
        if late:
            order = first_come(correct, rng)
            stratum, correct = (np.take_along_axis(x, order, axis=1) for x in (stratum, correct))
        watch = EProcess(score, truth.mass, tolerance=np.minimum(slack * error, 0.5))
        alarms += int((first_alarm(watch, stratum, correct) > 0).sum())
    return alarms / (4 * fits)


def known_alarms(kind: str, slack: float, edge: str, repeats: int, rng: np.random.Generator) -> float:
    """False alarms of a known mapping whose strata lie inside or on the edge of the tolerance."""
    here = grouped(world(kind))
    lean = {"middle": 0.0, "below": -1.0, "by turns": (-1.0) ** np.arange(len(here.mass))}[edge]
    accuracy = np.clip(here.score + slack * lean, 0, 1)
    watch = EProcess(here.score, here.mass, tolerance=slack)
    streams = stream(accuracy, neyman(here.mass, here.score), repeats, 2000, rng)
    return float((first_alarm(watch, *streams) > 0).mean())


def delay(kind: str, drift: str, rise: float, repeats: int, rng: np.random.Generator) -> float:
    """Mean labels to the alarm; a stream without one counts in full."""
    calm = world(kind)
    here, after = grouped(calm), grouped(drifted(calm, drift, rise))
    n = 3000 if rise < 0.1 else 900
    streams = stream(after.accuracy, neyman(here.mass, here.score), repeats, n, rng)
    found = first_alarm(EProcess(here.score, here.mass, tolerance=0.0), *streams)
    return float(np.where(found > 0, found, n).mean())


def z_test(repeats: int, rng: np.random.Generator) -> float:
    """False alarms of a z-test of the mean gap at 5%, run every 25 labels from 100 to 2,000."""
    here = grouped(world("tied"))
    stratum, correct = stream(here.score, here.mass, repeats, 2000, rng)
    expected = here.score[stratum]
    z = np.cumsum(expected - correct, axis=1) / np.sqrt(np.cumsum(expected * (1 - expected), axis=1))
    return float((np.abs(z[:, 99::25]) > 1.96).any(axis=1).mean())


def main() -> None:
    """Print the four tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--repeats", type=int, default=1000)
    given = parser.parse_args()
    repeats = given.repeats // 10 if given.quick else given.repeats
    error = (0.0475 / repeats) ** 0.5
    print(
        f"false alarms at {ALPHA}, looking after every label; {repeats} streams (standard error {error:.4f})"
    )
    print(f"z-test every 25 labels: {z_test(repeats, np.random.default_rng(SEED)):.3f}\n")
    print(f"{'known mapping':15}{'tolerance':>10}{'middle':>9}{'below':>9}{'by turns':>10}")
    for w, kind in enumerate(WORLDS):
        for slack in (0.0, 0.01, 0.02):
            rng = np.random.default_rng([SEED, w, int(slack * 100)])
            cells = [known_alarms(kind, slack, e, repeats, rng) for e in ("middle", "below", "by turns")]
            print(f"{kind:15}{slack:10.2f}{cells[0]:9.3f}{cells[1]:9.3f}{cells[2]:10.3f}", flush=True)

    print(f"\n{'fitted on':15}{'labels':>10}{'none':>9}{'half SE':>9}{'first come, half SE':>21}")
    for w, kind in enumerate(WORLDS):
        for n in (500, 1000, 2000):
            rng = np.random.default_rng([SEED, w, n])
            cells = [
                fitted_alarms(kind, n, repeats // 4, rng, slack=slack, late=late)
                for slack, late in ((0.0, False), (HALF, False), (HALF, True))
            ]
            print(f"{kind:15}{n:10}{cells[0]:9.3f}{cells[1]:9.3f}{cells[2]:21.3f}", flush=True)

    print(f"\n{'mean labels to an alarm':29}{'+.05':>12}{'+.10':>14}")
    for w, kind in enumerate(WORLDS):
        for d, drift in enumerate(EARLIER[kind]):
            line = ""
            for i, rise in enumerate((0.05, 0.10)):
                found = delay(kind, drift, rise, repeats // 2, np.random.default_rng([SEED, w, d, i]))
                line += f"{found:8.0f} ({found / EARLIER[kind][drift][i]:.2f})"
            print(f"{kind:15}{drift:14}{line}", flush=True)


if __name__ == "__main__":
    main()
