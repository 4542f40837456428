"""How far two people agree beyond chance, and what their errors do to the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, fisher_exact

from calib.errors import InvalidInput

ALMOST = 1e-9  # how near kappa comes to its ends


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa with its interval, in [-1, 1]."""

    value: float
    low: float
    high: float


def cohen_kappa(
    both_correct: int, first_only: int, second_only: int, both_incorrect: int, *, level: float = 0.95
) -> Kappa | None:
    """Cohen's kappa (1960) of two people's answers to the same rows; None where all answers are one word.

    The four numbers of rows: both say correct, the first person alone does, the second alone, neither does.
    The interval is the goodness-of-fit interval of Donner and Eliasziw (1992, Statistics in Medicine 11,
    1511-1519) for two people who say correct equally often, which who was asked first does not change. Unlike
    kappa ± 1.96 standard errors it stays inside [-1, 1] and is no single point where all pairs agree. Raises
    `InvalidInput` for negative numbers and where there is no row.
    """
    counts = (both_correct, first_only, second_only, both_incorrect)
    n = sum(counts)
    if min(counts) < 0 or n == 0:
        raise InvalidInput(f"agreement needs rows that two people answered, not {counts}")
    first, second = both_correct + first_only, both_correct + second_only
    by_chance = (first * second + (n - first) * (n - second)) / n**2
    if by_chance == 1:
        return None
    value = ((both_correct + both_incorrect) / n - by_chance) / (1 - by_chance)
    share = (first + second) / (2 * n)
    observed = (both_correct, first_only + second_only, both_incorrect)
    low, high = _interval(observed, share, float(chi2.ppf(level, 1)))
    return Kappa(value=value, low=min(low, value), high=max(high, value))


def _interval(observed: tuple[int, int, int], share: float, limit: float) -> tuple[float, float]:
    """The kappas whose expected counts are not further from the observed ones than `limit`."""
    n, spread = sum(observed), share * (1 - share)
    least = max(-(1 - share) / share, -share / (1 - share)) + ALMOST  # below it a count would be negative
    most = 1 - ALMOST

    def distance(kappa: float) -> float:
        both = spread * kappa
        expected = (share**2 + both, 2 * spread * (1 - kappa), (1 - share) ** 2 + both)
        return sum((o - n * e) ** 2 / (n * e) for o, e in zip(observed, expected, strict=True)) - limit

    best = min(most, max(least, 1 - observed[1] / (2 * n * spread)))
    low = least if distance(least) <= 0 else float(brentq(distance, least, best))
    high = most if distance(most) <= 0 else float(brentq(distance, best, most))
    return max(-1.0, low), 1.0 if high == most else high


def label_error(disagreement: float) -> float:
    """The chance ε that one label is wrong, from the share of rows on which two people differ, in [0, 0.5].

    Two labels that are each wrong with chance ε, independently and as likely either way, differ with chance
    2ε(1 − ε). Labels that differ more often than not are as good as coins.

    >>> round(label_error(2 * 0.05 * 0.95), 6), label_error(0.7)
    (0.05, 0.5)
    """
    return 0.5 * (1 - math.sqrt(max(0.0, 1 - 2 * disagreement)))


def disagreement_rose(now: tuple[int, int], before: tuple[int, int]) -> float:
    """The one-sided p-value of Fisher's exact test that people differ more often now than before.

    Each pair: the rows on which two people differ, and all rows that two people answered.
    """
    (differ, n), (differed, m) = now, before
    table = np.array([[differ, n - differ], [differed, m - differed]])
    return float(fisher_exact(table, alternative="greater").pvalue)
