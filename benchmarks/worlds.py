"""The worlds that the simulations live in: a score, how often it is stated, and how often it is right.

Two kinds of score. `tied`: ten levels, as language models state them. `continuous`: two thousand points of
a logit-normal score, as mean token probabilities are. Each is `served` (stated confidence equals accuracy,
so the true ECE is 0) or `raw` (overconfident by about .09). Eight drifts lower or raise the accuracy until
the true ECE has risen by an exact amount.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri

from calib.sampling import allocate

Floats = npt.NDArray[np.float64]

LEVELS = np.array([0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0])
LEVEL_MASS = np.array([0.03, 0.04, 0.05, 0.06, 0.05, 0.12, 0.17, 0.20, 0.22, 0.06])
LEVEL_ACCURACY = np.array([0.35, 0.45, 0.50, 0.60, 0.64, 0.70, 0.74, 0.80, 0.88, 0.93])
POINTS = 2000
DRIFTS = ("shift", "top half", "tilt", "one stratum", "bottom", "underconfident", "two regions", "wave")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A score, its mass and its accuracy; `place`: its rank from 0 to 1. All of one shape, ascending."""

    score: Floats
    mass: Floats
    accuracy: Floats
    place: Floats

    @property
    def ece(self) -> float:
        """The true one."""
        return float(self.mass @ np.abs(self.accuracy - self.score))


def world(kind: str, *, raw: bool = False) -> World:
    """`tied` or `continuous`, served or raw."""
    if kind == "tied":
        score, mass, accuracy = LEVELS, LEVEL_MASS, LEVEL_ACCURACY
    else:
        score = expit(1.7 + 1.3 * ndtri((np.arange(POINTS) + 0.5) / POINTS))
        mass, accuracy = np.full(POINTS, 1 / POINTS), expit(0.85 * logit(score) - 0.35)
    place = np.cumsum(mass) - mass / 2
    return World(score=score if raw else accuracy, mass=mass, accuracy=accuracy, place=place)


def drifted(here: World, drift: str, rise: float) -> World:
    """The world after a drift that raises its true ECE by exactly `rise`: the first that does so."""
    odds, place = logit(here.accuracy), here.place
    centre = here.mass @ odds
    where = {
        "shift": np.ones_like(place),
        "top half": place >= 0.5,
        "one stratum": (place >= 0.52) & (place < 0.73),
        "bottom": place < 0.5,
        "underconfident": -np.ones_like(place),
        "two regions": ((place > 0.25) & (place < 0.45)) | (place > 0.8),
        "wave": np.sin(3 * np.pi * place),
    }

    def after(by: float) -> World:
        moved = centre + (odds - centre) * np.exp(-by) if drift == "tilt" else odds - by * where[drift]
        return replace(here, accuracy=expit(moved))

    def missing(by: float) -> float:
        return after(by).ece - here.ece - rise

    steps = np.linspace(0, 8, 400)
    reached = [i for i, by in enumerate(steps) if missing(by) >= 0]
    if not rise:
        return here
    if not reached:
        raise ValueError(f"no {drift} raises this world's ECE by {rise}")
    return after(brentq(missing, steps[reached[0] - 1], steps[reached[0]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """A world by stratum: mass, mean score and accuracy, shape (B,) each."""

    mass: Floats
    score: Floats
    accuracy: Floats


def strata_of(here: World, groups: int = 10) -> tuple[npt.NDArray[np.intp], int]:
    """The stratum of each point, and how many: levels, or groups of equal mass where there are many."""
    if len(here.mass) <= 12:
        return np.arange(len(here.mass)), len(here.mass)
    place = np.cumsum(here.mass) - here.mass / 2
    return np.minimum((place * groups).astype(np.intp), groups - 1), groups


def grouped(here: World) -> Grouped:
    """By stratum."""
    group, _ = strata_of(here)
    mass = np.bincount(group, here.mass)
    score, accuracy = (np.bincount(group, here.mass * x) / mass for x in (here.score, here.accuracy))
    return Grouped(mass=mass, score=score, accuracy=accuracy)


def other_mix(here: World, lean: float = 2.5) -> World:
    """The same scores and accuracies in another mix, as when the traffic becomes easier."""
    mass = here.mass * np.exp(lean * here.score)
    return replace(here, mass=mass / mass.sum())


def allocation(here: Grouped, labels: int, floor: int | None = None) -> npt.NDArray[np.int64]:
    """Neyman's allocation from the expected accuracy, with the product's floor where none is given."""
    return allocate(here.mass, here.accuracy, labels, floor=floor)
