"""Platt scaling: two parameters on the log odds of the raw confidence."""

from __future__ import annotations

import numpy as np

from calib.calibrators.likelihood import OFFSET, SLOPE, effective, fit_logistic, log_odds
from calib.errors import InvalidInput
from calib.format import Logistic
from calib.measure.sample import Sample


def platt(labels: Sample) -> Logistic:
    """expit(a · logit(p) + b) by maximum likelihood with Platt's targets (Platt 1999, section 2.2).

    An answer counts as (n₊ + 1) / (n₊ + 2) where it is right and as 1 / (n₋ + 2) where it is wrong, so that
    classes that are apart give no infinite slope. The same optimum as scikit-learn's `sigmoid` calibration
    of logits, unless its slope is negative: a mapping never turns the ranking round. Weights count by
    Kish's effective number. Raises `InvalidInput` without a single label.
    """
    if labels.n == 0:
        raise InvalidInput("Platt scaling needs at least one label")
    score, right, wrong = effective(labels)
    high, low = (right.sum() + 1) / (right.sum() + 2), 1 / (wrong.sum() + 2)
    target = right * high + wrong * low
    log_p, log_q = log_odds(score)
    a, b = fit_logistic(
        np.stack([log_p - log_q, np.ones_like(score)], axis=1),
        target,
        right + wrong - target,
        start=(1.0, 0.0),
        bounds=(SLOPE, OFFSET),
    )
    return Logistic(a=float(a), b=float(b))
