"""Do the ECE's 95% intervals hold the truth, and does the change test keep its level, however labels come?

First every cell of labels x true ECE x drift x world. Then fewer cells for labels with Kish's weights of a
stale Neyman design, with a judge's help, in clusters, and under a shift of the score mix; with the coverage
of the rise over a six-month baseline (MOVER) and the change test's false alarms at 5%.

    python -m benchmarks.coverage [--quick] [--repeats 4000]
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from benchmarks.designs import DESIGNS, Drawn, plain
from benchmarks.worlds import World, drifted, grouped, other_mix, strata_of, world
from calib.measure import Ece, ece_estimate, mover
from calib.measure.ece import debiased, lower_bound, upper_bound
from calib.measure.significance import change_p_value

Floats = npt.NDArray[np.float64]

WORLDS = ("tied", "continuous")
LABELS = (200, 350, 500, 1000, 2000)
ECES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.10)
SHAPES = ("shift", "top half", "tilt", "one stratum")
MIX = "another mix"
SEED, ALPHA, DRAWS = 17, 0.05, 300


def intervals(drawn: Drawn, score: Floats, mass: Floats) -> tuple[Floats, Floats, Floats]:
    """Estimate, low and high of each repetition: those of `ece_estimate`, many at a time."""
    k, n = drawn
    full = (n > 0).all(axis=1)
    low, high = (bound(k[full], n[full], score, mass) for bound in (lower_bound, upper_bound))
    point = np.clip(debiased(k[full], n[full], score, mass), low, high)
    found = np.empty((3, len(k)))
    found[:, full] = point, low, high
    for i in np.flatnonzero(~full):  # strata without labels are left out
        one = ece_estimate(k[i], n[i], score, mass)
        found[:, i] = one.estimate, one.low, one.high
    return found[0], found[1], found[2]


def coverage(
    here: World, truth: float, n: int, repeats: int, rng: np.random.Generator, design: str = "plain"
) -> float:
    """How often the interval of a window with n labels holds the true ECE."""
    strata = grouped(here)
    _, low, high = intervals(DESIGNS[design](here, n, repeats, rng), strata.score, strata.mass)
    return float(((low <= truth + 1e-9) & (truth <= high + 1e-9)).mean())


def rise_coverage(now: Drawn, then: Drawn, truth: float, score: Floats, mass: Floats) -> float:
    """How often the interval of the rise holds the true one."""
    held = 0
    for here, before in zip(*(np.transpose(intervals(d, score, mass)) for d in (now, then)), strict=True):
        ece = [Ece(plugin=0.0, estimate=e, low=low, high=high) for e, low, high in (here, before)]
        found = mover(*ece)
        held += found.low - 1e-9 <= truth <= found.high + 1e-9
    return held / len(now[0])


def false_alarms(now: Drawn, then: Drawn, mass: Floats, rng: np.random.Generator) -> float:
    """How often the change test's p-value is at most 5%."""
    there = (now[1] >= 0.5) & (then[1] >= 0.5)
    found = 0
    for i in range(len(there)):
        k1, n1, k0, n0 = (x[i][there[i]] for x in (*now, *then))
        w = mass[there[i]] / mass[there[i]].sum()
        found += change_p_value(k1, n1, k0, n0, w, draws=DRAWS, rng=rng) <= ALPHA
    return found / len(there)


def mixed(kind: str, n: int, repeats: int, rng: np.random.Generator) -> tuple[World, Drawn, Drawn]:
    """A world whose mix has moved, a window of it, and a baseline from before, in today's strata.

    Inside quantile strata the scores have moved too; as the product does, the baseline's accuracies are
    moved by the difference of the mean expected accuracies, which a served world states.
    """
    before = world(kind)
    here = other_mix(before)
    group, groups = strata_of(here)
    strata = grouped(here)
    mass = np.bincount(group, before.mass, groups)
    accuracy = np.bincount(group, before.mass * before.accuracy, groups) / mass
    rows = rng.multinomial(6 * n, mass, repeats)
    right = rng.binomial(rows, accuracy) + rows * (strata.accuracy - accuracy)
    return here, plain(here, n, repeats, rng), (np.clip(right, 0, rows), rows.astype(float))


def otherwise(name: str, kind: str, n: int, repeats: int) -> list[float]:
    """Coverage in four cells and of a rise of .03 (of none under another mix), and false alarms."""
    rng = np.random.default_rng([SEED, WORLDS.index(kind), n])
    if name == MIX:
        here, now, then = mixed(kind, n, repeats, rng)
        design, calm, rise = "plain", now, 0.0
    else:
        here, design, rise = world(kind), name, 0.03
        then = DESIGNS[name](here, n, repeats, rng, months=6)
        now = DESIGNS[name](drifted(here, "shift", rise), n, repeats, rng)
        calm = DESIGNS[name](here, n, repeats, rng)
    strata = grouped(here)
    cells = [
        coverage(drifted(here, shape, truth), truth, n, repeats, rng, design)
        for shape, truth in (("shift", 0.0), ("shift", 0.03), ("shift", 0.10), ("tilt", 0.05))
    ]
    cells.append(rise_coverage(now, then, rise, strata.score, strata.mass))
    return [*cells, false_alarms(calm, then, strata.mass, rng)]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="500 repetitions")
    parser.add_argument("--repeats", type=int, default=4000)
    given = parser.parse_args()
    repeats = 500 if given.quick else given.repeats
    least = 1.0

    print(
        f"coverage of 95% intervals, {repeats} repetitions (standard error {(0.0475 / repeats) ** 0.5:.4f})"
    )
    print(f"{'world':12}{'drift':14}{'ECE':>6}" + "".join(f"{n:>8}" for n in LABELS))
    for w, kind in enumerate(WORLDS):
        for s, shape in enumerate(SHAPES):
            for truth in ECES[1:] if s else ECES:
                here = drifted(world(kind), shape, truth)
                cells = [
                    coverage(
                        here, truth, n, repeats, np.random.default_rng([SEED, w, s, n, round(truth * 100)])
                    )
                    for n in LABELS
                ]
                least = min(least, *cells)
                print(f"{kind:12}{shape:14}{truth:6.2f}" + "".join(f"{c:8.3f}" for c in cells), flush=True)
    print(f"least: {least:.3f}\n")

    print(
        f"labels that come otherwise: coverage, of the rise too, and false alarms; {repeats // 2} repetitions"
    )
    heads = f"{'ECE 0':>8}{'.03':>7}{'.10':>7}{'tilt .05':>10}{'rise':>8}{'alarms':>8}"
    print(f"{'labels':15}{'world':12}{'n':>6}{heads}")
    for kind in WORLDS:
        for name in (*DESIGNS, MIX):
            for n in (200, 500, 2000) if name != "clusters" else (500, 2000):
                cells = otherwise(name, kind, n, repeats // 2)
                line = "".join(f"{c:{width}.3f}" for c, width in zip(cells, (8, 7, 7, 10, 8, 8), strict=True))
                print(f"{name:15}{kind:12}{n:6}{line}", flush=True)


if __name__ == "__main__":
    main()
