"""What a threshold that routing uses today really achieves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.measure import kish_counts
from calib.measure.intervals import wilson
from calib.measure.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Achieved:
    """At and above `threshold`: `share` of the traffic, what it `stated` on average, and its accuracy.

    `low`, `high`: Wilson's 95% interval on `n` effective labels; all None where no label lies there.
    """

    threshold: float
    share: float
    n: float
    stated: float | None
    accuracy: float | None
    low: float | None
    high: float | None

    def to_json(self) -> Json:
        """As a JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}


def achieved(labels: Sample, threshold: float, *, effect: float = 1.0) -> Achieved:
    """The accuracy of what a threshold lets through, by weighted labels; a row on the threshold passes.

    `effect` ≥ 1: the rows' design effect, by which clusters divide the number of labels.

    >>> from calib.measure.sample import Sample
    >>> found = achieved(Sample([0.9] * 50 + [0.5] * 50, [1] * 40 + [0] * 60), 0.9)
    >>> found.share, found.accuracy, round(found.low, 2), round(found.high, 2)
    (0.5, 0.8, 0.67, 0.89)
    """
    if not 0 <= threshold <= 1:
        raise InvalidInput(f"a threshold of confidence lies in [0, 1], not {threshold}")
    if labels.n == 0:
        raise InvalidInput("without a label nobody knows what a threshold achieves")
    above = labels.take(labels.scores >= threshold)
    if above.n == 0:
        return Achieved(
            threshold=threshold, share=0.0, n=0.0, stated=None, accuracy=None, low=None, high=None
        )
    group = np.zeros(len(above.scores), dtype=np.intp)
    counts = kish_counts(group, above.correct, above.weights, 1)
    accuracy, effective = counts.correct / counts.labels, counts.labels / effect
    low, high = wilson(accuracy, effective)
    return Achieved(
        threshold=threshold,
        share=above.total / labels.total,
        n=float(effective[0]),
        stated=float(above.weights @ above.scores) / above.total,
        accuracy=float(accuracy[0]),
        low=float(low[0]),
        high=float(high[0]),
    )
