"""What acting on a confidence achieves: the curve over cuts, and a threshold with and without a mapping."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.measure.intervals import wilson, z_of
from calib.measure.sample import Sample
from calib.results.pictures import Acting, Amount, RoutingPoint, ThresholdEffect
from calib.routing.report import RoutingEvidence

Floats = npt.NDArray[np.float64]

MOST_POINTS = 40  # of a curve: more are not told apart in a picture
RULE_OF_THREE = 3.0  # 0 of n rows: the share is below 3/n with a confidence of 95%


def routing_curve(sample: Sample, *, effect: float = 1.0) -> tuple[RoutingPoint, ...]:
    """Share and accuracy at and above each cut, by ascending cut; at most `MOST_POINTS` cuts.

    The cuts are stated confidences: all of them where few are stated, else quantiles of the traffic.
    Accuracies have Wilson's 95% interval on Kish's effective number of labels, divided by the design
    effect `effect` ≥ 1 of clusters.

    >>> points = routing_curve(Sample([0.5] * 50 + [0.9] * 50, [0] * 25 + [1] * 75))
    >>> [(point.cut, point.share, point.accuracy) for point in points]
    [(0.5, 1.0, 0.75), (0.9, 0.5, 1.0)]
    """
    sample = sample.take(sample.weights > 0)
    if not len(sample):
        return ()
    order = np.argsort(sample.scores, kind="stable")
    score, right, weight = sample.scores[order], sample.correct[order], sample.weights[order]
    above = np.cumsum(weight[::-1])[::-1]
    right_above = np.cumsum((weight * right)[::-1])[::-1]
    squares = np.cumsum((weight**2)[::-1])[::-1]
    first = np.flatnonzero(np.r_[True, np.diff(score) > 0])  # the lowest row of each stated confidence
    if len(first) > MOST_POINTS:
        passed = 1 - above[first] / above[0]
        positions = np.searchsorted(passed, np.linspace(0, 1, MOST_POINTS, endpoint=False))
        first = first[np.unique(np.minimum(positions, len(first) - 1))]
    accuracy = np.clip(right_above[first] / above[first], 0, 1)
    labels = above[first] ** 2 / squares[first] / effect
    low, high = wilson(accuracy, labels)
    share = above[first] / above[0]
    columns = (score[first], share, labels, accuracy, low, high)
    return tuple(
        RoutingPoint(cut=cut, share=part, n=n, accuracy=rate, low=lower, high=upper)
        for cut, part, n, rate, lower, upper in zip(*(column.tolist() for column in columns), strict=True)
    )


def threshold_effect(
    evidence: RoutingEvidence, threshold: float, *, population: int
) -> ThresholdEffect | None:
    """The threshold on the raw and on the served confidence, and the difference in `population` predictions.

    None without labelled rows. The intervals of the differences are normal ones of the weighted mean;
    where not one labelled row is decided differently they are the rule of three's.
    """
    raw, served = evidence.raw, evidence.served
    if not raw.n:
        return None
    weight = raw.relative_weights
    effective = float(weight.sum() ** 2 / (weight**2).sum()) / evidence.effect
    by_raw, by_served = (sample.scores >= threshold for sample in (raw, served))
    difference = by_raw.astype(float) - by_served.astype(float)
    wrong, given_up = (
        _amount(difference * rows, weight, evidence.effect, effective, population)
        for rows in (1 - raw.correct, raw.correct)
    )
    return ThresholdEffect(
        threshold=threshold,
        raw=_acting(raw, by_raw, weight, effective),
        served=_acting(served, by_served, weight, effective),
        wrong_avoided=wrong,
        right_given_up=given_up,
    )


def _acting(sample: Sample, acts: npt.NDArray[np.bool_], weight: Floats, effective: float) -> Acting:
    total, above = float(weight.sum()), float(weight[acts].sum())
    share = above / total
    share_low, share_high = _interval(share, effective)
    if not above:
        return Acting(share=0.0, share_low=0.0, share_high=share_high, accuracy=None, low=None, high=None)
    accuracy = min(1.0, float(weight[acts] @ sample.correct[acts]) / above)
    whole = total**2 / float((weight**2).sum())  # effective rows before clusters count
    labels = above**2 / float((weight[acts] ** 2).sum()) * effective / whole
    low, high = _interval(accuracy, labels)
    return Acting(
        share=share, share_low=share_low, share_high=share_high, accuracy=accuracy, low=low, high=high
    )


def _interval(share: float, labels: float) -> tuple[float, float]:
    low, high = wilson(np.array([share]), np.array([labels]))
    return float(low[0]), float(high[0])


def _amount(values: Floats, weight: Floats, effect: float, effective: float, population: int) -> Amount:
    """A weighted mean over the labelled rows, times the population."""
    total = float(weight.sum())
    mean = float(weight @ values) / total
    variance = float(weight**2 @ (values - mean) ** 2) / total**2 * effect
    half = z_of(0.95) * variance**0.5
    if not values.any():
        half = min(1.0, RULE_OF_THREE / effective)
    return Amount(
        value=mean * population,
        low=max(-1.0, mean - half) * population,
        high=min(1.0, mean + half) * population,
    )
