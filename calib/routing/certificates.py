"""Certificates: a cut with a proven accuracy at and above it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, ndtri

from calib.errors import InvalidInput
from calib.information import Information
from calib.json_object import Json
from calib.measure.sample import Sample
from calib.measure.score_table import score_table
from calib.measure.scores import auroc
from calib.policy import CERTIFICATE_START_SHARE
from calib.reasons import Reason

Floats = npt.NDArray[np.float64]

CUTS = 20  # at most: each needs labels of its own to pass


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

    def to_json(self) -> Json:
        """As the mapping file writes it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCertificate:
    """No cut can be certified; `labels_needed`: how many more could help, None where none would."""

    target: float
    confidence: float
    why: Reason
    labels_needed: int | None

    @property
    def reason(self) -> str:
        """`why` in words."""
        return self.why.sentence


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
    `InvalidInput` for data that are not a labelled sample and for a target outside (0, 1).
    """
    (certificate,) = certify_each(
        Sample(scores, correct, weights), targets=(target,), confidence=confidence, start=start
    )
    return certificate


def certify_each(
    labels: Sample,
    *,
    targets: Sequence[float],
    confidence: float = 0.95,
    start: float,
    effect: float = 1.0,
) -> list[Certificate | NoCertificate]:
    """The same for several targets at once: each keeps its own promise, not all of them together.

    `effect` ≥ 1: the rows' design effect, by which clusters divide the number of labels.
    """
    if not (all(0 < target < 1 for target in targets) and 0 < confidence < 1 and 0 <= start <= 1):
        raise InvalidInput("target and confidence lie between 0 and 1, start in [0, 1]")
    cuts = _cuts(labels.scores, start)
    share, n, k = _above(labels, cuts, effect)
    certificates: list[Certificate | NoCertificate] = []
    for target in targets:
        # of k right answers or more where the accuracy is just the target
        chance = np.where(k > 0, betainc(np.maximum(k, 1), np.maximum(n - k, 0) + 1, target), 1.0)
        failed = (n == 0) | (chance > 1 - confidence)
        passed = int(np.argmax(failed)) if failed.any() else len(cuts)
        if passed == 0:
            top = float((labels.scores >= start).mean()) if len(labels.scores) else 0.0
            certificates.append(_none(int(k[0]), int(n[0]), target, confidence, top))
            continue
        last = passed - 1
        certificates.append(
            Certificate(
                target=target,
                confidence=confidence,
                cut=float(cuts[last]),
                share=float(share[last]),
                n=int(n[last]),
                accuracy_low=float(betaincinv(k[last], n[last] - k[last] + 1, 1 - confidence)),
            )
        )
    return certificates


def certified(
    labels: Sample, *, targets: Sequence[float], start: float, effect: float = 1.0
) -> list[Certificate | NoCertificate]:
    """For each target a certificate, or why there is none; none at all before information is shown.

    A signal whose AUROC may be one half may not distinguish right answers from wrong ones: a cut on it would
    be a promise about the traffic's mix, kept by chance. That it does not is said only where it is proven.
    """
    counted = labels.take(labels.weights > 0)
    discrimination = None
    if counted.n:
        discrimination = auroc(
            score_table(counted.scores, counted.correct, counted.weights).spread_out(np.array([effect]))
        )
    if discrimination is None or discrimination.low > 0.5:
        return certify_each(labels, targets=targets, start=start, effect=effect)
    auroc_facts = {"auroc": discrimination.value, "low": discrimination.low, "high": discrimination.high}
    information = Information.of(*auroc_facts.values(), labels=counted.n)
    more = None
    if information.labels_needed is None:
        why = Reason("no_information", auroc_facts)
    else:
        why = Reason("information_not_shown", auroc_facts | {"needed": information.labels_needed})
        more = information.labels_needed - counted.n
    return [NoCertificate(target=target, confidence=0.95, why=why, labels_needed=more) for target in targets]


def start_cut(levels: npt.ArrayLike, sizes: npt.ArrayLike, share: float = CERTIFICATE_START_SHARE) -> float:
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


def _above(labels: Sample, cuts: Floats, effect: float) -> tuple[Floats, Floats, Floats]:
    """At and above each cut: share of weight, effective number of labels, the right ones; both floored."""
    order = np.argsort(-labels.scores, kind="stable")
    weights = labels.weights[order] / max(float(labels.weights.max(initial=0.0)), np.finfo(float).tiny)
    total, squares = (np.concatenate([[0.0], np.cumsum(w)]) for w in (weights, weights**2))
    right = np.concatenate([[0.0], np.cumsum(weights * labels.correct[order])])
    rows = np.searchsorted(-labels.scores[order], -cuts, side="right")
    with_labels = squares[rows] > 0
    effective = np.divide(total[rows] ** 2, squares[rows], out=np.zeros(len(cuts)), where=with_labels)
    accuracy = np.divide(right[rows], total[rows], out=np.zeros(len(cuts)), where=with_labels)
    n = np.floor(effective / effect + 1e-9)
    return total[rows] / max(float(total[-1]), np.finfo(float).tiny), n, np.floor(accuracy * n + 1e-9)


def _none(right: int, n: int, target: float, confidence: float, share: float) -> NoCertificate:
    """Too few labels, or an error rate too high: whichever it is; `share`: of the labels at the top."""
    if n > 0 and right <= target * n:
        low = betaincinv(right, n - right + 1, 0.025) if right else 0.0
        high = betaincinv(right + 1, n - right, 0.975)
        facts = {"accuracy": right / n, "labels": n, "low": float(low), "high": float(high), "target": target}
        why = Reason("error_rate_too_high", facts)
        return NoCertificate(target=target, confidence=confidence, why=why, labels_needed=None)
    rate = right / n if n else 1.0
    if rate >= 1:
        labels_needed = math.ceil(math.log(1 - confidence) / math.log(target))
    else:
        labels_needed = math.ceil((float(ndtri(confidence)) / (rate - target)) ** 2 * target * (1 - target))
    more = math.ceil(max(1, labels_needed - n) / (share or CERTIFICATE_START_SHARE))
    why = Reason("too_few_labels_at_top", {"labels": n, "more": more})
    return NoCertificate(target=target, confidence=confidence, why=why, labels_needed=more)
