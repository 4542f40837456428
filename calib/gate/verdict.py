"""The verdict for a change of model or prompt: two labelled files, each with confidences of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from calib.errors import InvalidInput
from calib.measure import Change, Measurement, group_means, kish_counts, measure, strata
from calib.measure.change import State
from calib.measure.intervals import z_of
from calib.measure.sample import Sample
from calib.measure.scores import Estimate
from calib.notebook import spread, table

Floats = npt.NDArray[np.float64]

Z = z_of(0.95)
Z_POWER = z_of(0.6)  # one-sided: of 80% power


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The verdict; `change` is that of the ECE, each file's confidences against its own answers.

    `rise` of the ECE, `accuracy`, `confidence`, `auroc` and `dsc`: after minus before with a 95% interval
    (`auroc` None where a file has one class only); `dsc_before`, `dsc_after`: of either. `labels_needed`:
    more rows in each file with which `stable` would be proven with 80% power if nothing changed; 0 where it
    is proven, None where the ECE is known to have risen.
    """

    change: Change
    before: Measurement
    after: Measurement
    rise: Estimate
    accuracy: Estimate
    confidence: Estimate
    auroc: Estimate | None
    dsc: Estimate
    dsc_before: Estimate
    dsc_after: Estimate
    labels_needed: int | None

    def _repr_html_(self) -> str:
        """What a notebook shows: both sides and their differences."""
        was, now = self.before, self.after
        return table(
            f"gate: {self.change.state.replace('_', ' ')}",
            [
                ("ECE before", spread(was.ece.estimate, was.ece.low, was.ece.high)),
                ("ECE after", spread(now.ece.estimate, now.ece.low, now.ece.high)),
                ("rise of the ECE", spread(self.rise.value, self.rise.low, self.rise.high, sign=True)),
                (
                    "change of the accuracy",
                    spread(self.accuracy.value, self.accuracy.low, self.accuracy.high, sign=True),
                ),
                ("labels", f"{was.n:,} before, {now.n:,} after"),
            ],
        )

    @property
    def proven(self) -> bool:
        """Whether a rise beyond what is allowed is ruled out: stable, or fallen."""
        return self.labels_needed == 0

    @property
    def direction(self) -> str | None:
        """Where the ECE went, if it is known to have moved."""
        if self.change.state not in ("degraded", "changed") or self.change.rise is None:
            return None
        return "ECE rose" if self.change.rise > 0 else "ECE fell"


def gate(before: Sample, after: Sample, *, max_rise: float = 0.03, paired: bool = False) -> Gate:
    """Compare two labelled samples.

    What is compared is each sample's own ECE. The change test of monthly windows does not do here: it asks
    for the accuracy at an equal confidence, and a new model or prompt states other confidences. The rise has
    a MOVER interval (Zou & Donner 2008). **degraded**: that lies above 0, the rise is at least half of
    `max_rise` and may be more than it. **changed**: the ECE moved otherwise. **stable**: the rise is at most
    `max_rise`, proven. **no_change_seen**: the rest. `p` is two-sided.

    `paired`: row i of both samples is the same question. What easy and hard questions do to both then
    cancels, by the correlation of what each row adds to either estimate (Donner & Zou 2012). Rows of one of
    the samples' `clusters` count as what they are together; pairs take those of `after`.

    Raises `InvalidInput` for an empty sample, values out of range, pairs of unequal number, and a
    `max_rise` outside (0, 1).
    """
    if not 0 < max_rise < 1:
        raise InvalidInput(f"max_rise lies between 0 and 1, not {max_rise}")
    if paired and len(before.scores) != len(after.scores):
        raise InvalidInput(f"{len(before.scores)} rows cannot be paired with {len(after.scores)}")
    was, now = (
        measure(sample.scores, sample.correct, weights=sample.weights, clusters=sample.cluster_numbers)
        for sample in (before, after)
    )
    pairs = after if paired else None
    rise = _difference(_ece(after, now), _ece(before, was), pairs)
    accuracy = _difference(_accuracy(after, now), _accuracy(before, was), pairs)
    auroc_now, auroc_was = _auroc(after, now), _auroc(before, was)
    dsc_now, dsc_was = _dsc(after), _dsc(before)
    lucky = was.ece.below_noise or now.ece.below_noise
    state = _state(rise, max_rise, lucky=lucky)
    down, up = (rise.value - rise.low) / Z, (rise.high - rise.value) / Z
    error = down if rise.value > 0 else up
    detectable = max((Z + Z_POWER) * down, max_rise / 2 + Z_POWER * down)
    grown = ((Z + Z_POWER) * up / max_rise) ** 2
    proven = rise.high <= max_rise and not lucky
    needed = 0 if proven else max(1, math.ceil(now.n * (grown - 1)))
    return Gate(
        change=replace(
            Change.first(),
            state=state,
            p=float(2 * ndtr(-abs(rise.value) / error)) if error > 0 else 1.0,
            rise=rise.value,
            low=rise.low,
            high=rise.high,
            proven_worse=state == "degraded" and rise.low > max_rise and not lucky,
            minimum_detectable_rise=detectable if detectable < 1 else None,
            baseline_labels=float(was.n),
            accuracy_change=accuracy.value,
            accuracy_change_low=accuracy.low,
            accuracy_change_high=accuracy.high,
            labels_to_prove_stable=None if state == "degraded" else now.n + needed,
            below_noise=lucky,
        ),
        before=was,
        after=now,
        rise=rise,
        accuracy=accuracy,
        confidence=_difference(_confidence(after), _confidence(before), pairs),
        auroc=None if auroc_now is None or auroc_was is None else _difference(auroc_now, auroc_was, pairs),
        dsc=_difference(dsc_now, dsc_was, pairs),
        dsc_before=dsc_was.estimate,
        dsc_after=dsc_now.estimate,
        labels_needed=None if state == "degraded" else needed,
    )


