"""Small pieces of distribution theory that several measures share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from calib.errors import InvalidInput

Floats = npt.NDArray[np.float64]
REAL = 2.5  # standard errors that make a gap more than noise: one stratum in eighty is beyond them by chance


def z_of(level: float) -> float:
    """The two-sided normal quantile: 1.96 for 0.95. Raises `InvalidInput` outside (0, 1)."""
    if not 0 < level < 1:
        raise InvalidInput(f"the level of an interval lies between 0 and 1, as 0.95 does, not {level}")
    return float(ndtri(0.5 + level / 2))


def wilson(share: Floats, n: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's score interval (1927) for a proportion; `n` may be an effective number, 0 gives [0, 1]."""
    z = z_of(level)
    size = np.maximum(n, 1e-12)
    centre = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def folded_normal(mean: Floats, sd: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of |N(mean, sd)| (Leone, Nelson & Nottingham 1961), element by element."""
    expected, variance, _ = folded_moments(mean, sd)
    return expected, variance


def folded_moments(mean: Floats, sd: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and third central moment of |N(mean, sd)|, element by element."""
    spread = np.maximum(sd, 1e-12)
    z = mean / spread
    bell = spread * np.sqrt(2 / np.pi) * np.exp(-z * z / 2)
    inside = mean * (1 - 2 * ndtr(-z))
    first, second = bell + inside, mean * mean + spread * spread
    cubed = bell * (mean * mean + 2 * spread * spread) + inside * (mean * mean + 3 * spread * spread)
    return first, np.maximum(second - first * first, 0), cubed - 3 * first * second + 2 * first**3


def shrunk(correct: Floats, labels: Floats, score: Floats) -> Floats:
    """The accuracy by stratum, shape (B,), drawn towards the score as if by two labels more."""
    return (correct + 2 * score) / (labels + 2)
