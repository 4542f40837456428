"""How far the mix of stated confidences has moved: a matter of the traffic, not of its calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.policy import MIX_NOTABLE, MIX_UNUSUAL

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MixShift:
    """The share of predictions that would have to state another confidence for the mixes to be equal.

    `moved`: total variation distance between now and before, in [0, 1]; `usual`: the furthest that one of the
    earlier windows lies from the mean of the others, None with fewer than two; `chance`: what so many
    independent predictions of one mix differ by on average. `ece_from_mix`: how much of the ECE's change the
    mix alone makes, the accuracies held. Masses are counted over the whole population, so these numbers are
    exact but for `ece_from_mix`, which takes the measured accuracies.
    """

    moved: float
    usual: float | None
    chance: float
    ece_from_mix: float | None
    now: tuple[float, ...]
    before: tuple[float, ...]

    @property
    def notable(self) -> bool:
        """Whether it is worth an alert: a tenth of the traffic, and twice what was usual."""
        return self.moved >= max(MIX_NOTABLE, MIX_UNUSUAL * (self.usual or 0.0), MIX_UNUSUAL * self.chance)

    def to_json(self) -> Json:
        """As a JSON object."""
        return {
            "moved": self.moved,
            "usual": self.usual,
            "chance": self.chance,
            "notable": self.notable,
            "ece_from_mix": self.ece_from_mix,
            "now": list(self.now),
            "before": list(self.before),
        }


def mix_shift(now: npt.ArrayLike, before: npt.ArrayLike, *, gap: npt.ArrayLike | None = None) -> MixShift:
    """Compare a window's predictions by stratum, counts of shape (B,), with earlier windows', shape (m, B).

    `gap`: the distance between accuracy and confidence by stratum, shape (B,), NaN where it is not known.
    Raises `InvalidInput` for shapes that differ, no earlier window, and invalid counts.

    >>> shift = mix_shift([500, 500], [[800, 200], [800, 200]])
    >>> round(shift.moved, 6), round(shift.chance, 3), shift.notable
    (0.3, 0.014, True)
    """
    n, past = np.asarray(now, dtype=np.float64), np.asarray(before, dtype=np.float64)
    if n.ndim != 1 or past.ndim != 2 or past.shape[1:] != n.shape or not len(past):
        raise InvalidInput(f"counts must be of shapes (B,) and (m, B), not {n.shape} and {past.shape}")
    if not all((m >= 0).all() and np.isfinite(m).all() and m.sum() > 0 for m in (n, *past)):
        raise InvalidInput("counts must be finite, not negative, and not all zero")
    w, masses = n / n.sum(), past / past.sum(axis=1, keepdims=True)
    mean = masses.mean(axis=0)
    usual = None
    if len(masses) > 1:
        others = (masses.sum(axis=0) - masses) / (len(masses) - 1)
        usual = float(np.abs(masses - others).sum(axis=1).max() / 2)
    pooled = (n + past.sum(axis=0)) / (n.sum() + past.sum())
    rows = 1 / n.sum() + (1 / past.sum(axis=1)).mean() / len(past)
    from_mix = None
    if gap is not None:
        off = np.asarray(gap, dtype=np.float64)
        known = np.isfinite(off)
        from_mix = float((w - mean)[known] @ np.abs(off[known])) if known.any() else None
    return MixShift(
        moved=float(np.abs(w - mean).sum() / 2),
        usual=usual,
        chance=float(np.sqrt(2 / np.pi * pooled * (1 - pooled) * rows).sum() / 2),
        ece_from_mix=from_mix,
        now=tuple(w.tolist()),
        before=tuple(mean.tolist()),
    )
