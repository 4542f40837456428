"""What clusters do: coverage, false alarms and certificates where rows come in clusters; are they found?

1. Coverage of the ECE's 95% intervals where the clusters are named: the answers of a cluster share a latent
   cause (Gaussian copula of correlation ρ), 500 rows on 30 days or 2,000 rows in 100 conversations of 20,
   common errors (ten levels of a language model) or rare events (scores from .02 to .3), a true ECE e that a
   shift of all log odds makes, down and, in brackets, up. With the share of zero widths, over all cells, and
   of sets below noise, on which no verdict rests.
2. The change test's false alarms at 5%, against a baseline of six such windows; certificates that are broken.
3. Clusters that nobody named: how often days are found, and how often they are imagined where rows are
   independent, with and without a fall of the accuracy in mid-month.
4. What looking for clusters costs where rows are independent: the power to see a rise of .05.

    python -m benchmarks.clusters [--quick] [--repeats 2000]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from benchmarks.worlds import Grouped, World, drifted, grouped, world
from calib.measure import Counts, Ece, cluster_counts, ece_estimate
from calib.measure.alternatives import alternatives
from calib.measure.day_clusters import Days, find_day_clusters
from calib.measure.sample import Sample
from calib.measure.significance import change_p_value, expected_accuracy, joint_p_value
from calib.measure.stratum_counts import sample_design_effect
from calib.routing.certificates import Certificate, certify_each, start_cut

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

RHOS = (0.0, 0.1, 0.2, 0.5)
LAYOUTS = {"500 on 30 days": (500, 30), "2,000 in 100 conversations": (2000, 100)}
ECES = (0.0, 0.02, 0.05, 0.10)
RARE = np.array([0.02, 0.04, 0.06, 0.08, 0.10, 0.13, 0.16, 0.20, 0.25, 0.30])
ALPHA, MONTHS, DRAWS, SEED = 0.05, 6, 300, 11
TARGET = 0.90
SOUND = np.array([0.40, 0.50, 0.58, 0.68, 0.72, 0.80, 0.86, 0.89, 0.93, 0.95])  # above every cut close to it


def calibrated(kind: str) -> World:
    """`common`: the levels and accuracies of a language model; `rare`: events of .02 to .3."""
    if kind == "common":
        return world("tied")
    mass = np.full(len(RARE), 1 / len(RARE))
    return World(score=RARE, mass=mass, accuracy=RARE, place=np.cumsum(mass) - mass / 2)


def off_by(here: World, ece: float, *, up: bool) -> World:
    """The same scores with accuracies whose true ECE is `ece`, all lower or all higher."""
    return drifted(here, "underconfident" if up else "shift", ece)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One sample: stratum, answer and cluster of each row."""

    group: npt.NDArray[np.intp]
    correct: Floats
    cluster: Whole

    def counts(self, size: int) -> Counts:
        """As the product counts them, the clusters named."""
        return cluster_counts(self.group, self.correct, np.ones(len(self.group)), self.cluster, size)


