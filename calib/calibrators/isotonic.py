"""Isotonic regression as a mapping: no exact 0 or 1, no plateaus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from calib.calibrators.likelihood import distinct_scores
from calib.errors import InvalidInput
from calib.format import PiecewiseLinear
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]

# Share of the identity that is mixed in: enough to make the mapping strictly increasing, so that refitting
# keeps the ranking and AUROC does not fall; too little to move a confidence by more than 1e-4.
TILT = 1e-4
PRIOR_LABELS = 0.5  # pseudo-labels from an earlier mapping, for each real one


def isotonic(
    labels: Sample, prior: Callable[[Floats], Floats] | None = None, *, strength: float = PRIOR_LABELS
) -> PiecewiseLinear:
    """Fit by pooling adjacent violators (Ayer et al. 1955; Zadrozny & Elkan 2002), each block smoothed.

    A block of n effective labels with k correct becomes (k + ½) / (n + 1): most plain fits state an exact 0
    or 1 somewhere. Its value holds from its lowest to its highest score, straight lines in between. With a
    `prior`, from scores to accuracies, every label brings `strength` pseudo-labels that are right so often.
    Raises `InvalidInput` without a single label.
    """
    from scipy.optimize import isotonic_regression

    if labels.n == 0:
        raise InvalidInput("isotonic regression needs at least one label")
    score, accuracy, weight, squares = distinct_scores(labels)
    if prior is not None:
        accuracy = (accuracy + strength * prior(score)) / (1 + strength)
        weight, squares = weight * (1 + strength), squares * (1 + strength)
    fitted = isotonic_regression(accuracy, weights=weight)
    first = fitted.blocks[:-1].astype(np.intp)
    last = fitted.blocks[1:].astype(np.intp) - 1
    effective = np.add.reduceat(weight, first) ** 2 / np.add.reduceat(squares, first)
    rate = np.add.reduceat(weight * accuracy, first) / np.add.reduceat(weight, first)
    smooth = (np.clip(rate, 0, 1) * effective + 0.5) / (effective + 1)
    # unequal shrinking can turn two neighbours round
    block = isotonic_regression(smooth, weights=effective).x

    x = np.stack([score[first], score[last]], axis=1).ravel()
    y = np.repeat(block, 2)
    keep = np.append(True, np.diff(x) > 0)
    x, y = x[keep], y[keep]
    if x[0] > 0:
        x, y = np.append(0.0, x), np.append(y[0], y)
    if x[-1] < 1:
        x, y = np.append(x, 1.0), np.append(y, y[-1])
    # where three knots in a row are level the middle one says nothing
    inner = (y[1:-1] == y[:-2]) & (y[1:-1] == y[2:])
    needed = np.concatenate([[True], ~inner, [True]])[: len(x)]
    x, y = x[needed], y[needed]
    tilted = (1 - TILT) * y + TILT * x
    return PiecewiseLinear(x=tuple(x.tolist()), y=tuple(tilted.tolist()))
