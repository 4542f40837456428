"""How many labels per month detect an ECE rise of 0.05 with 80% power, at 5% false alarms without a change?

Side by side, for eight drifts in two worlds: the article's rule (two random samples, plugin ECE in ten equal
bins, alarm when it differs by more than .03); the same rule with the threshold that an oracle tunes to 5%
false alarms; the change test against a six-month baseline; the same with an imperfect judge (right answers
called correct in 90%, wrong ones in 40%); and the likelihood ratio of an oracle that knows both curves.

The change test alarms where p ≤ .05 and the debiased ECE has risen by .015 or more, as `degraded` does. Its
strata, allocation, statistic, bootstrap and judge are the project's own functions, with 300 bootstrap draws
instead of 999. Its answers are interpolated between points of `--repeats` repetitions each, less than a
fifth apart; the rule's, from a quarter as many.

    python -m benchmarks.labels [--quick] [--repeats 4000] [--months 6] [--raw] [--floor 20] [--drifts …]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from benchmarks.worlds import DRIFTS, Grouped, World, allocation, drifted, grouped, world
from calib.measure import Bins, Counts, with_judge
from calib.measure.alternatives import alternatives
from calib.measure.ece import debiased
from calib.measure.significance import expected_accuracy, null_draws, statistic

Floats = npt.NDArray[np.float64]

RISE, POWER, ALPHA, MAX_RISE = 0.05, 0.8, 0.05, 0.03
HIT, MISS, POPULATION = 0.9, 0.4, 20_000
DRAWS, SEED = 300, 2027
WORLDS = ("tied", "continuous")
MOST = 12_000
# Measured before by a prototype of the same test with 400 repetitions: where the search starts, and what
# a ratio of 1 means.
EARLIER = {
    "change test": ((775, 394, 537, 251, 567, 864, 626, 1300), (645, 415, 580, 300, 521, 791, 498, 1286)),
    "+ judge": ((532, 259, 408, 200, 394, 647, 461, 1034), (484, 268, 393, 225, 402, 623, 405, 996)),
}
CENSORED = {("change test", "tied", "wave"), ("+ judge", "tied", "one stratum")}


def labelled(
    here: Grouped, n: int, months: int, rng: np.random.Generator, *, judge: bool, floor: int | None = None
) -> Counts:
    """The effective counts of so many months of labels."""
    labels = allocation(here, n, floor) * months
    k = rng.binomial(labels, here.accuracy)
    counts = Counts(k.astype(float), labels.astype(float))
    if not judge:
        return counts
    both = rng.binomial(k, HIT)
    said = both + rng.binomial(labels - k, MISS)
    rows = np.maximum((POPULATION * months * here.mass).astype(int), labels)
    calls = rng.binomial(rows, here.accuracy * HIT + (1 - here.accuracy) * MISS)
    found = with_judge(
        counts, judge_sum=said, judge_correct_sum=both, population_mean=calls / rows, population=rows
    )
    return found.counts


def alarm_rate(
    before: Grouped,
    after: Grouped,
    n: int,
    repeats: int,
    rng: np.random.Generator,
    *,
    months: int = 6,
    judge: bool = False,
    draws: int = DRAWS,
    floor: int | None = None,
) -> float:
    """How often the change test alarms when the accuracies of `before` have become those of `after`."""
    alarms = 0
    for _ in range(repeats):
        now = labelled(after, n, 1, rng, judge=judge, floor=floor)
        then = labelled(before, n, months, rng, judge=judge, floor=floor)
        ece = [debiased(c.correct, c.labels, before.score, before.mass) for c in (now, then)]
        if ece[0] - ece[1] < MAX_RISE / 2:
            continue
        alarms += significant(now, then, before.mass, draws, rng)
    return alarms / repeats


def significant(now: Counts, then: Counts, mass: Floats, draws: int, rng: np.random.Generator) -> bool:
    """Whether the change test's p ≤ .05; the bootstrap ends early where the rest cannot change that.

    Or will not: where none of a hundred draws reaches the statistic.
    """
    samples = now.correct, now.labels, then.correct, then.labels
    bet = alternatives(expected_accuracy(then.correct, then.labels), mass)
    k1, n1, k0, n0 = samples
    observed = float(statistic(k1[None], n1, k0[None], n0, bet)[0])
    most, reached = int(ALPHA * (draws + 1)) - 1, 0
    for done in range(0, draws, 100):
        reached += int((null_draws(*samples, bet, min(100, draws - done), rng) >= observed - 1e-12).sum())
        if reached > most or reached == 0:
            break
    return reached <= most


def plugin(here: World, n: int, repeats: int, rng: np.random.Generator) -> Floats:
    """The plugin ECEs of samples of n random rows in ten equal-width bins, shape (repeats,)."""
    bin_ = Bins.equal_width(10).assign(here.score)
    if len(here.mass) <= 12:
        rows = rng.multinomial(n, here.mass, repeats)
        gap = rng.binomial(rows, here.accuracy) - rows * here.score
        return np.asarray(np.abs(gap @ (bin_[:, None] == np.arange(10))).sum(axis=1) / n)
    found = []
    for size in [10] * (repeats // 10):
        row = (rng.random((size, n)) * len(here.mass)).astype(int)  # points of equal mass
        miss = (rng.random((size, n)) < here.accuracy[row]) - here.score[row]
        cell = (np.arange(size)[:, None] * 10 + bin_[row]).ravel()
        found.append(np.abs(np.bincount(cell, miss.ravel(), size * 10).reshape(size, 10)).sum(axis=1) / n)
    return np.concatenate(found)


def rule_rates(
    before: World, after: World, n: int, repeats: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """The article's rule: its power, its power at a tuned threshold, and its false alarms."""
    null = plugin(before, n, repeats, rng) - plugin(before, n, repeats, rng)
    seen = plugin(after, n, repeats, rng) - plugin(before, n, repeats, rng)
    tuned = np.quantile(null, 1 - ALPHA)
    return float((seen > MAX_RISE).mean()), float((seen > tuned).mean()), float((null > MAX_RISE).mean())