def draw(
    here: Grouped, layout: str, rho: float, rng: np.random.Generator, *, windows: int = 1, fall: float = 0.0
) -> Rows:
    """Rows of so many windows; `fall`: of the accuracy in the second half of a month of days."""
    n, clusters = (windows * size for size in LAYOUTS[layout])
    days = layout == "500 on 30 days"
    cluster = rng.integers(0, clusters, n) if days else np.repeat(np.arange(clusters), n // clusters)
    group = rng.choice(len(here.mass), n, p=here.mass)
    accuracy = here.accuracy[group] - fall * (cluster >= clusters / 2)
    latent = np.sqrt(rho) * rng.standard_normal(clusters)[cluster]
    latent += np.sqrt(1 - rho) * rng.standard_normal(n)
    correct = (latent < ndtri(np.clip(accuracy, 0.005, 0.995))).astype(float)
    return Rows(group=group, correct=correct, cluster=cluster)


def intervals(here: World, layout: str, rho: float, repeats: int, rng: np.random.Generator) -> Iterator[Ece]:
    """Of so many samples."""
    strata = grouped(here)
    for _ in range(repeats):
        counts = draw(strata, layout, rho, rng).counts(len(strata.mass))
        yield ece_estimate(
            counts.correct, counts.labels, strata.score, strata.mass, covariance=counts.covariance
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Shares of samples: that cover the truth, whose interval is empty, and that lie below noise."""

    share: float
    empty: float
    below_noise: float


def coverage(
    kind: str, layout: str, rho: float, ece: float, repeats: int, *, up: bool = False, seed: int = SEED
) -> Covered:
    """Of one cell."""
    here = off_by(calibrated(kind), ece, up=up)
    cell = [kind == "rare", layout in list(LAYOUTS)[1:], round(100 * rho), round(100 * ece), up]
    rng = np.random.default_rng([seed, *(int(part) for part in cell)])
    found = list(intervals(here, layout, rho, repeats, rng))
    truth = here.ece
    return Covered(
        share=float(np.mean([one.low - 1e-9 <= truth <= one.high + 1e-9 for one in found])),
        empty=float(np.mean([one.high - one.low < 1e-4 for one in found])),
        below_noise=float(np.mean([one.below_noise for one in found])),
    )


def p_value(now: Counts, then: Counts, mass: Floats, rng: np.random.Generator) -> float:
    """The change test's, of counts with labels in every stratum."""
    both = (now.labels >= 0.5) & (then.labels >= 0.5)
    now, then, mass = now.take(both), then.take(both), mass[both] / mass[both].sum()
    if now.covariance is None and then.covariance is None:
        return change_p_value(now.correct, now.labels, then.correct, then.labels, mass, draws=DRAWS, rng=rng)
    bets = alternatives(expected_accuracy(then.correct, then.labels), mass)
    return joint_p_value(now, then, bets, DRAWS, rng)


def false_alarms(kind: str, layout: str, rho: float, repeats: int) -> float:
    """How often p ≤ .05 where nothing changed."""
    strata = grouped(calibrated(kind))
    rng = np.random.default_rng([SEED, 1, round(100 * rho), kind == "rare", len(layout)])
    found = 0
    for _ in range(repeats):
        now = draw(strata, layout, rho, rng).counts(len(strata.mass))
        then = draw(strata, layout, rho, rng, windows=MONTHS).counts(len(strata.mass))
        found += p_value(now, then, strata.mass, rng) <= ALPHA
    return found / repeats


def broken(layout: str, rho: float, repeats: int) -> tuple[float, float]:
    """The share of certificates of .9 that break their promise, and of samples that get one.

    In two worlds: the overconfident model of `common`, and one whose accuracy above every cut is close to .9.
    The worse share of either.
    """
    worst, given = 0.0, 0.0
    common = calibrated("common")
    levels = world("tied", raw=True).score
    for w, accuracy in enumerate((common.accuracy, SOUND)):
        strata = replace(grouped(common), accuracy=accuracy)
        rng = np.random.default_rng([SEED, 2, round(100 * rho), len(layout), w])
        start = start_cut(levels, strata.mass)
        wrong = proven = 0
        for _ in range(repeats):
            rows = draw(strata, layout, rho, rng)
            sample = Sample(levels[rows.group], rows.correct, clusters=rows.cluster.astype(str))
            (cut,) = certify_each(sample, targets=(TARGET,), start=start, effect=sample_design_effect(sample))
            if isinstance(cut, Certificate):
                above = levels >= cut.cut
                proven += 1
                wrong += float(strata.mass[above] @ accuracy[above] / strata.mass[above].sum()) < TARGET
        worst, given = max(worst, wrong / repeats), max(given, proven / repeats)
    return worst, given


def asked(rows: Rows, rng: np.random.Generator, segment: npt.NDArray[np.object_] | None = None) -> Rows:
    """The rows in the clusters that they show; each in one of its own where they show none."""
    segments = [None] * len(rows.group) if segment is None else segment.tolist()
    days = [Days(name="day", day=rows.cluster % 1000)]
    found = find_day_clusters(rows.group, rows.correct, days, segments, rng)
    return replace(rows, cluster=np.arange(len(rows.group)) if found is None else found.cluster)


def found_rate(
    rho: float, repeats: int, *, fall: float = 0.0, by_segment: bool = False, n: int = 500
) -> float:
    """How often clusters are found; `by_segment`: three segments, each with days of its own."""
    strata = grouped(calibrated("common"))
    rng = np.random.default_rng([SEED, 3, round(100 * rho), round(100 * fall), by_segment, n])
    found = 0
    for _ in range(repeats):
        rows = draw(strata, "500 on 30 days", 0.0 if by_segment else rho, rng, fall=fall)
        if n == 480 and not by_segment:  # exactly sixteen a day
            rows = sixteen_a_day(strata, rho, rng)
        names = None
        if by_segment:
            segment = rng.integers(0, 3, len(rows.group))
            latent = np.sqrt(rho) * rng.standard_normal((30, 3))[rows.cluster, segment]
            latent += np.sqrt(1 - rho) * rng.standard_normal(len(segment))
            correct = (latent < ndtri(strata.accuracy[rows.group])).astype(float)
            rows, names = replace(rows, correct=correct), segment.astype(str).astype(object)
        found += len(np.unique(asked(rows, rng, names).cluster)) < len(rows.group)
    return found / repeats


def sixteen_a_day(strata: Grouped, rho: float, rng: np.random.Generator) -> Rows:
    """480 rows on 30 days."""
    day = np.repeat(np.arange(30), 16)
    group = rng.choice(len(strata.mass), len(day), p=strata.mass)
    latent = np.sqrt(rho) * rng.standard_normal(30)[day] + np.sqrt(1 - rho) * rng.standard_normal(len(day))
    return Rows(group=group, correct=(latent < ndtri(strata.accuracy[group])).astype(float), cluster=day)


def powers(repeats: int) -> tuple[float, float]:
    """To see a rise of .05 from independent rows: without looking for clusters, and with it in each month."""
    here = calibrated("common")
    before, after = grouped(here), grouped(drifted(here, "shift", 0.05))
    rng = np.random.default_rng([SEED, 4])
    size, plain, looked = len(before.mass), 0, 0
    for _ in range(repeats):
        now = draw(after, "500 on 30 days", 0.0, rng)
        months = [draw(before, "500 on 30 days", 0.0, rng) for _ in range(MONTHS)]
        seed = int(rng.integers(2**31))
        for look in (False, True):
            windows = [asked(rows, rng) if look else singles(rows) for rows in (now, *months)]
            then = joined(windows[1:])
            p = p_value(windows[0].counts(size), then.counts(size), before.mass, np.random.default_rng(seed))
            plain, looked = plain + (not look and p <= ALPHA), looked + (look and p <= ALPHA)
    return plain / repeats, looked / repeats


def singles(rows: Rows) -> Rows:
    """Each row in a cluster of its own."""
    return replace(rows, cluster=np.arange(len(rows.group)))


def joined(windows: list[Rows]) -> Rows:
    """The rows of several windows, which share no cluster."""
    return Rows(
        group=np.concatenate([rows.group for rows in windows]),
        correct=np.concatenate([rows.correct for rows in windows]),
        cluster=np.concatenate([100_000 * i + rows.cluster for i, rows in enumerate(windows)]),
    )


def main() -> None:
    """Print the four tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--repeats", type=int, default=2000)
    given = parser.parse_args()
    repeats = given.repeats // 10 if given.quick else given.repeats
    error = (0.93 * 0.07 / repeats) ** 0.5
    print(
        f"coverage of 95% intervals, accuracies lower (higher); {repeats} samples, {error:.4f} standard error"
    )
    print(f"{'errors':8}{'layout':28}{'ρ':>5}" + "".join(f"{f'e = {e:.2f}':>16}" for e in ECES))
    every: list[Covered] = []
    for kind in ("common", "rare"):
        for layout in LAYOUTS:
            for rho in RHOS:
                cells = []
                for ece in ECES:
                    pair = [coverage(kind, layout, rho, ece, repeats)]
                    if ece:
                        pair.append(coverage(kind, layout, rho, ece, repeats, up=True))
                    every += pair
                    cells.append(f"{pair[0].share:.3f}" + (f" ({pair[1].share:.3f})" if ece else ""))
                print(f"{kind:8}{layout:28}{rho:5.1f}" + "".join(f"{c:>16}" for c in cells), flush=True)
    print(
        f"least: {min(one.share for one in every):.3f} (allowed {0.93 - 3 * error:.3f}); "
        f"empty intervals: {max(one.empty for one in every):.4f} of a cell at most; "
        f"below noise: {max(one.below_noise for one in every):.3f} of a cell at most\n"
    )
    error = (0.05 * 0.95 / repeats) ** 0.5
    print(f"false alarms at 5% and broken certificates of {TARGET}, allowed {0.05 + 3 * error:.3f} each")
    print(f"{'layout':28}{'ρ':>5}{'common':>10}{'rare':>10}{'broken':>10}{'given':>10}")
    for layout in LAYOUTS:
        for rho in RHOS:
            alarms = [false_alarms(kind, layout, rho, repeats) for kind in ("common", "rare")]
            numbers = (*alarms, *broken(layout, rho, repeats))
            print(f"{layout:28}{rho:5.1f}" + "".join(f"{x:10.3f}" for x in numbers), flush=True)
    print("\ndays found that nobody named, share of months")
    for title, rate in (
        ("independent rows", found_rate(0.0, repeats)),
        ("independent rows, accuracy falls by .2 in mid-month", found_rate(0.0, repeats, fall=0.2)),
        ("independent rows, accuracy falls by .3 in mid-month", found_rate(0.0, repeats, fall=0.3)),
        ("ρ = .3, 16 rows a day", found_rate(0.3, repeats, n=480)),
        ("ρ = .3, days of each of three segments", found_rate(0.3, repeats, by_segment=True)),
    ):
        print(f"{title:56}{rate:8.3f}", flush=True)
    plain, looked = powers(repeats)
    print(f"\npower to see +.05 from independent rows: {plain:.3f}, looking for clusters {looked:.3f}")


if __name__ == "__main__":
    main()
