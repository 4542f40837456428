"""How many labels detect a rise and certify a target, and what a budget can and cannot detect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.measure.alternatives import alternatives
from calib.measure.power import POWER, TestSetup, detectable_rise, detection
from calib.measure.significance import LEAST_DRAWS, expected_accuracy, null_draws, statistic
from calib.policy import CERTIFICATE_START_SHARE
from calib.sampling.design import allocate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RISES = (0.03, 0.05, 0.10)
MOST = 200_000  # labels per window: beyond it the answer is "no"
STEPS = 9  # halvings of the logarithm: to a few percent, as fine as the simulation's own error


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Labels per window needed to detect a true `rise` with 80% power, and their allocation.

    `labels` is None where no number up to 200,000, or to all rows that there are, does, or where accuracy
    cannot fall that far.
    """

    rise: float
    labels: int | None
    by_stratum: tuple[int, ...] | None

    def to_json(self) -> Json:
        """As a JSON object."""
        by_stratum = None if self.by_stratum is None else list(self.by_stratum)
        return {"rise": self.rise, "labels": self.labels, "by_stratum": by_stratum}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certification:
    """Labels per window needed to certify, with 80% power, a cut that keeps `share` of the predictions.

    Of the cut that is tested first, the highest with 15% of the predictions, if the expected accuracies are
    right; all None where its `accuracy` is not above the target. `labels` alone is None where it would take
    more than there are rows.
    """

    target: float
    cut: float | None
    share: float | None
    accuracy: float | None
    labels: int | None

    def to_json(self) -> Json:
        """As a JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a number of labels per window can detect, and what is needed to detect or certify more.

    `minimum_detectable_rise`: the smallest true rise that this budget calls degraded in 80% of cases, None
    where it sees none. `baseline_windows`: how many earlier windows of the same size it is compared with.
    """

    labels: int
    by_stratum: tuple[int, ...]
    baseline_windows: int
    alpha: float
    minimum_detectable_rise: float | None
    detections: tuple[Detection, ...]
    certifications: tuple[Certification, ...]

    def to_json(self) -> Json:
        """As a JSON object."""
        return {
            "labels": self.labels,
            "by_stratum": list(self.by_stratum),
            "baseline_windows": self.baseline_windows,
            "alpha": self.alpha,
            "minimum_detectable_rise": self.minimum_detectable_rise,
            "detections": [part.to_json() for part in self.detections],
            "certifications": [part.to_json() for part in self.certifications],
        }


