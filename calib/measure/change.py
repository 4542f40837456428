"""Has it got worse? A test of the accuracies by stratum against a baseline's."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.measure.alternatives import alternatives
from calib.measure.ece import Counts, Ece, Rise, by_stratum, ece_estimate, mover
from calib.measure.intervals import z_of
from calib.measure.power import TestSetup, detectable_rise, labels_to_prove_stable
from calib.measure.significance import (
    LEAST_DRAWS,
    expected_accuracy,
    joint_p_value,
    null_draws,
    p_value,
    statistic,
)
from calib.notebook import spread, table

Floats = npt.NDArray[np.float64]
State = Literal["first", "stable", "no_change_seen", "degraded", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The verdict on a window.

    `degraded`: the accuracies moved and the ECE rose. `changed`: they moved without hurting. `stable`: proven
    not to have risen by `max_rise`. `no_change_seen`: nothing found, and `minimum_detectable_rise` says what
    could have been found. `first`: there is nothing to compare with. `p` is the test's, `rise` that of the
    debiased ECE with its interval, `draws` the number of simulated draws that `p` rests on, None where it
    comes from a formula (p is at least 1 / (draws + 1)), `accuracy_change` now minus before at this window's
    masses with its own. `below_noise`: one of the two ECEs is smaller than noise makes it, by luck, so that
    neither `stable` nor `proven_worse` may rest on it. `too_small`: the accuracies moved beyond doubt, but by
    so little that nothing follows from it (ADR 140).
    """

    state: State
    p: float | None
    rise: float | None
    low: float | None
    high: float | None
    proven_worse: bool
    minimum_detectable_rise: float | None
    baseline_labels: float
    accuracy_change: float | None
    accuracy_change_low: float | None
    accuracy_change_high: float | None
    labels_to_prove_stable: int | None
    draws: int | None = None
    below_noise: bool = False
    too_small: bool = False

    @classmethod
    def first(cls) -> Change:
        """A window without a baseline."""
        no_values = dict.fromkeys(("p", "rise", "low", "high", "minimum_detectable_rise", "accuracy_change"))
        no_values |= dict.fromkeys(
            ("accuracy_change_low", "accuracy_change_high", "labels_to_prove_stable", "draws")
        )
        return cls(
            state="first",
            proven_worse=False,
            baseline_labels=0.0,
            below_noise=False,
            too_small=False,
            **no_values,
        )

    @property
    def confirmed(self) -> bool:
        """Whether the accuracies moved beyond doubt and by enough to matter, for better or worse."""
        return self.state in ("degraded", "changed") and not self.too_small

    def at(self, significant: bool, max_rise: float) -> Change:
        """The same comparison where another rule, as one for several tests, says what is significant."""
        if self.rise is None or self.low is None or self.high is None:
            return self
        rise = Rise(point=self.rise, low=self.low, high=self.high, below_noise=self.below_noise)
        proven = significant and rise.low > max_rise and not rise.below_noise
        state = _state(significant, rise, max_rise)
        too_small = _too_small(state, rise, self.accuracy_change, max_rise)
        return replace(self, state=state, proven_worse=proven, too_small=too_small)

    @property
    def direction(self) -> str | None:
        """Where the accuracy went, if it moved beyond doubt."""
        if self.state not in ("degraded", "changed") or self.accuracy_change is None:
            return None
        return "accuracy fell" if self.accuracy_change < 0 else "accuracy rose"

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, and what it rests on."""
        detectable = self.minimum_detectable_rise
        accuracy = (self.accuracy_change, self.accuracy_change_low, self.accuracy_change_high)
        return table(
            f"change: {self.state.replace('_', ' ')}",
            [
                ("rise of the ECE", spread(self.rise, self.low, self.high, sign=True)),
                ("p", "–" if self.p is None else f"{self.p:.3g}"),
                ("minimum detectable rise", "–" if detectable is None else f"{detectable:.3f}"),
                ("change of the accuracy", spread(*accuracy, sign=True)),
                ("labels of the baseline", f"{self.baseline_labels:,.0f}"),
            ],
        )

    def to_json(self) -> Json:
        """The `change` object of the command line's contract."""
        names = (name for name in self.__slots__ if name != "below_noise")
        return {name: getattr(self, name) for name in names} | {"direction": self.direction}


