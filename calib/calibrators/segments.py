"""Segments: a mapping of their own, drawn towards the stream's, where held-out scores say that it pays."""

from __future__ import annotations

import math
from collections.abc import Mapping as Named
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from calib import policy
from calib.calibrators.blend import shifted
from calib.calibrators.isotonic import PRIOR_LABELS, isotonic
from calib.format import Curve
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]

PSEUDO_LABELS = 40  # from the stream's mapping, at most one for every two of the segment's own
SPREAD = 0.5  # standard deviation of segments around their stream, in log odds
FARTHEST = 4.0  # log odds
MOST = 50  # mappings in one file, for that has a largest size


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFit:
    """A segment's own mapping; `scores`: its held-out scores on the rows `where`; `t`: of the gain."""

    curve: Curve
    where: npt.NDArray[np.bool_]
    scores: Floats
    t: float


def segment_fits(
    now: Sample,
    extra: Sample | None,
    *,
    fold: npt.NDArray[np.intp],
    curves: list[Curve],
    stream: Curve,
) -> dict[str, SegmentFit]:
    """The segments whose own mapping beats the stream's on labels that neither has seen.

    `fold`: of each new row, shape (n,); `curves`: the stream's fit without each fold; `stream`: its fit on
    everything. A segment leans on the stream in one of two ways, whichever scores better: all log odds moved
    by one number, drawn towards 0 as a normal random effect, or an isotonic fit with up to forty
    pseudo-labels from the stream's mapping.
    """
    fits: dict[str, SegmentFit] = {}
    for name in now.segment_names:
        where = now.segments == name
        earlier = None if extra is None else extra.of_segment(name)
        own = _own_fit(now.take(where), earlier, where=where, fold=fold[where], curves=curves, stream=stream)
        if own is not None:
            fits[name] = own
    clearest = sorted(fits, key=lambda name: -fits[name].t)[:MOST]
    return {name: fits[name] for name in sorted(clearest)}


def _own_fit(
    recent: Sample,
    earlier: Sample | None,
    *,
    where: npt.NDArray[np.bool_],
    fold: npt.NDArray[np.intp],
    curves: list[Curve],
    stream: Curve,
) -> SegmentFit | None:
    """One segment's own mapping, None where it does not pay.

    Old rows take part in the choice, each in some fold. The stream's fits have seen them, which can only
    favour the stream.
    """
    rows = recent.plus(earlier)
    if recent.n == 0 or rows.n < policy.SEGMENT_REFIT_LEAST_LABELS:
        return None
    new = len(recent)
    fold = np.concatenate([fold, np.arange(len(rows.scores) - new) % len(curves)])
    base, by_shift, by_steps = (np.empty(len(fold)) for _ in range(3))
    for part, curve in enumerate(curves):
        in_part = fold == part
        rest = rows.take(~in_part)
        base[in_part] = by_shift[in_part] = by_steps[in_part] = curve.apply(rows.scores[in_part])
        if rest.n:
            by_shift[in_part] = expit(logit(base[in_part]) + shift_of(rest, curve))
            by_steps[in_part] = _steps(rest, curve).apply(rows.scores[in_part])
    loss = (base - rows.correct) ** 2
    shift_gain, steps_gain = (
        paired_gain(loss - (scores - rows.correct) ** 2, rows.weights) for scores in (by_shift, by_steps)
    )
    _, t = max(shift_gain, steps_gain)
    if t <= policy.SEGMENT_REFIT_LEAST_GAIN:
        return None
    if shift_gain >= steps_gain:
        shift = shifted(stream, shift_of(rows, stream))
        return SegmentFit(curve=shift, where=where, scores=by_shift[:new], t=t)
    return SegmentFit(curve=_steps(rows, stream), where=where, scores=by_steps[:new], t=t)


def _steps(labels: Sample, stream: Curve) -> Curve:
    """Isotonic, leaning on the stream's mapping by a number of labels that a large segment outweighs."""
    return isotonic(labels, stream.apply, strength=min(PRIOR_LABELS, PSEUDO_LABELS / labels.n))


def shift_of(labels: Sample, stream: Curve) -> float:
    """The most likely shift of the stream's log odds on these labels, under a normal prior around 0."""
    from scipy.optimize import minimize_scalar

    odds = logit(stream.apply(labels.scores))
    weight = labels.weights * (labels.total / float(labels.weights @ labels.weights))

    def loss(by: float) -> float:
        z = odds + by
        return float(weight @ (np.logaddexp(0, z) - labels.correct * z)) + by**2 / (2 * SPREAD**2)

    optimum = minimize_scalar(loss, bounds=(-FARTHEST, FARTHEST), method="bounded", options={"xatol": 1e-6})
    return float(optimum.x)


def applied(curve: Curve, segments: Named[str, Curve], labels: Sample) -> Floats:
    """What a mapping with curves of its own for some segments makes of the rows' scores, shape (n,)."""
    scores = np.asarray(curve.apply(labels.scores), dtype=np.float64)
    for name, own in segments.items():
        where = labels.segments == name
        scores[where] = own.apply(labels.scores[where])
    return scores


def paired_gain(difference: Floats, weights: Floats) -> tuple[float, float]:
    """The weighted mean of paired differences and its t statistic, 0 where they do not differ."""
    share = weights / weights.sum()
    mean = float(share @ difference)
    error = math.sqrt(float((share**2 * (difference - mean) ** 2).sum()))
    return mean, mean / error if error > 0 else 0.0
