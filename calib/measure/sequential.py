"""The early watch: evidence against a mapping that may be looked at after every label."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.measure.alternatives import alternatives
from calib.measure.ece import by_stratum

Floats = npt.NDArray[np.float64]

STEPS = np.array([-0.15, -0.08, -0.04, 0.03, 0.06])  # drifts of one stratum that the omnibus bets on
OMNIBUS = 0.20  # of the prior; twice the change test's, for single strata come to light label by label
CERTAIN = 0.99  # a mean score beyond it is held to no more than this: one wrong answer is not a scandal
EDGE = 1e-3  # no bet puts an accuracy closer to 0 or 1


class EProcess:
    """A mixture of likelihood ratios against "the accuracy is within `tolerance` of the score everywhere".

    While that holds, its largest value ever exceeds 1/α with probability at most α (Ville's inequality),
    however often one looks and whenever one stops. Strata and bets are fixed before the first label; which
    stratum is labelled next may depend on the strata and the past alone, and then no weights are needed. Feed
    the labels in the order of the draw and never past one that is missing: where wrong answers take longer
    to label, first come first counted alarms falsely.

    `score`: mean served confidence by stratum in [0, 1], shape (B,); `mass`: population masses, shape (B,);
    `tolerance`: in [0, 1), one number or shape (B,), half the standard error of the mapping's fit where it
    was fitted on labels. With 0 and a fitted mapping it finds the mapping's own errors.

    Raises `InvalidInput` for shapes that differ and values out of range.

    >>> watch = EProcess([0.9], [1.0], tolerance=0.0)
    >>> round(watch.update(0, correct=True), 2)
    -0.04
    >>> for _ in range(12):
    ...     evidence = watch.update(0, correct=False)
    >>> watch.alarm(0.05)
    True
    """

    def __init__(self, score: npt.ArrayLike, mass: npt.ArrayLike, *, tolerance: npt.ArrayLike) -> None:
        size = np.asarray(score).size
        q, w = by_stratum(score, mass, size)
        slack = np.asarray(tolerance, dtype=np.float64)
        if slack.shape not in ((), (size,)) or not ((slack >= 0) & (slack < 1)).all():
            raise InvalidInput(f"tolerance must be in [0, 1), one number or one for each of {size} strata")
        bet = alternatives(q, w / w.sum())
        steps = np.broadcast_to(STEPS[:, None], (len(STEPS), size))
        self._bets, self._omnibus = _ratios(bet.drift, q, slack), _ratios(steps, q, slack)
        self._log_bets = bet.log_weight - np.logaddexp.reduce(bet.log_weight) + math.log(1 - OMNIBUS)
        self._log_omnibus = np.zeros((len(STEPS), size))
        self._highest = -math.inf

    def update(self, stratum: int, correct: bool | int) -> float:
        """Take one label, of a row in `stratum` from 0 to B − 1, and return the log e-value after it."""
        if not 0 <= stratum < self._log_omnibus.shape[1]:
            raise InvalidInput(f"no stratum {stratum}: they are 0 to {self._log_omnibus.shape[1] - 1}")
        if correct not in (0, 1):
            raise InvalidInput(f"correct must be 0 or 1, not {correct!r}: leave out what has no label")
        answer = int(correct)
        self._log_bets += self._bets[answer, :, stratum]
        self._log_omnibus[:, stratum] += self._omnibus[answer, :, stratum]
        means = np.logaddexp.reduce(self._log_omnibus, axis=0) - math.log(len(STEPS))
        omnibus = float(means.sum()) + math.log(OMNIBUS)
        evidence = float(np.logaddexp(np.logaddexp.reduce(self._log_bets), omnibus))
        self._highest = max(self._highest, evidence)
        return evidence

    def alarm(self, alpha: float) -> bool:
        """Whether the e-value ever reached 1/α: once raised, an alarm stays."""
        if not 0 < alpha < 1:
            raise InvalidInput(f"alpha lies between 0 and 1, not {alpha}")
        return self._highest >= -math.log(alpha)


def _ratios(drift: Floats, score: Floats, slack: Floats) -> Floats:
    """Log likelihood ratio of a wrong and a right answer, shape (2, J, B), of each drift against the null.

    A downward drift is compared with the null's lower end and an upward one with its upper end, so that its
    expectation is at most one for every accuracy in between.
    """
    down = drift < 0
    null = np.where(down, np.minimum(score, CERTAIN) - slack, np.maximum(score, 1 - CERTAIN) + slack)
    null = np.clip(null, EDGE, 1 - EDGE)
    bet = np.clip(null + drift, EDGE, 1 - EDGE)
    return np.stack([np.log((1 - bet) / (1 - null)), np.log(bet / null)])