def plan(
    mass: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    *,
    labels: int,
    alpha: float,
    max_rise: float = 0.03,
    baseline_windows: int = 6,
    rises: Sequence[float] = RISES,
    targets: Sequence[float] = (),
    levels: npt.ArrayLike | None = None,
    effect: float = 1.0,
    confidence: float = 0.95,
    seed: int = 0,
    sizes: npt.ArrayLike | None = None,
) -> Plan:
    """Plan a stream's labels from its masses and expected accuracies by stratum, both of shape (B,).

    By simulation of the change test itself, for a fall of all log odds, against a baseline of
    `baseline_windows` windows with as many labels each (at least one). `levels`: the lowest raw confidence of
    each stratum, ascending, shape (B,), which certificates take for cuts. `effect` ≥ 1: the design effect of
    rows that come in clusters, by which labels count for less. `sizes`: how many rows each stratum has, shape
    (B,); no more labels are planned than there are rows, and what would take more is None. Numbers of labels
    are good to some 5%. Raises `InvalidInput` for shapes that differ and values out of range.
    """
    w, a = np.asarray(mass, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    if w.ndim != 1 or w.shape != a.shape or not ((a >= 0) & (a <= 1)).all():
        raise InvalidInput("mass and accuracy must be of one shape (B,), accuracies in [0, 1]")
    if not (0 < alpha < 1 and 0 < max_rise < 1 and baseline_windows >= 1):
        raise InvalidInput("alpha and max_rise lie between 0 and 1, and a baseline has at least one window")
    if not 1 <= effect < math.inf:
        raise InvalidInput(f"a design effect is a number from 1 on, not {effect}")
    w, a = w / w.sum(), np.clip(a, 1e-3, 1 - 1e-3)
    rows = math.inf if sizes is None else float(np.sum(sizes))
    labels = int(min(labels, rows))

    def divide(n: int) -> Ints:
        return allocate(w, a, n, sizes=sizes)

    def setup(n: int) -> TestSetup:
        return _setup(w, a, divide(n), baseline_windows, alpha, max_rise, seed, effect)

    return Plan(
        labels=labels,
        by_stratum=tuple(divide(labels).tolist()),
        baseline_windows=baseline_windows,
        alpha=alpha,
        minimum_detectable_rise=detectable_rise(setup(labels), a),
        detections=tuple(_detection(w, a, rise, setup, divide, most=int(min(MOST, rows))) for rise in rises),
        certifications=tuple(
            _certification(w, a, np.asarray(levels, dtype=np.float64), target, confidence, effect, rows)
            for target in (targets if levels is not None else ())
        ),
    )


def _setup(
    w: Floats,
    a: Floats,
    divided: Ints,
    windows: int,
    alpha: float,
    max_rise: float,
    seed: int,
    effect: float,
) -> TestSetup:
    """A window and its baseline as they would be drawn, and what the test would take for significant."""
    n1 = np.maximum(divided / effect, 1.0)
    n0 = n1 * windows
    drifts = alternatives(expected_accuracy(a * n0, n0), w)
    draws = max(LEAST_DRAWS, math.ceil(20 / alpha))
    null = null_draws(a * n1, n1, a * n0, n0, drifts, draws, np.random.default_rng(seed))
    return TestSetup(
        labels=n1,
        before=n0,
        mass=w,
        statistic=lambda k1, n1, k0, n0: statistic(k1, n1, k0, n0, drifts),
        threshold=float(np.quantile(null, 1 - alpha)),
        max_rise=max_rise,
        seed=seed + 1,
    )


def _detection(
    w: Floats,
    a: Floats,
    rise: float,
    setup: Callable[[int], TestSetup],
    divide: Callable[[int], Ints],
    *,
    most: int,
) -> Detection:
    """The least budget with enough power, by halving the interval of its logarithms."""
    worse = _fallen(w, a, rise)
    low, high = float(min(len(w), most)), float(most)
    if worse is None or detection(setup(most), worse, a) < POWER:
        return Detection(rise=rise, labels=None, by_stratum=None)
    for _ in range(STEPS + 4):
        middle = math.sqrt(low * high)
        if detection(setup(round(middle)), worse, a) >= POWER:
            high = middle
        else:
            low = middle
    labels = math.ceil(high)
    return Detection(rise=rise, labels=labels, by_stratum=tuple(divide(labels).tolist()))


def _fallen(w: Floats, a: Floats, rise: float) -> Floats | None:
    """The accuracies after all log odds have fallen so far that the mean is lower by `rise`; None if it
    cannot be.
    """

    def missing(shift: float) -> float:
        return float(w @ (a - expit(logit(a) - shift))) - rise

    if missing(12.0) < 0:
        return None
    worse: Floats = expit(logit(a) - brentq(missing, 0.0, 12.0))
    return worse


def _certification(
    w: Floats, a: Floats, levels: Floats, target: float, confidence: float, effect: float, rows: float
) -> Certification:
    """The first cut that would be tested: no lower one is certified where it is not."""
    above = np.cumsum(w[::-1])[::-1]
    b = int(np.flatnonzero(above >= CERTIFICATE_START_SHARE)[-1])
    accuracy = float(w[b:] @ a[b:] / above[b])
    needed = _passing(accuracy, target, confidence) if accuracy > target else None
    if needed is None:
        return Certification(target=target, cut=None, share=None, accuracy=None, labels=None)
    unit = allocate(w, a, 100_000).astype(float) / 100_000
    effective = above[b] ** 2 / float((w[b:] ** 2 / unit[b:]).sum())  # Kish's number for one label in all
    labels = math.ceil(needed * effect / effective)
    return Certification(
        target=target,
        cut=float(levels[b]),
        share=float(above[b]),
        accuracy=accuracy,
        labels=labels if labels <= rows else None,
    )


def _passing(accuracy: float, target: float, confidence: float) -> int | None:
    """The labels above a cut with which the exact test passes in 80% of cases; None beyond a million."""
    from scipy.stats import binom

    def passes(n: int) -> bool:
        least = int(binom.isf(1 - confidence, n, target)) + 1  # the fewest correct that pass
        return bool(binom.sf(least - 1, n, accuracy) >= POWER)

    low, high = 1, 1
    while not passes(high):
        low, high = high, high * 2
        if high > 1_000_000:
            return None
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high
