"""Blends and shifts of mappings; the file format has no kinds for them, so straight lines stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from calib.calibrators.isotonic import isotonic
from calib.calibrators.platt import platt
from calib.format import Curve, Identity, PiecewiseLinear
from calib.format.curves import EDGE
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]

SQUEEZE = 0.02  # of 0.005 to 0.04 the best on 54 language models' stated confidences, if by little
ERROR = 1e-4  # at most, between the function and its knots
ROUNDS = 40  # of halving: down to 1e-12, far below the distance that still matters at the clipped ends


def piecewise(function: Callable[[Floats], Floats], kinks: Iterable[float] = ()) -> PiecewiseLinear:
    """`function`, non-decreasing from [0, 1] into (0, 1), as straight lines, nowhere off by more than 1e-4.

    Intervals are halved until the lines agree at their quarters; between `kinks`, and the points at which
    every kind of curve clips its input, the function must be smooth.
    """
    x = np.unique(np.array([0.0, EDGE, *np.linspace(0.1, 0.9, 9), 1 - EDGE, 1.0, *kinks]))
    for _ in range(ROUNDS):
        y = function(x)
        step, rise = np.diff(x), np.diff(y)
        off = np.zeros(len(step))
        for share in (0.25, 0.5, 0.75):
            off = np.maximum(off, np.abs(function(x[:-1] + share * step) - (y[:-1] + share * rise)))
        rough = off > ERROR / 2  # the greatest distance may lie between the quarters
        if not rough.any():
            break
        x = np.sort(np.concatenate([x, x[:-1][rough] + step[rough] / 2]))
    y = np.maximum.accumulate(function(x))
    return PiecewiseLinear(x=tuple(x.tolist()), y=tuple(y.tolist()))


def platt_isotonic(labels: Sample) -> PiecewiseLinear:
    """Half Platt scaling, half isotonic regression: the first is stiff and the second noisy."""
    smooth, stepped = _stiff(labels), isotonic(labels)
    return piecewise(lambda x: (smooth(x) + stepped.apply(x)) / 2, stepped.x)


def isotonic_prior(labels: Sample, prior: Curve | None) -> PiecewiseLinear:
    """Isotonic regression with half a pseudo-label from an earlier mapping for each label.

    Where there is none, or it is the raw confidence itself, Platt scaling of the same labels takes its place.
    """
    if prior is None or isinstance(prior, Identity):
        return isotonic(labels, _stiff(labels))
    return isotonic(labels, prior.apply)


def _stiff(labels: Sample) -> Callable[[Floats], Floats]:
    """Platt scaling of scores that are squeezed into [0.02, 0.98].

    People and language models who say 1 mean "almost surely"; on the logit's scale 1 lies as far from 0.9 as
    0.9 from 1e-5, and would tilt the whole line.
    """
    curve = platt(Sample(_squeezed(labels.scores), labels.correct, labels.weights))
    return lambda scores: curve.apply(_squeezed(scores))


def _squeezed(scores: Floats) -> Floats:
    return SQUEEZE + (1 - 2 * SQUEEZE) * scores


def shifted(curve: Curve, by: float) -> PiecewiseLinear:
    """`curve` with all its log odds moved by a number."""
    kinks = curve.x if isinstance(curve, PiecewiseLinear) else ()
    return piecewise(lambda x: np.asarray(expit(logit(curve.apply(x)) + by)), kinks)
