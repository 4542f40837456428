"""Were the promises kept? Earlier certificates held against a later sample of labels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betainc, betaincinv

from calib.errors import InvalidInput
from calib.measure import holm
from calib.measure.sample import Sample

Verdict = Literal["yes", "no", "unknown"]
TAIL = 0.025  # beyond each end of the shown 95% interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """At and above the raw confidence `cut` the accuracy is at least `target`; `since`: where it is from."""

    target: float
    cut: float
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A promise and what later labels say of it.

    `accuracy`: the weighted share of right answers at and above the cut, with the ends of its exact 95%
    interval on `n` effective labels; None where there is none. `p`: the chance of so few right answers, or
    fewer, were the accuracy just the target.
    """

    promise: Promise
    n: int
    accuracy: float | None
    low: float | None
    high: float | None
    p: float
    kept: Verdict


def hold(labels: Sample, promises: Sequence[Promise], *, alpha: float, effect: float = 1.0) -> list[Held]:
    """What labels that the promises did not rest on say of each.

    `kept` is "no" where the exact binomial test rejects the promise, with a chance of at most `alpha` that
    any of them is rejected wrongly (Holm 1979); "yes" where the interval's low end reaches the target; else
    "unknown". The effective number of labels is Kish's, divided by the design effect `effect` ≥ 1 and rounded
    down; the right answers among them are rounded up where they speak for the promise, down where they speak
    against it. Raises `InvalidInput` for alpha outside (0, 1) and an effect below 1.
    """
    if not (0 < alpha < 1 and effect >= 1):
        raise InvalidInput(f"alpha lies between 0 and 1 and effect from 1, not {alpha} and {effect}")
    if not promises:
        return []
    held = [_hold_alone(labels, promise, effect) for promise in promises]
    adjusted = holm([result.p for result in held])
    return [
        Held(
            promise=result.promise,
            n=result.n,
            accuracy=result.accuracy,
            low=result.low,
            high=result.high,
            p=result.p,
            kept="no" if p <= alpha else result.kept,
        )
        for result, p in zip(held, adjusted, strict=True)
    ]


def p_broken(labels: Sample, promise: Promise, *, effect: float = 1.0) -> float:
    """The p-value against one promise by itself: `Held.p`."""
    return _hold_alone(labels, promise, effect).p


def _hold_alone(labels: Sample, promise: Promise, effect: float) -> Held:
    above = labels.take((labels.scores >= promise.cut) & (labels.weights > 0))
    squares = float((above.weights**2).sum())
    n = int(np.floor(above.total**2 / squares / effect + 1e-9)) if squares else 0
    if n == 0:
        return Held(promise=promise, n=0, accuracy=None, low=None, high=None, p=1.0, kept="unknown")
    accuracy = float(above.weights @ above.correct) / above.total
    fewest = int(np.floor(accuracy * n + 1e-9))
    most = min(n, int(np.ceil(accuracy * n - 1e-9)))
    p = float(betainc(n - most, most + 1, 1 - promise.target)) if most < n else 1.0
    low = float(betaincinv(fewest, n - fewest + 1, TAIL)) if fewest else 0.0
    high = float(betaincinv(most + 1, n - most, 1 - TAIL)) if most < n else 1.0
    return Held(
        promise=promise,
        n=n,
        accuracy=accuracy,
        low=low,
        high=high,
        p=p,
        kept="yes" if low >= promise.target else "unknown",
    )
