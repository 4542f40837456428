"""The verdict for a change of model or prompt: two labelled files, each with confidences of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.measure import Change, Measurement, group_means, kish_counts, measure, strata
from calib.measure.change import State
from calib.measure.intervals import z_of
from calib.measure.sample import Sample
from calib.measure.scores import Estimate

Floats = npt.NDArray[np.float64]

Z = z_of(0.95)
Z_POWER = z_of(0.6)  # one-sided: of 80% power


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The verdict; `change` is that of the ECE, each file's confidences against its own answers.

    `confidence`, `auroc` and `dsc`: after minus before with a 95% interval (`auroc` None where a file has
    one class only); `dsc_before`, `dsc_after`: of either. `labels_needed`: more rows in each file with which
    `stable` would be proven with 80% power if nothing changed; 0 where it is proven, None where the ECE
    is known to have risen.
    """

    change: Change
    before: Measurement
    after: Measurement
    confidence: Estimate
    auroc: Estimate | None
    dsc: Estimate
    dsc_before: Estimate
    dsc_after: Estimate
    labels_needed: int | None

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

    @property
    def reading(self) -> str:
        """What moved, in words: the answers, the level of the confidence, or the information in it."""
        sentences = []
        low, high = self.change.accuracy_change_low, self.change.accuracy_change_high
        if low is not None and high is not None and not low <= 0 <= high:
            sentences.append(f"The answers got {'better' if low > 0 else 'worse'}.")
        informed = [change for change in (self.auroc, self.dsc) if change is not None and _moved(change)]
        if informed:
            word = "better" if informed[0].value > 0 else "less well"
            sentences.append(
                f"The confidence distinguishes right answers from wrong ones {word} than before."
            )
        elif _moved(self.confidence):
            where = "up" if self.confidence.value > 0 else "down"
            sentences.append(
                f"The level of the confidence moved {where}, the information in it did not beyond noise: "
                "a mapping does the same to the old confidence."
            )
        return " ".join(sentences) or "Neither the answers nor the confidence moved beyond noise."

    def to_json(self) -> Json:
        """The command line's contract."""
        return self.change.to_json() | {
            "direction": self.direction,
            "labels_needed": self.labels_needed,
            "proven": self.proven,
            "reading": self.reading,
            "confidence_change": _json(self.confidence),
            "auroc_change": _json(self.auroc),
            "dsc_change": _json(self.dsc),
            "before": self.before.to_json() | _ends("dsc", self.dsc_before),
            "after": self.after.to_json() | _ends("dsc", self.dsc_after),
        }


def gate(before: Sample, after: Sample, *, max_rise: float = 0.03, paired: bool = False) -> Gate:
    """Hold two labelled samples against each other.

    What is compared is each sample's own ECE. The change test of monthly windows does not do here: it asks
    for the accuracy at an equal confidence, and a new model or prompt states other confidences. The rise has
    a MOVER interval (Zou & Donner 2008). **degraded**: that lies above 0, the rise is at least half of
    `max_rise` and may be more than it. **changed**: the ECE moved otherwise. **stable**: the rise is at most
    `max_rise`, proven. **no_change_seen**: the rest. `p` is two-sided.

    `paired`: row i of both samples is the same question. What easy and hard questions do to both then
    cancels, by the correlation of what each row adds to either estimate (Donner & Zou 2012).

    Raises `InvalidInput` for an empty sample, values out of range, pairs of unequal number, and a
    `max_rise` outside (0, 1).
    """
    if not 0 < max_rise < 1:
        raise InvalidInput(f"max_rise lies between 0 and 1, not {max_rise}")
    if paired and len(before.scores) != len(after.scores):
        raise InvalidInput(f"{len(before.scores)} rows cannot be paired with {len(after.scores)}")
    was, now = (measure(sample.scores, sample.correct, weights=sample.weights) for sample in (before, after))
    pairs = after.weights if paired else None
    rise = _difference(_ece(after, now), _ece(before, was), pairs)
    accuracy = _difference(_accuracy(after, now), _accuracy(before, was), pairs)
    auroc_now, auroc_was = _auroc(after, now), _auroc(before, was)
    dsc_now, dsc_was = _dsc(after), _dsc(before)
    state = _state(rise, max_rise)
    down, up = (rise.value - rise.low) / Z, (rise.high - rise.value) / Z
    error = down if rise.value > 0 else up
    detectable = max((Z + Z_POWER) * down, max_rise / 2 + Z_POWER * down)
    grown = ((Z + Z_POWER) * up / max_rise) ** 2
    needed = 0 if rise.high <= max_rise else max(1, math.ceil(now.n * (grown - 1)))
    return Gate(
        change=replace(
            Change.first(),
            state=state,
            p=float(2 * ndtr(-abs(rise.value) / error)) if error > 0 else 1.0,
            rise=rise.value,
            low=rise.low,
            high=rise.high,
            proven_worse=state == "degraded" and rise.low > max_rise,
            minimum_detectable_rise=detectable if detectable < 1 else None,
            baseline_labels=float(was.n),
            accuracy_change=accuracy.value,
            accuracy_change_low=accuracy.low,
            accuracy_change_high=accuracy.high,
            labels_to_prove_stable=None if state == "degraded" else now.n + needed,
        ),
        before=was,
        after=now,
        confidence=_difference(_confidence(after), _confidence(before), pairs),
        auroc=None if auroc_now is None or auroc_was is None else _difference(auroc_now, auroc_was, pairs),
        dsc=_difference(dsc_now, dsc_was, pairs),
        dsc_before=dsc_was.estimate,
        dsc_after=dsc_now.estimate,
        labels_needed=None if state == "degraded" else needed,
    )


def _state(rise: Estimate, max_rise: float) -> State:
    if rise.low > 0 and rise.value >= max_rise / 2 and rise.high > max_rise:
        return "degraded"
    if _moved(rise):
        return "changed"
    return "stable" if rise.high <= max_rise else "no_change_seen"


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


def _difference(now: _Quantity, was: _Quantity, pairs: Floats | None) -> Estimate:
    """MOVER's interval of now − was; `pairs`: weights of the pairs, shape (n,), None where there are none.

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


def _correlation(now: _Quantity, was: _Quantity, weights: Floats) -> float:
    share = weights / weights.sum()

    def centred(values: Floats) -> Floats:
        return values - float(share @ values)

    scale = math.sqrt(float(share @ centred(now.rows) ** 2) * float(share @ centred(was.rows) ** 2))
    if scale <= 0:
        return 0.0
    return min(1.0, max(-1.0, float(share @ (centred(now.rows) * centred(was.rows))) / scale))


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
    return _mean(sample.scores, sample.weights)


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
    return _mean(saved, sample.weights)


def _mean(rows: Floats, weights: Floats) -> _Quantity:
    share = weights / weights.sum()
    value = float(share @ rows)
    half = Z * math.sqrt(float(share**2 @ (rows - value) ** 2))
    return _Quantity(estimate=Estimate(value, value - half, value + half), rows=rows)


def _ends(name: str, estimate: Estimate) -> dict[str, float]:
    return {f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _json(estimate: Estimate | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
