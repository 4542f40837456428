"""Beta calibration: three parameters, one for either end of the scale."""

from __future__ import annotations

import numpy as np

from calib.calibrators.likelihood import OFFSET, SLOPE, effective, fit_logistic, log_odds
from calib.errors import InvalidInput
from calib.format import Beta
from calib.measure.sample import Sample


def beta(labels: Sample) -> Beta:
    """expit(a · ln p − b · ln(1 − p) + c) by maximum likelihood, a and b not negative (Kull et al. 2017).

    Weights count by Kish's effective number. Raises `InvalidInput` without a single label.
    """
    if labels.n == 0:
        raise InvalidInput("beta calibration needs at least one label")
    score, right, wrong = effective(labels)
    log_p, log_q = log_odds(score)
    a, b, c = fit_logistic(
        np.stack([log_p, -log_q, np.ones_like(score)], axis=1),
        right,
        wrong,
        start=(1.0, 1.0, 0.0),
        bounds=(SLOPE, SLOPE, OFFSET),
    )
    return Beta(a=float(a), b=float(b), c=float(c))
