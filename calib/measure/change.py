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
from calib.measure.significance import LEAST_DRAWS, expected_accuracy, null_draws, p_value, statistic

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
    masses with its own.
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

    @classmethod
    def first(cls) -> Change:
        """A window without a baseline."""
        no_values = dict.fromkeys(("p", "rise", "low", "high", "minimum_detectable_rise", "accuracy_change"))
        more = dict.fromkeys(("accuracy_change_low", "accuracy_change_high", "labels_to_prove_stable"))
        return cls(state="first", proven_worse=False, baseline_labels=0.0, **no_values, **more)

    @property
    def confirmed(self) -> bool:
        """Whether the accuracies moved beyond doubt, for better or worse."""
        return self.state in ("degraded", "changed")

    def at(self, significant: bool, max_rise: float) -> Change:
        """The same comparison where another rule, as one for several tests, says what is significant."""
        if self.rise is None or self.low is None or self.high is None:
            return self
        rise = Rise(point=self.rise, low=self.low, high=self.high)
        proven = significant and rise.low > max_rise
        return replace(self, state=_state(significant, rise, max_rise), proven_worse=proven)

    @property
    def direction(self) -> str | None:
        """Where the accuracy went, if a change is confirmed."""
        if not self.confirmed or self.accuracy_change is None:
            return None
        return "accuracy fell" if self.accuracy_change < 0 else "accuracy rose"

    def to_json(self) -> Json:
        """The `change` object of the command line's contract."""
        return {name: getattr(self, name) for name in self.__slots__} | {"direction": self.direction}


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
    999 and 20/α draws. Raises `InvalidInput` for shapes that differ and where no stratum has labels on both
    sides.
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
    k1, n1, k0, n0 = (c[with_labels] for c in (now.correct, now.labels, baseline.correct, baseline.labels))
    q, w = q[with_labels], w[with_labels] / w[with_labels].sum()

    expected = expected_accuracy(k0, n0)
    drifts = alternatives(expected, w)
    observed = float(statistic(k1[None], n1, k0[None], n0, drifts)[0])
    draws = draws or max(LEAST_DRAWS, math.ceil(20 / alpha))
    null = null_draws(k1, n1, k0, n0, drifts, draws, np.random.default_rng(seed))
    p = p_value(observed, null)

    ece_now = ece_estimate(k1, n1, q, w)
    ece_before = ece_estimate(k0, n0, q, w) if baseline_ece is None else baseline_ece
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
    moved, half = _accuracy_change(k1, n1, k0, n0, w)
    return Change(
        state=_state(p <= alpha, rise, max_rise),
        p=p,
        rise=rise.point,
        low=rise.low,
        high=rise.high,
        proven_worse=p <= alpha and rise.low > max_rise,
        minimum_detectable_rise=detectable_rise(setup, expected),
        baseline_labels=float(n0.sum()),
        accuracy_change=moved,
        accuracy_change_low=moved - half,
        accuracy_change_high=moved + half,
        labels_to_prove_stable=labels_to_prove_stable(setup, expected, q),
        draws=draws,
    )


def _state(significant: bool, rise: Rise, max_rise: float) -> State:
    if significant:
        return "degraded" if rise.point >= max_rise / 2 and rise.high > max_rise else "changed"
    return "stable" if rise.high <= max_rise else "no_change_seen"


def _accuracy_change(k1: Floats, n1: Floats, k0: Floats, n0: Floats, w: Floats) -> tuple[float, float]:
    """The change of the population's accuracy and the half-width of its 95% interval."""
    a1, a0 = (k1 + 0.5) / (n1 + 1), (k0 + 0.5) / (n0 + 1)
    variance = a1 * (1 - a1) / n1 + a0 * (1 - a0) / n0
    return float(w @ (k1 / n1 - k0 / n0)), z_of(0.95) * float(np.sqrt(w**2 @ variance))