def _state(rise: Estimate, max_rise: float, *, lucky: bool) -> State:
    """`lucky`: one of the two ECEs is smaller than noise makes it, which proves nothing."""
    if rise.low > 0 and rise.value >= max_rise / 2 and rise.high > max_rise:
        return "degraded"
    if _moved(rise):
        return "changed"
    return "stable" if rise.high <= max_rise and not lucky else "no_change_seen"


def _moved(difference: Estimate) -> bool:
    return not difference.low <= 0 <= difference.high


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantity:
    """An estimate and what each row adds to it, shape (n,), up to a constant.

    `floored`: the truth may be 0, below which no estimate goes, so that it errs upwards.
    """

    estimate: Estimate
    rows: Floats
    floored: bool = False


def _difference(now: _Quantity, was: _Quantity, pairs: Sample | None) -> Estimate:
    """MOVER's interval of now − was; `pairs`: weights and clusters of the pairs, None where there are none.

    An estimate's distance down to its floor is a bias as much as noise: it adds up with the other's distance
    instead of going under in a root of squares.
    """
    after, before = now.estimate, was.estimate
    common = 0.0 if pairs is None else _correlation(now, was, pairs)

    def distance(a: float, b: float, floored: bool) -> float:
        return a + b if floored else math.sqrt(max(0.0, a**2 + b**2 - 2 * common * a * b))

    point = after.value - before.value
    return Estimate(
        point,
        point - distance(after.value - after.low, before.high - before.value, now.floored),
        point + distance(after.high - after.value, before.value - before.low, was.floored),
    )


def _correlation(now: _Quantity, was: _Quantity, pairs: Sample) -> float:
    share = pairs.weights / pairs.weights.sum()
    after, before = (_sums(quantity.rows, share, pairs) for quantity in (now, was))
    scale = math.sqrt(float(after @ after) * float(before @ before))
    return 0.0 if scale <= 0 else min(1.0, max(-1.0, float(after @ before) / scale))


def _sums(rows: Floats, share: Floats, sample: Sample) -> Floats:
    """What each cluster adds to a weighted mean, up to the mean itself; each row where there are none."""
    pulls: Floats = share * (rows - float(share @ rows))
    clusters = sample.cluster_numbers
    if clusters is None:
        return pulls
    return np.bincount(np.unique(clusters, return_inverse=True)[1], pulls).astype(np.float64)


def _ece(sample: Sample, measured: Measurement) -> _Quantity:
    groups = strata(sample.scores, sample.weights)
    group, size = groups.assign(sample.scores), len(groups)
    counts = kish_counts(group, sample.correct, sample.weights, size)
    mean = np.clip(group_means(group, sample.scores, sample.weights, size), 0, 1)
    labels = np.maximum(counts.labels, 1e-9)
    gap = mean - counts.correct / labels
    rows = np.sign(gap)[group] * (sample.scores - sample.correct)
    ece = measured.ece
    estimate = Estimate(ece.estimate, ece.low, ece.high)
    return _Quantity(estimate=estimate, rows=rows, floored=ece.low <= 0)


def _accuracy(sample: Sample, measured: Measurement) -> _Quantity:
    return _Quantity(estimate=measured.accuracy, rows=sample.correct)


def _confidence(sample: Sample) -> _Quantity:
    return _mean(sample.scores, sample)


def _auroc(sample: Sample, measured: Measurement) -> _Quantity | None:
    """Each row adds its placement among the rows of the other class (DeLong et al. 1988)."""
    if measured.auroc is None:
        return None
    order = np.argsort(sample.scores, kind="stable")
    ascending = sample.scores[order]
    rows = np.zeros(len(order))
    for right in (True, False):
        in_class = (sample.correct > 0.5) == right
        other_weights = np.where(in_class, 0.0, sample.weights)
        ladder = np.concatenate([[0.0], np.cumsum(other_weights[order])]) / other_weights.sum()
        below, upto = (
            ladder[np.searchsorted(ascending, sample.scores[in_class], side=side)]
            for side in ("left", "right")
        )
        placed = (below + upto) / 2 if right else 1 - (below + upto) / 2
        share = sample.weights[in_class].sum() / sample.weights.sum()
        rows[in_class] = (placed - measured.auroc.value) / share
    return _Quantity(estimate=measured.auroc, rows=rows)


def _dsc(sample: Sample) -> _Quantity:
    """The Brier score that recalibrating saves over stating the base rate, row by row (CORP)."""
    from scipy.optimize import isotonic_regression

    share = sample.weights / sample.weights.sum()
    _, level = np.unique(sample.scores, return_inverse=True)
    mass = np.bincount(level, share)
    filled = mass > 0
    rate = np.divide(np.bincount(level, share * sample.correct), mass, out=np.zeros_like(mass), where=filled)
    fitted = np.zeros_like(mass)
    fitted[filled] = isotonic_regression(rate[filled], weights=mass[filled]).x
    saved = (float(share @ sample.correct) - sample.correct) ** 2 - (fitted[level] - sample.correct) ** 2
    return _mean(saved, sample)


def _mean(rows: Floats, sample: Sample) -> _Quantity:
    """A weighted mean; rows of a cluster err together (Liang & Zeger 1986)."""
    share = sample.weights / sample.weights.sum()
    value = float(share @ rows)
    pulls = _sums(rows, share, sample)
    few = len(pulls) / max(1, len(pulls) - 1) if sample.cluster_numbers is not None else 1.0
    half = Z * math.sqrt(few * float(pulls @ pulls))
    return _Quantity(estimate=Estimate(value, value - half, value + half), rows=rows)
