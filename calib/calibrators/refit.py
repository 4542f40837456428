"""Refitting: which labels, which form, and whether the result may replace what is served."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from calib import policy
from calib.calibrators.fitting import ece_of, fit_labels, fold_curves, folds_of, held_out, held_out_ece
from calib.calibrators.segments import applied, paired_gain, segment_fits
from calib.format import Curve
from calib.measure import Ece, strata
from calib.measure.sample import Sample
from calib.reasons import Reason

Floats = npt.NDArray[np.float64]

FORMS = ("isotonic", "platt", "beta", "platt_isotonic", "isotonic_prior")
# By what the new mapping does not beat: what is served, the raw confidence.
VETO = {
    (False, False): None,
    (True, False): "refit_no_better_than_served",
    (False, True): "refit_no_better_than_raw",
    (True, True): "refit_no_better_than_either",
}


class TestedChange(Protocol):
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

    `segments`: the curves of segments that have one of their own. `ece_before` and `brier_before` are those
    of what is served, on the new labels; `ece_after` and `brier_after` are cross-fitted: no row is scored by
    a fit or a choice of form that has seen it (which segments have curves is decided on all rows). `t_*`: of
    the paired improvement of the Brier score.
    """

    published: bool
    why: Reason
    curve: Curve | None
    segments: Named[str, Curve] = field(default_factory=dict)
    method: str
    pooling: str
    labels_used: int
    ece_before: Ece | None
    ece_after: Ece | None
    brier_before: float | None
    brier_after: float | None
    t_served: float | None
    t_identity: float | None

    @property
    def reason(self) -> str:
        """`why` in words."""
        return self.why.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A form on a choice of labels, with its fits by fold and its held-out scores of the new labels."""

    method: str
    pooling: str
    extra: Sample | None
    curves: list[Curve]
    scores: Floats


def refit(
    now: Sample,
    baseline: Sample | None,
    *,
    served: Curve,
    change: TestedChange,
    served_segments: Named[str, Curve] | None = None,
    methods: Sequence[str] = FORMS,
    seed: int = 0,
) -> Refit:
    """Fit a new mapping and hold it against what is served and against the raw confidence.

    Which labels: without a change the baseline's still describe the present and are all used; after one
    they are left out, or kept at a tenth of the new labels' weight where that scores better out of fold.
    Which form: of `methods`, the one with the least cross-fitted Brier score on the new labels; the choice is
    cross-fitted too, each fold scored by the form that is best on the others. A segment gets a mapping of
    its own, drawn towards the stream's, only where that scores better out of fold. Veto: the new mapping is
    published only if its cross-fitted Brier score on the new labels is better than both others' on the same
    rows. `served_segments`: the served mapping's own curves by segment.
    """
    if now.n < policy.REFIT_LEAST_LABELS:
        least = policy.REFIT_LEAST_LABELS
        return _untried(Reason("refit_too_few_labels", {"labels": now.n, "least": least}))
    if len(np.unique(now.correct[now.weights > 0])) < 2:
        answer = "right" if now.correct[now.weights > 0][0] else "wrong"
        return _untried(Reason("refit_one_class", {"labels": now.n, "answer": answer}))
    fold = folds_of(now, seed=seed)
    candidates = []
    for pooling, extra in _poolings(now, baseline, change):
        for method in methods:
            curves = fold_curves(now, fold, method=method, extra=extra, prior=served)
            scores = held_out(now.scores, fold, curves)
            candidates.append(
                _Candidate(method=method, pooling=pooling, extra=extra, curves=curves, scores=scores)
            )
    share = now.weights / now.total
    best, after = _chosen(candidates, now, fold)
    curve = fit_labels(now.plus(best.extra), method=best.method, prior=served)
    own = segment_fits(now, best.extra, fold=fold, curves=best.curves, stream=curve)
    for segment in own.values():
        after[segment.where] = segment.scores

    present = applied(served, served_segments or {}, now)
    losses = {
        "after": (after - now.correct) ** 2,
        "served": (present - now.correct) ** 2,
        "identity": (now.scores - now.correct) ** 2,
    }
    gain_served, t_served = paired_gain(losses["served"] - losses["after"], now.weights)
    gain_identity, t_identity = paired_gain(losses["identity"] - losses["after"], now.weights)
    veto = VETO[gain_served <= 0, gain_identity <= 0]
    return Refit(
        published=veto is None,
        why=Reason(veto or "refit_better", {}),
        curve=curve,
        segments={name: segment.curve for name, segment in own.items()},
        method=best.method,
        pooling=best.pooling,
        labels_used=now.plus(best.extra).n,
        ece_before=ece_of(present, now, strata(present, now.weights)),
        ece_after=held_out_ece(after, now),
        brier_before=float(share @ losses["served"]),
        brier_after=float(share @ losses["after"]),
        t_served=t_served,
        t_identity=t_identity,
    )


def _poolings(now: Sample, baseline: Sample | None, change: TestedChange) -> list[tuple[str, Sample | None]]:
    """Which old labels may join the new ones."""
    if baseline is None or baseline.n == 0:
        return [("new only", None)]
    if change.p is None or change.p > policy.REFIT_POOL_ABOVE:
        return [("new and old", baseline)]
    old = baseline.scaled(min(baseline.total, policy.REFIT_OLD_SHARE * now.total))
    return [("new only", None), (f"new, old at {policy.REFIT_OLD_SHARE:.0%} of their weight", old)]


def _chosen(
    candidates: Sequence[_Candidate], now: Sample, fold: npt.NDArray[np.intp]
) -> tuple[_Candidate, Floats]:
    """The candidate with the least held-out Brier score, and scores of which no choice has seen the row."""
    losses = np.stack([now.weights * (candidate.scores - now.correct) ** 2 for candidate in candidates])
    scores = np.empty(len(now.scores))
    for part in range(int(fold.max()) + 1):
        in_part = fold == part
        scores[in_part] = candidates[int(np.argmin(losses[:, ~in_part].sum(axis=1)))].scores[in_part]
    return candidates[int(np.argmin(losses.sum(axis=1)))], scores


def _untried(why: Reason) -> Refit:
    return Refit(
        published=False,
        why=why,
        curve=None,
        method="none",
        pooling="none",
        labels_used=0,
        ece_before=None,
        ece_after=None,
        brier_before=None,
        brier_after=None,
        t_served=None,
        t_identity=None,
    )
