"""One door to the forms of mapping, and their honest scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.calibrators.isotonic import isotonic
from calib.calibrators.labels import Labels, labels_of
from calib.errors import InvalidInput
from calib.mapping import Curve, Identity
from calib.measure import Ece, Strata, ece_estimate, group_means, kish_counts, strata

Floats = npt.NDArray[np.float64]

METHODS = ("isotonic", "identity")
FOLDS = 5


def fit(
    scores: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    method: str = "isotonic",
    weights: npt.ArrayLike | None = None,
) -> Curve:
    """Fit a mapping to scores in [0, 1] and answers 0 or 1, both of shape (n,).

    Raises `InvalidInput` for a method that is not in `METHODS` and for arrays that are no labels.

    >>> fit([0.6, 0.9], [0, 1]).apply(0.9) > fit([0.6, 0.9], [0, 1]).apply(0.6)
    True
    """
    return fit_labels(labels_of(scores, correct, weights), method=method)


def fit_labels(labels: Labels, *, method: str) -> Curve:
    """The same from labels."""
    if method == "isotonic":
        return isotonic(labels)
    if method == "identity":
        return Identity()
    raise InvalidInput(f"{method!r} is no method; there are {', '.join(METHODS)}")


def crossfit(
    labels: Labels, *, method: str, extra: Labels | None = None, folds: int = FOLDS, seed: int = 0
) -> Floats:
    """Each row's calibrated score from a fit that has not seen it, shape (n,).

    Each fold is scored by a fit on the other folds and all of `extra`. The folds are drawn at random, after
    a sort so that the order of the rows does not matter.
    """
    order = np.lexsort((labels.weights, labels.correct, labels.scores))
    fold = np.empty(len(order), dtype=np.intp)
    parts = max(1, min(folds, len(order)))
    fold[order] = np.random.default_rng(seed).permutation(np.arange(len(order)) % parts)
    scores = np.empty(len(order))
    for part in range(parts):
        held = fold == part
        rest = labels.take(~held).plus(extra)
        curve = fit_labels(rest, method=method) if rest.n else Identity()
        scores[held] = curve.apply(labels.scores[held])
    return scores


def held_out_ece(scores: Floats, labels: Labels) -> Ece:
    """The debiased ECE of held-out scores, shape (n,), in ten groups by the held-out score itself.

    Not by raw confidence: there the fits of all folds meet, average to the observed accuracy, and the
    error of any mapping would look like none.
    """
    return ece_of(scores, labels, strata(scores, labels.weights, max_levels=0))


def ece_of(scores: Floats, labels: Labels, groups: Strata) -> Ece:
    """The debiased ECE of scores, shape (n,), on labelled rows, by group, with Kish's effective counts."""
    group, size = groups.assign(scores), len(groups)
    counts = kish_counts(group, labels.correct, labels.weights, size)
    mean = np.clip(group_means(group, scores, labels.weights, size), 0, 1)
    return ece_estimate(counts.correct, counts.labels, mean, np.bincount(group, labels.weights, size))
