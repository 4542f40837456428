"""Refitting: which labels, and whether the result may replace what is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from calib.calibrators.fitting import crossfit, ece_of, fit_labels, held_out_ece
from calib.calibrators.labels import Labels
from calib.mapping import Curve
from calib.measure import Ece, strata

Floats = npt.NDArray[np.float64]

POOL_ABOVE = 0.05  # p-value of the change test above which old labels still describe the present
OLD_SHARE = 0.1  # of the new labels' weight, for old labels after a change
LEAST_LABELS = 50


class Verdict(Protocol):
    """What a refit needs of the change test."""

    @property
    def state(self) -> str:
        """stable, no_change_seen, degraded, changed or first."""
        ...

    @property
    def p(self) -> float | None:
        """The p-value; None where there was nothing to compare with."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """The account of a refit; `curve` is None where it was not even tried.

    `ece_before` and `brier_before` are those of what is served, on the new labels; `ece_after` and
    `brier_after` are cross-fitted: no row is scored by a fit that has seen it. `t_*`: of the paired
    improvement of the Brier score.
    """

    published: bool
    reason: str
    curve: Curve | None
    method: str
    pooling: str
    labels_used: int
    ece_before: Ece | None
    ece_after: Ece | None
    brier_before: float | None
    brier_after: float | None
    t_served: float | None
    t_identity: float | None


def refit(
    now: Labels,
    baseline: Labels | None,
    *,
    served: Curve,
    change: Verdict,
    method: str = "isotonic",
    seed: int = 0,
) -> Refit:
    """Fit a new mapping and hold it against what is served and against the raw confidence.

    Which labels: without a change the baseline's still describe the present and are all used; after one
    they are left out, or kept at a tenth of the new labels' weight where that scores better out of fold.
    Veto: the new mapping is published only if its cross-fitted Brier score on the new labels is better than
    both others' on the same rows.
    """
    if now.n < LEAST_LABELS:
        return _untried(method, f"{now.n} labels are too few to fit a mapping: it takes {LEAST_LABELS}")
    if len(np.unique(now.correct[now.weights > 0])) < 2:
        word = "right" if now.correct[now.weights > 0][0] else "wrong"
        return _untried(method, f"all {now.n} labels are {word}: nothing can be fitted to one class")
    share = now.weights / now.total

    def scored(extra: Labels | None) -> tuple[float, Floats]:
        scores = crossfit(now, method=method, extra=extra, seed=seed)
        return float(share @ (scores - now.correct) ** 2), scores

    pooling, extra = "new only", None
    brier_after, held_out = scored(None)
    if baseline is not None and baseline.n > 0:
        if change.p is not None and change.p <= POOL_ABOVE:
            old = baseline.scaled(min(baseline.total, OLD_SHARE * now.total))
            brier_with, held_out_with = scored(old)
            if brier_with < brier_after:
                pooling, extra = f"new, old at {OLD_SHARE:.0%} of their weight", old
                brier_after, held_out = brier_with, held_out_with
        else:
            pooling, extra = "new and old", baseline
            brier_after, held_out = scored(baseline)

    present = np.asarray(served.apply(now.scores), dtype=np.float64)
    losses = {
        "after": (held_out - now.correct) ** 2,
        "served": (present - now.correct) ** 2,
        "identity": (now.scores - now.correct) ** 2,
    }
    gain_served, t_served = _gain(losses["served"] - losses["after"], now.weights)
    gain_identity, t_identity = _gain(losses["identity"] - losses["after"], now.weights)
    lost_to = [
        name
        for name, gain in (("what is served", gain_served), ("the raw confidence", gain_identity))
        if gain <= 0
    ]
    everything = now.plus(extra)
    return Refit(
        published=not lost_to,
        reason=f"no better than {' and '.join(lost_to)} on labels that it has not seen"
        if lost_to
        else "better than what is served and than the raw confidence on labels that it has not seen",
        curve=fit_labels(everything, method=method),
        method=method,
        pooling=pooling,
        labels_used=everything.n,
        ece_before=ece_of(present, now, strata(present, now.weights)),
        ece_after=held_out_ece(held_out, now),
        brier_before=float(share @ losses["served"]),
        brier_after=brier_after,
        t_served=t_served,
        t_identity=t_identity,
    )


def _untried(method: str, reason: str) -> Refit:
    return Refit(
        published=False,
        reason=reason,
        curve=None,
        method=method,
        pooling="none",
        labels_used=0,
        ece_before=None,
        ece_after=None,
        brier_before=None,
        brier_after=None,
        t_served=None,
        t_identity=None,
    )


def _gain(difference: Floats, weights: Floats) -> tuple[float, float]:
    """The weighted mean of paired differences and its t statistic."""
    share = weights / weights.sum()
    mean = float(share @ difference)
    error = float(np.sqrt((share**2 * (difference - mean) ** 2).sum()))
    return mean, mean / error if error > 0 else 0.0
