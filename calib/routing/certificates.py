"""Certificates: a cut with a proven accuracy at and above it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, ndtri

from calib.calibrators.labels import Labels, labels_of
from calib.errors import InvalidInput
from calib.measure.scores import auroc

Floats = npt.NDArray[np.float64]

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
    """No cut can be certified; `labels_needed`: how many more could help, None where none would."""

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
    failure ends it, so no correction for many tests is due. `scores`, `correct`, `weights`: shape (n,), the
    weights those of the sample's design: unweighted labels of a stratified sample break the promise. Raises
    `InvalidInput` for what is no labelled sample and for a target outside (0, 1).
    """
    (found,) = certify_each(
        labels_of(scores, correct, weights), targets=(target,), confidence=confidence, start=start
    )
    return found


def certify_each(
    labels: Labels, *, targets: Sequence[float], confidence: float = 0.95, start: float
) -> list[Certificate | NoCertificate]:
    """The same for several targets at once: each keeps its own promise, not all of them together."""
    if not (all(0 < target < 1 for target in targets) and 0 < confidence < 1 and 0 <= start <= 1):
        raise InvalidInput("target and confidence lie between 0 and 1, start in [0, 1]")
    cuts = _cuts(labels.scores, start)
    share, n, k = _above(labels, cuts)
    found: list[Certificate | NoCertificate] = []
    for target in targets:
        # of k right answers or more where the accuracy is just the target
        chance = np.where(k > 0, betainc(np.maximum(k, 1), np.maximum(n - k, 0) + 1, target), 1.0)
        failed = (n == 0) | (chance > 1 - confidence)
        passed = int(np.argmax(failed)) if failed.any() else len(cuts)
        if passed == 0:
            top = float((labels.scores >= start).mean()) if len(labels.scores) else 0.0
            found.append(_none(int(k[0]), int(n[0]), target, confidence, top))
            continue
        last = passed - 1
        found.append(
            Certificate(
                target=target,
                confidence=confidence,
                cut=float(cuts[last]),
                share=float(share[last]),
                n=int(n[last]),
                accuracy_low=float(betaincinv(k[last], n[last] - k[last] + 1, 1 - confidence)),
            )
        )
    return found


def certified(labels: Labels, *, targets: Sequence[float], start: float) -> list[Certificate | NoCertificate]:
    """For each target a certificate, or why there is none; none at all for a signal without information.

    A signal whose AUROC may be one half does not tell right answers from wrong ones: a cut on it would be a
    promise about the traffic's mix, kept by chance.
    """
    counted = labels.take(labels.weights > 0)
    found = auroc(counted.scores, counted.correct, counted.weights) if counted.n else None
    if found is None or found.low > 0.5:
        return certify_each(labels, targets=targets, start=start)
    reason = (
        f"no information: the confidence does not tell right answers from wrong ones, its AUROC is "
        f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
    )
    return [
        NoCertificate(target=target, confidence=0.95, reason=reason, labels_needed=None) for target in targets
    ]


def start_cut(levels: npt.ArrayLike, sizes: npt.ArrayLike, share: float = START_SHARE) -> float:
    """The highest level, of ascending ones, with at least `share` of the population at or above it."""
    level, size = np.asarray(levels, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    above = np.cumsum(size[::-1])[::-1] / size.sum()
    return float(level[np.flatnonzero(above >= share)[-1]])


def _cuts(scores: Floats, start: float) -> Floats:
    """Descending from `start`: the distinct scores, or quantiles where there are many."""
    below = np.unique(scores[scores < start])
    if len(below) >= CUTS:
        below = np.unique(np.quantile(below, np.linspace(0, 1, CUTS - 1), method="nearest"))
    return np.concatenate([[start], below[::-1]])


def _above(labels: Labels, cuts: Floats) -> tuple[Floats, Floats, Floats]:
    """At and above each cut: share of weight, Kish's number of labels, the right ones; both floored."""
    order = np.argsort(-labels.scores, kind="stable")
    weights = labels.weights[order] / max(float(labels.weights.max(initial=0.0)), np.finfo(float).tiny)
    total, squares = (np.concatenate([[0.0], np.cumsum(w)]) for w in (weights, weights**2))
    right = np.concatenate([[0.0], np.cumsum(weights * labels.correct[order])])
    rows = np.searchsorted(-labels.scores[order], -cuts, side="right")
    there = squares[rows] > 0
    effective = np.divide(total[rows] ** 2, squares[rows], out=np.zeros(len(cuts)), where=there)
    accuracy = np.divide(right[rows], total[rows], out=np.zeros(len(cuts)), where=there)
    n = np.floor(effective + 1e-9)
    return total[rows] / max(float(total[-1]), np.finfo(float).tiny), n, np.floor(accuracy * n + 1e-9)


def _none(right: int, n: int, target: float, confidence: float, share: float) -> NoCertificate:
    """Too few labels, or an error rate too high: whichever it is; `share`: of the labels at the top."""
    if n > 0 and right <= target * n:
        low = betaincinv(right, n - right + 1, 0.025) if right else 0.0
        high = betaincinv(right + 1, n - right, 0.975)
        reason = (
            f"the error rate is too high: at the top {right / n:.1%} of {n} are right "
            f"({low:.1%} to {high:.1%}), {target:.1%} wanted"
        )
        return NoCertificate(target=target, confidence=confidence, reason=reason, labels_needed=None)
    rate = right / n if n else 1.0
    if rate >= 1:
        wanted = math.ceil(math.log(1 - confidence) / math.log(target))
    else:
        wanted = math.ceil((float(ndtri(confidence)) / (rate - target)) ** 2 * target * (1 - target))
    more = math.ceil(max(1, wanted - n) / (share or START_SHARE))
    reason = f"too few labels: {n} at the top; about {more} more in all would do at the accuracy seen there"
    return NoCertificate(target=target, confidence=confidence, reason=reason, labels_needed=more)
