"""Certificates: a cut with a proven accuracy at and above it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, betaincinv, ndtri

from calib.calibrators.labels import labels_of
from calib.errors import InvalidInput

CUTS = 20  # at most: each needs labels of its own to pass
START_SHARE = 0.15  # of the population at and above the first cut: less could never be proven


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """At and above `cut` the accuracy is at least `target`, with probability `confidence`.

    `share`: of the labelled rows' weight at or above the cut. `n`: effective labels there. `accuracy_low`:
    the lower confidence bound of the accuracy there.
    """

    target: float
    confidence: float
    cut: float
    share: float
    n: int
    accuracy_low: float

    def to_json(self) -> dict[str, Any]:
        """As the mapping file writes it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCertificate:
    """No cut can be certified; `labels_needed` where more labels could help, None where they cannot."""

    target: float
    confidence: float
    reason: str
    labels_needed: int | None

    def to_json(self) -> dict[str, Any]:
        """Beside certificates in results; `cut` is null."""
        return {name: getattr(self, name) for name in self.__slots__} | {"cut": None}


def certify(
    scores: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    target: float,
    confidence: float = 0.95,
    start: float,
) -> Certificate | NoCertificate:
    """Find the lowest cut that can be certified by fixed-sequence testing (Angelopoulos et al. 2021).

    From `start`, a raw confidence chosen without these labels, cuts are tested downwards, each by an exact
    binomial test of "accuracy below target" on Kish's effective number of labels, floored; the first
    failure ends it, so no correction for many tests is due. `scores`, `correct`, `weights`: shape (n,).
    """
    labels = labels_of(scores, correct, weights)
    if not (0 < target < 1 and 0 < confidence < 1 and 0 <= start <= 1):
        raise InvalidInput("target and confidence lie between 0 and 1, start in [0, 1]")
    passed: Certificate | None = None
    for cut in _cuts(labels.scores, start):
        above = labels.take(labels.scores >= cut)
        n, accuracy = _effective(above.weights, above.correct)
        k = math.floor(accuracy * n + 1e-9)
        if n == 0 or float(bdtrc(k - 1, n, target) if k > 0 else 1.0) > 1 - confidence:
            return passed or _none(accuracy, n, target, confidence)
        passed = Certificate(
            target=target,
            confidence=confidence,
            cut=float(cut),
            share=above.total / labels.total,
            n=n,
            accuracy_low=float(betaincinv(k, n - k + 1, 1 - confidence)),
        )
    return passed or _none(0.0, 0, target, confidence)


def start_cut(levels: npt.ArrayLike, sizes: npt.ArrayLike, share: float = START_SHARE) -> float:
    """The highest level, of ascending ones, with at least `share` of the population at or above it."""
    level, size = np.asarray(levels, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    above = np.cumsum(size[::-1])[::-1] / size.sum()
    return float(level[np.flatnonzero(above >= share)[-1]])


def _cuts(scores: npt.NDArray[np.float64], start: float) -> npt.NDArray[np.float64]:
    """Descending from `start`: the distinct scores, or quantiles where there are many."""
    below = np.unique(scores[scores < start])
    if len(below) >= CUTS:
        below = np.unique(np.quantile(below, np.linspace(0, 1, CUTS - 1), method="nearest"))
    return np.concatenate([[start], below[::-1]])


def _effective(weights: npt.NDArray[np.float64], correct: npt.NDArray[np.float64]) -> tuple[int, float]:
    total = float(weights.sum())
    if total <= 0:
        return 0, 0.0
    return math.floor(total**2 / float((weights**2).sum()) + 1e-9), float(weights @ correct) / total


def _none(accuracy: float, n: int, target: float, confidence: float) -> NoCertificate:
    """Too few labels, or an error rate too high: whichever it is."""
    z = float(ndtri(confidence))
    if n > 0 and accuracy <= target:
        reason = f"the error rate is too high: {accuracy:.1%} right at the top, {target:.0%} wanted"
        return NoCertificate(target=target, confidence=confidence, reason=reason, labels_needed=None)
    rate = accuracy if n else 1.0
    if rate >= 1:
        wanted = math.ceil(math.log(1 - confidence) / math.log(target))
    else:
        wanted = math.ceil((z / (rate - target)) ** 2 * target * (1 - target))
    more = max(1, wanted - n)
    reason = f"too few labels: {n} at the top, about {more} more would do at the accuracy seen"
    return NoCertificate(target=target, confidence=confidence, reason=reason, labels_needed=more)
