"""Fit any calibrator by name, and compute cross-fitted scores for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.calibrators.beta import beta
from calib.calibrators.blend import isotonic_prior, platt_isotonic
from calib.calibrators.isotonic import isotonic
from calib.calibrators.platt import platt
from calib.calibrators.temperature import temperature
from calib.errors import InvalidInput
from calib.format import Curve, Identity
from calib.measure import Ece, Strata, cluster_counts, ece_estimate, group_means, kish_counts, strata
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]
Folds = npt.NDArray[np.intp]

METHODS = ("isotonic", "platt", "beta", "temperature", "platt_isotonic", "isotonic_prior", "identity")
FOLDS = 5


def fit(
    scores: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    method: str = "isotonic",
    weights: npt.ArrayLike | None = None,
    prior: Curve | None = None,
) -> Curve:
    """Fit a mapping to scores in [0, 1] and answers 0 or 1, both of shape (n,).

    `prior`: an earlier mapping, which `isotonic_prior` leans on; the other methods know none. Raises
    `InvalidInput` for a method that is not in `METHODS` and for arrays that are not labels.

    >>> fit([0.6, 0.9], [0, 1]).apply(0.9) > fit([0.6, 0.9], [0, 1]).apply(0.6)
    True
    >>> fit([0.6, 0.9, 0.9, 0.9], [0, 1, 1, 0], method="platt").kind
    'logistic'
    """
    return fit_labels(Sample(scores, correct, weights), method=method, prior=prior)


def fit_labels(labels: Sample, *, method: str, prior: Curve | None = None) -> Curve:
    """Fit one form of mapping to a labelled sample, as `fit` does to arrays."""
    match method:
        case "isotonic":
            return isotonic(labels)
        case "isotonic_prior":
            return isotonic_prior(labels, prior)
        case "platt":
            return platt(labels)
        case "beta":
            return beta(labels)
        case "temperature":
            return temperature(labels)
        case "platt_isotonic":
            return platt_isotonic(labels)
        case "identity":
            return Identity()
    raise InvalidInput(f"{method!r} is not a method; the methods are {', '.join(METHODS)}")


def folds_of(labels: Sample, folds: int = FOLDS, seed: int = 0) -> Folds:
    """The fold, 0 to at most `folds` − 1, of each row, shape (n,).

    Drawn at random, after a sort so that the order of the rows does not matter.
    """
    order = np.lexsort((labels.weights, labels.correct, labels.scores))
    fold = np.empty(len(order), dtype=np.intp)
    parts = max(1, min(folds, len(order)))
    fold[order] = np.random.default_rng(seed).permutation(np.arange(len(order)) % parts)
    return fold


def fold_curves(
    labels: Sample, fold: Folds, *, method: str, extra: Sample | None = None, prior: Curve | None = None
) -> list[Curve]:
    """For each fold the fit on the other folds and all of `extra`; the identity where that is nothing."""
    curves: list[Curve] = []
    for part in range(int(fold.max(initial=-1)) + 1):
        rest = labels.take(fold != part).plus(extra)
        curves.append(fit_labels(rest, method=method, prior=prior) if rest.n else Identity())
    return curves


def held_out(scores: Floats, fold: Folds, curves: list[Curve]) -> Floats:
    """Each row scored by the fit that has not seen it, shape (n,)."""
    scored = np.empty(len(scores))
    for part, curve in enumerate(curves):
        scored[fold == part] = curve.apply(scores[fold == part])
    return scored


def crossfit(
    labels: Sample,
    *,
    method: str,
    extra: Sample | None = None,
    prior: Curve | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> Floats:
    """Each row's calibrated score from a fit that has not seen it, shape (n,).

    Each fold is scored by a fit on the other folds and all of `extra`.
    """
    fold = folds_of(labels, folds, seed)
    return held_out(labels.scores, fold, fold_curves(labels, fold, method=method, extra=extra, prior=prior))


def held_out_ece(scores: Floats, labels: Sample) -> Ece:
    """The debiased ECE of held-out scores, shape (n,), in ten groups by the held-out score itself.

    Not by raw confidence: there the fits of all folds meet, average to the observed accuracy, and the
    error of any mapping would look like none.
    """
    return ece_of(scores, labels, strata(scores, labels.weights, max_levels=0))


def ece_of(scores: Floats, labels: Sample, groups: Strata) -> Ece:
    """The debiased ECE of scores, shape (n,), on labelled rows, by group, with their effective counts."""
    group, size, clusters = groups.assign(scores), len(groups), labels.cluster_numbers
    counts = (
        kish_counts(group, labels.correct, labels.weights, size)
        if clusters is None
        else cluster_counts(group, labels.correct, labels.weights, clusters, size)
    )
    mean = np.clip(group_means(group, scores, labels.weights, size), 0, 1)
    mass = np.bincount(group, labels.weights, size)
    return ece_estimate(counts.correct, counts.labels, mean, mass, covariance=counts.covariance)
