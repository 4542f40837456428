"""How often a certificate breaks its promise, by simulated worlds' truth, and what people do instead.

A certificate says: at and above this cut at least 90% are right, with probability 95%. In each world the true
accuracy above every cut is known. Five worlds (tied and continuous confidence; modest and overconfident
models; one whose most confident answers are its worst), simple random samples, and samples stratified by a
stale Neyman design, which expects another accuracy than there is. The rules beside it: the lowest cut that
looks good; a pooled exact binomial test that forgets the design's weights.

    python benchmarks/certificates.py [--repeats 2000]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri

from calib.routing import Certificate, certify, start_cut
from calib.sampling import allocate

Floats = npt.NDArray[np.float64]
Rule = Callable[[Floats, Floats, Floats, float], float | None]

TARGET = 0.90
STATED = np.array([0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0])
MASS = np.array([0.03, 0.04, 0.05, 0.06, 0.05, 0.12, 0.17, 0.20, 0.22, 0.06])
SPREAD = np.asarray(expit(1.7 + 1.3 * ndtri((np.arange(2000) + 0.5) / 2000)))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Levels of confidence, ascending, with their mass and true accuracy; strata by level or by tenth."""

    score: Floats
    mass: Floats
    truth: Floats

    @property
    def stratum(self) -> npt.NDArray[np.intp]:
        """The stratum of each level."""
        if len(self.score) <= 12:
            return np.arange(len(self.score))
        return np.minimum((np.cumsum(self.mass) * 10).astype(np.intp), 9)

    def above(self, cut: float) -> float:
        """The true accuracy at and above a cut."""
        there = self.score >= cut
        return float((self.mass[there] @ self.truth[there]) / self.mass[there].sum())


def tied(*truth: float) -> World:
    """A world of ten stated levels."""
    return World(score=STATED, mass=MASS, truth=np.array(truth))


def continuous(shift: float) -> World:
    """A world of two thousand levels, whose log odds are flatter than stated, and shifted."""
    return World(
        score=SPREAD, mass=np.full(len(SPREAD), 1 / len(SPREAD)), truth=expit(0.85 * logit(SPREAD) + shift)
    )


WORLDS = {
    "tied, good": tied(0.40, 0.50, 0.58, 0.68, 0.72, 0.80, 0.86, 0.91, 0.96, 0.98),
    "tied, overconfident": tied(0.35, 0.45, 0.50, 0.60, 0.64, 0.70, 0.74, 0.80, 0.88, 0.93),
    "tied, worst at the top": tied(0.30, 0.50, 0.60, 0.70, 0.75, 0.80, 0.85, 0.90, 0.85, 0.86),
    "continuous, good": continuous(0.25),
    "continuous, overconfident": continuous(-0.35),
}


def simple(world: World, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """A simple random sample: scores, answers and weights."""
    level = rng.choice(len(world.score), n, p=world.mass)
    return world.score[level], (rng.random(n) < world.truth[level]).astype(float), np.ones(n)


def stale_neyman(world: World, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """A sample whose design expects the confident third to be a coin toss and all below it to be sure.

    The wrong way round on purpose: the best strata are drawn most, so whoever forgets the weights sees too
    many right answers.
    """
    stratum = world.stratum
    mass = np.bincount(stratum, world.mass)
    expected = np.where(np.cumsum(mass) > 2 / 3, 0.5, 0.99)
    drawn = allocate(mass, expected, n)
    level = np.concatenate(
        [
            rng.choice(np.flatnonzero(stratum == b), k, p=world.mass[stratum == b] / mass[b])
            for b, k in enumerate(drawn)
        ]
    )
    return (
        world.score[level],
        (rng.random(len(level)) < world.truth[level]).astype(float),
        (mass / drawn)[stratum[level]],
    )


def certified(scores: Floats, correct: Floats, weights: Floats, start: float) -> float | None:
    """The project's cut."""
    found = certify(scores, correct, weights=weights, target=TARGET, start=start)
    return found.cut if isinstance(found, Certificate) else None


def pooled(scores: Floats, correct: Floats, weights: Floats, start: float) -> float | None:
    """The same test without the design's weights."""
    return certified(scores, correct, np.ones_like(weights), start)


def looks_good(scores: Floats, correct: Floats, weights: Floats, start: float) -> float | None:
    """The lowest of twenty cuts above which the weighted share of right answers reaches the target."""
    del start
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum((weights * correct)[order]) / np.cumsum(weights[order])
    ends = np.flatnonzero(np.append(np.diff(-scores[order]) > 0, True))
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, 20).astype(int))]
    good = ends[right[ends] >= TARGET]
    return float(scores[order][good[-1]]) if len(good) else None


RULES: dict[str, Rule] = {"certificate": certified, "looks good": looks_good, "no weights": pooled}


def broken(
    world: World, rule: Rule, design: Callable[..., tuple[Floats, Floats, Floats]], n: int, repeats: int
) -> tuple[float, float]:
    """The share of samples whose cut breaks the promise, and the mean share of traffic above the cut."""
    rng = np.random.default_rng([n, repeats])
    start = start_cut(world.score, world.mass)
    found, share = 0, 0.0
    for _ in range(repeats):
        cut = rule(*design(world, n, rng), start)
        if cut is not None:
            found += world.above(cut) < TARGET
            share += float(world.mass[world.score >= cut].sum())
    return found / repeats, share / repeats


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=2000)
    repeats = parser.parse_args().repeats
    print(f"promises broken / share of traffic above the cut; {repeats} samples of each kind, 5% allowed")
    print(f"{'world':28}{'design':14}{'labels':>7}" + "".join(f"{name:>18}" for name in RULES))
    for name, world in WORLDS.items():
        for design in (simple, stale_neyman):
            for n in (200, 500, 2000, 5000):
                cells = [broken(world, rule, design, n, repeats) for rule in RULES.values()]
                print(
                    f"{name:28}{design.__name__:14}{n:7}"
                    + "".join(f"{wrong:10.1%} / {share:.2f} " for wrong, share in cells),
                    flush=True,
                )


if __name__ == "__main__":
    main()