def oracle_rate(before: Grouped, after: Grouped, n: int, repeats: int, rng: np.random.Generator) -> float:
    """The power of the likelihood ratio that knows both curves, on n random rows."""
    a0, a1 = before.accuracy, after.accuracy

    def ratio(accuracy: Floats) -> Floats:
        labels = rng.multinomial(n, before.mass, repeats)
        k = rng.binomial(labels, accuracy)
        return np.asarray(k @ np.log(a1 / a0) + (labels - k) @ np.log((1 - a1) / (1 - a0)))

    return float((ratio(a1) > np.quantile(ratio(a0), 1 - ALPHA)).mean())


def labels_needed(rate: Callable[[int, int], float], start: float, repeats: int) -> tuple[int, float]:
    """The labels at which `rate(n, repeats)` is `POWER`, and its standard error as a share.

    A few repetitions lead near the answer. Then all are spent on either side of it until two points less
    than a fifth apart enclose it, and the normal quantile of the power is interpolated in log n.
    """
    goal, threshold = ndtri(POWER), ndtri(1 - ALPHA / 2)

    def quantile(power: float) -> float:
        return float(ndtri(np.clip(power, 0.02, 0.98)))

    def step(n: float, z: float) -> float:
        """To where the answer would lie if the statistic grew as √n does."""
        grown = ((goal + threshold) / max(z + threshold, 0.3)) ** 2
        return float(np.clip(n * np.clip(grown, 0.6, 1.7), 40, MOST))

    n = start
    for few in (repeats // 10, repeats // 8):
        n = step(n, quantile(rate(round(n), few)))
    below: list[tuple[float, float]] = []
    above: list[tuple[float, float]] = []
    while True:
        z = quantile(rate(round(n), repeats))
        (above if z >= goal else below).append((np.log(round(n)), z))
        if below and above:
            (x0, z0), (x1, z1) = max(below), min(above)
            if abs(x1 - x0) < 0.2 or len(below) + len(above) > 8:
                break
            n = float(np.exp((x0 + x1) / 2))
        else:
            n = float(np.clip(step(n, z), *((1.04 * n, 1.5 * n) if below else (n / 1.5, n / 1.04))))
    share = (goal - z0) / (z1 - z0)
    error = np.sqrt(POWER * (1 - POWER) / repeats) / (np.exp(-(goal**2) / 2) / np.sqrt(2 * np.pi))
    slope = max((z1 - z0) / (x1 - x0), (goal + threshold) / 2)
    return round(float(np.exp(x0 + share * (x1 - x0)))), float(error / slope * np.hypot(share, 1 - share))


def false_alarms(given: argparse.Namespace, repeats: int) -> None:
    """Print how often each rule alarms where nothing changed."""
    print(f"false alarms a month, nothing changed, {repeats} repetitions, {given.months} months of baseline")
    print(f"{'world':12}{'labels':>8}{'rule':>10}{'change test':>14}{'+ judge':>10}")
    for w, kind in enumerate(WORLDS):
        here = world(kind, raw=given.raw)
        strata = grouped(here)
        for n in (200, 500, 800):
            rng = np.random.default_rng([SEED, w, n])
            rule = rule_rates(here, here, n, repeats, rng)[2]
            plain, judged = (
                alarm_rate(
                    strata, strata, n, repeats, rng, months=given.months, judge=judge, floor=given.floor
                )
                for judge in (False, True)
            )
            print(f"{kind:12}{n:8}{rule:10.3f}{plain:14.3f}{judged:10.3f}", flush=True)
    print(f"(a rate of .05 is measured with a standard error of {(0.0475 / repeats) ** 0.5:.4f})\n")


def row(kind: str, drift: str, given: argparse.Namespace, repeats: int) -> tuple[dict[str, int], float]:
    """One line of the table: labels by column, and the standard error of the change test's as a share."""
    here = world(kind, raw=given.raw)
    worse = drifted(here, drift, RISE)
    before, after = grouped(here), grouped(worse)
    start = {name: table[WORLDS.index(kind)][DRIFTS.index(drift)] for name, table in EARLIER.items()}
    rng = np.random.default_rng([SEED, WORLDS.index(kind), DRIFTS.index(drift)])
    found = {}
    for i, (name, guess) in enumerate((("rule", 2500), ("tuned", 1000))):
        found[name], _ = labels_needed(
            lambda n, r, i=i: rule_rates(here, worse, n, r, rng)[i], guess, max(400, repeats // 4)
        )
    for name, judge in (("change test", False), ("+ judge", True)):
        found[name], error = labels_needed(
            lambda n, r, judge=judge: alarm_rate(
                before, after, n, r, rng, months=given.months, judge=judge, floor=given.floor
            ),
            start[name] * (1 if given.months > 1 else 2),
            repeats,
        )
    found["oracle"], _ = labels_needed(lambda n, r: oracle_rate(before, after, n, 4 * r, rng), 300, repeats)
    return found, error


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="400 repetitions and three drifts")
    parser.add_argument("--repeats", type=int, default=4000)
    parser.add_argument("--months", type=int, default=6, help="of labels in the baseline")
    parser.add_argument("--raw", action="store_true", help="the baseline is overconfident by .09")
    parser.add_argument(
        "--floor", type=int, help="least labels in a stratum, in place of benchmarks.worlds.allocation's"
    )
    parser.add_argument("--drifts", nargs="+", choices=DRIFTS, help="only these")
    given = parser.parse_args()
    repeats = 400 if given.quick else given.repeats
    drifts = given.drifts or (("shift", "one stratum", "wave") if given.quick else DRIFTS)
    if not given.drifts:
        false_alarms(given, repeats)

    print(
        f"labels per month for a true rise of {RISE} with {POWER:.0%} power, {repeats} repetitions per point"
    )
    print("(in brackets: as a share of an earlier prototype's)")
    print(f"{'world':12}{'drift':16}{'rule':>7}{'tuned':>7}{'change test':>13}{'+ judge':>16}{'oracle':>15}")
    ratios: dict[str, list[float]] = {name: [] for name in EARLIER}
    for kind in WORLDS:
        for drift in drifts:
            try:
                found, error = row(kind, drift, given, repeats)
            except ValueError as reason:
                print(f"{kind:12}{drift:16}{reason}")
                continue
            line = f"{kind:12}{drift:16}{found['rule']:7}{found['tuned']:7}"
            for name, table in EARLIER.items():
                ratio = found[name] / table[WORLDS.index(kind)][DRIFTS.index(drift)]
                line += f"{found[name]:{8 if name == '+ judge' else 12}} ({ratio:.2f})"
                if (name, kind, drift) not in CENSORED:
                    ratios[name].append(ratio)
            print(f"{line}{found['oracle']:8}", flush=True)
    print(f"(each of the change test's numbers has a standard error of {error:.1%})")
    for name, each in ratios.items():
        mean = np.exp(np.mean(np.log(each)))
        print(f"{name}: {mean:.3f} of the prototype's labels (geometric mean), {max(each):.2f} at worst")


if __name__ == "__main__":
    main()