def change_test(
    now: Counts,
    baseline: Counts,
    *,
    score: npt.ArrayLike,
    mass: npt.ArrayLike,
    alpha: float = 0.05,
    max_rise: float = 0.03,
    seed: int,
    baseline_ece: Ece | None = None,
    draws: int | None = None,
) -> Change:
    """Compare a window's labels with its baseline's, stratum by stratum at fixed masses.

    `score`: the mean confidence that production used, by stratum, shape (B,), held fixed on both sides; it
    enters the rise alone, for the test compares accuracies. `mass`: this window's population masses.
    `baseline_ece`: the ECE of that same confidence on the baseline, cross-fitted, where it was fitted on
    the baseline's own labels; by default it is taken from the counts.

    The statistic is the log of a mixture likelihood ratio over drifts fixed in advance (`alternatives`), its
    p-value that of a parametric bootstrap in which both samples share one accuracy per stratum, with at least
    999 and 20/α draws. Where the counts carry a `covariance`, their strata err together, and the
    law is drawn with it (`joint_p_value`). Raises `InvalidInput` for shapes that differ and where no stratum
    has labels on both sides.
    """
    size = len(now.labels)
    q, w = by_stratum(score, mass, size)
    if baseline.labels.shape != now.labels.shape:
        raise InvalidInput(f"the baseline has {len(baseline.labels)} strata, the window {size}")
    if not (0 < alpha < 1 and 0 < max_rise < 1):
        raise InvalidInput(f"alpha and max_rise lie between 0 and 1, not {alpha} and {max_rise}")
    if draws is not None and draws < 1:
        raise InvalidInput(f"a bootstrap needs draws, not {draws}")
    with_labels = (now.labels >= 0.5) & (baseline.labels >= 0.5) & (w > 0)
    if not with_labels.any():
        raise InvalidInput("no stratum has labels both now and in the baseline")
    now, baseline = now.take(with_labels), baseline.take(with_labels)
    k1, n1, k0, n0 = now.correct, now.labels, baseline.correct, baseline.labels
    q, w = q[with_labels], w[with_labels] / w[with_labels].sum()

    expected = expected_accuracy(k0, n0)
    drifts = alternatives(expected, w)
    draws = draws or max(LEAST_DRAWS, math.ceil(20 / alpha))
    null = null_draws(k1, n1, k0, n0, drifts, draws, np.random.default_rng(seed))
    if now.covariance is None and baseline.covariance is None:
        p = p_value(float(statistic(k1[None], n1, k0[None], n0, drifts)[0]), null)
    else:
        p = joint_p_value(now, baseline, drifts, draws, np.random.default_rng(seed))

    ece_now = ece_estimate(k1, n1, q, w, covariance=now.covariance)
    ece_before = baseline_ece or ece_estimate(k0, n0, q, w, covariance=baseline.covariance)
    rise = mover(ece_now, ece_before)
    setup = TestSetup(
        labels=n1,
        before=n0,
        mass=w,
        statistic=lambda k1, n1, k0, n0: statistic(k1, n1, k0, n0, drifts),
        threshold=float(np.quantile(null, 1 - alpha)),
        max_rise=max_rise,
        seed=seed + 1,
    )
    moved, half = _accuracy_change(now, baseline, w)
    state = _state(p <= alpha, rise, max_rise)
    return Change(
        state=state,
        p=p,
        rise=rise.point,
        low=rise.low,
        high=rise.high,
        proven_worse=p <= alpha and rise.low > max_rise and not rise.below_noise,
        minimum_detectable_rise=detectable_rise(setup, expected),
        baseline_labels=float(n0.sum()),
        accuracy_change=moved,
        accuracy_change_low=moved - half,
        accuracy_change_high=moved + half,
        labels_to_prove_stable=labels_to_prove_stable(setup, expected, q),
        draws=draws,
        below_noise=rise.below_noise,
        too_small=_too_small(state, rise, moved, max_rise),
    )


def _state(significant: bool, rise: Rise, max_rise: float) -> State:
    if significant:
        return "degraded" if rise.point >= max_rise / 2 and rise.high > max_rise else "changed"
    return "stable" if rise.high <= max_rise and not rise.below_noise else "no_change_seen"


def _too_small(state: State, rise: Rise, accuracy_change: float | None, max_rise: float) -> bool:
    # The interval keeps small samples out, whose point may be near 0 by luck; the accuracy keeps a confidence
    # that was too high and is now as much too low from passing for one that did not move.
    return (
        state == "changed"
        and abs(rise.point) < max_rise / 2
        and -max_rise < rise.low
        and rise.high < max_rise
        and accuracy_change is not None
        and abs(accuracy_change) < max_rise
    )


def _accuracy_change(now: Counts, before: Counts, w: Floats) -> tuple[float, float]:
    """The change of the population's accuracy and the half-width of its 95% interval."""
    variance = sum(_accuracy_variance(counts, w) for counts in (now, before))
    change = float(w @ (now.correct / now.labels - before.correct / before.labels))
    return change, z_of(0.95) * math.sqrt(variance)


def _accuracy_variance(counts: Counts, w: Floats) -> float:
    rate = (counts.correct + 0.5) / (counts.labels + 1)
    moved = w * np.sqrt(rate * (1 - rate))
    if counts.covariance is None:
        return float(moved**2 @ (1 / counts.labels))
    return float(moved @ counts.covariance @ moved)
