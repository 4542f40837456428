"""The interval of an ECE whose strata err together, for their rows share clusters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from calib.measure.intervals import REAL, shrunk, z_of

Floats = npt.NDArray[np.float64]

DRAWS = 1024  # half of them mirrored: a tail of 2.5% to half a point of probability
SEED = 20261128
ROUNDS = 40  # of root finding; about ten suffice
EXACT = 1e-7  # of an ECE


def joint_interval(
    k: Floats, n: Floats, q: Floats, w: Floats, covariance: Floats, level: float = 0.95
) -> tuple[float, float, bool]:
    """Lower end, upper end, and whether the plugin lies below what noise alone makes it.

    `k`, `n`: correct labels and labels that count as independent ones inside each stratum; `q`, `w`: mean
    score and mass, Σ w = 1; shape (B,) each. `covariance`: as in `Counts`, shape (B, B).

    As in `ece_estimate` the law of the plugin T = Σ W |N(c t, Σ)| is inverted along shapes t of true gaps.
    Its quantiles are those of seeded normal draws, for no formula has them where the noise is correlated. A
    part that all strata share can hide true gaps that lie to one side: the upper end is therefore the largest
    over the signs that were seen, all gaps up, and all gaps down. The noise is as large as the larger of two
    variances allows, that of the observed accuracies and that of the accuracies q + c t that are tried: where
    few answers were wrong by luck the first is too small.
    """
    law = _Law.of(k, n, q, w, covariance)
    tail = 1 - float(ndtr(z_of(level)))
    gap = k / n - q
    plugin = float(w @ np.abs(gap))
    sign = np.where(gap < 0, -1.0, 1.0)
    size = np.maximum(np.abs(gap), law.error)

    calibrated = np.sort(law.plugins(np.zeros_like(gap)))
    below = plugin <= calibrated[_rank(tail)]
    real = np.where(np.abs(gap) > REAL * law.error, gap, 1e-3 * law.error * sign)
    low = law.solve(real, plugin, _rank(1 - tail), at_least=0.0)
    seen = float(calibrated[DRAWS // 2]) if below else plugin
    high = 0.0
    for shape in (sign * size, size, -size):
        high = law.solve(shape, seen, _rank(tail), at_least=high)
    return low, min(1.0, high), bool(below)


def _rank(probability: float) -> int:
    """The place of a quantile among the ordered draws."""
    return min(DRAWS - 1, max(0, round(probability * DRAWS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Law:
    """`noise`: draws of the gaps' noise, shape (DRAWS, B), in units of an answer's standard deviation.

    `error`: the standard error of each stratum's accuracy as it was observed; `variance`: of an answer there.
    """

    score: Floats
    mass: Floats
    labels: Floats
    variance: Floats
    error: Floats
    noise: Floats

    @classmethod
    def of(cls, k: Floats, n: Floats, q: Floats, w: Floats, covariance: Floats) -> _Law:
        rate = shrunk(k, n, q)
        variance = np.maximum(rate * (1 - rate), 1e-6)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return cls(
            score=q,
            mass=w,
            labels=n,
            variance=variance,
            error=np.sqrt(variance / n),
            noise=_normals(len(q)) @ root.T,
        )

    def plugins(self, gaps: Floats) -> Floats:
        """Draws of the plugin where these are the true gaps."""
        rate = shrunk(np.clip(self.score + gaps, 0, 1) * self.labels, self.labels, self.score)
        spread = np.sqrt(np.maximum(self.variance, rate * (1 - rate)))
        drawn: Floats = np.abs(self.noise * spread + gaps) @ self.mass
        return drawn

    def solve(self, shape: Floats, plugin: float, rank: int, *, at_least: float) -> float:
        """Σ W c |t| for the c ≥ 0 at which the quantile of `rank` is the plugin that was seen.

        `at_least` where it is no more than that. Regula falsi with the Illinois rule (Dowell & Jarratt 1971).
        """
        total = float(self.mass @ np.abs(shape))

        def off(ece: float) -> float:
            drawn = self.plugins(ece / total * shape)
            drawn.partition(rank)
            return float(drawn[rank]) - plugin

        low, below = at_least, off(at_least)
        if below >= 0:
            return at_least
        high = max(2 * at_least, plugin, 1e-3)
        above = off(high)
        while above < 0 and high < 2:
            low, below, high = high, above, 2 * high
            above = off(high)
        if above < 0:
            return high
        side = 0
        for _ in range(ROUNDS):
            middle = low - below * (high - low) / (above - below)
            difference = off(middle)
            if abs(difference) < EXACT or high - low < EXACT:
                return middle
            if difference < 0:
                low, below, above = middle, difference, above / 2 if side < 0 else above
            else:
                high, above, below = middle, difference, below / 2 if side > 0 else below
            side = -1 if difference < 0 else 1
        return (low + high) / 2


@lru_cache(maxsize=64)
def _normals(size: int) -> Floats:
    """Standard normal draws, shape (DRAWS, size); of few strata mean and covariance are exact."""
    half = np.random.default_rng(SEED).standard_normal((DRAWS // 2, size))
    if size <= DRAWS // 8:  # more strata than that have so few rows each that it makes no difference
        half = np.linalg.solve(np.linalg.cholesky(half.T @ half / len(half)), half.T).T
    drawn = np.concatenate([half, -half])
    drawn.flags.writeable = False
    return drawn
