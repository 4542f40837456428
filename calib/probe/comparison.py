"""Is the model worse than when its answers were accepted? Paired by question. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.measure import Change, change_test, group_means, kish_counts, strata

Floats = npt.NDArray[np.float64]
State = Literal["stable", "no_change_seen", "degraded", "changed"]
PAIRED_SHARE = 0.8  # of α: the paired test sees more; the rest is for the change test by stratum
LEAST_DRAWS = 999
AT_ONCE = 4_000_000  # random signs held in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """The same questions before and now.

    `state` as in `Change`, and `degraded` too where the paired test says so. `brier_rise`: the mean rise of
    the Brier score over the questions with its 95% interval; `p`: of the paired test that it did not rise.
    `lost` and `gained` count the questions that turned wrong and right. `change`: the test by stratum,
    unpaired.
    """

    state: State
    questions: int
    lost: int
    gained: int
    brier_rise: float
    brier_rise_low: float
    brier_rise_high: float
    p: float
    change: Change

    def to_json(self) -> Json:
        """As a JSON object, without the change test, which is written separately."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "change"}


def compare(
    before: npt.ArrayLike,
    before_correct: npt.ArrayLike,
    now: npt.ArrayLike,
    now_correct: npt.ArrayLike,
    *,
    alpha: float,
    max_rise: float,
    seed: int,
) -> RunComparison:
    """Compare confidences in [0, 1] and outcomes, 0 or 1, of the same questions; all of shape (n,), n ≥ 2.

    A fifth of `alpha` goes to the change test, which takes the two sides as independent, the rest to a paired
    test of the Brier score: where the model is the same, a question's two replies are exchangeable, so that
    swapping them at random gives the law of the mean rise exactly, whatever the questions are (Fisher's
    randomisation test). It is one-sided. Pairing takes the questions' difficulty out: see
    `docs/adr/0052-paired-probe.md` for what that is worth.

    Raises `InvalidInput` for shapes that differ and fewer than two questions.
    """
    c0, y0, c1, y1 = (
        np.asarray(values, dtype=np.float64) for values in (before, before_correct, now, now_correct)
    )
    if c0.ndim != 1 or len(c0) < 2 or not c0.shape == y0.shape == c1.shape == y1.shape:
        raise InvalidInput(
            "a paired comparison needs four arrays of one shape (n,), for two questions or more"
        )
    rises = (c1 - y1) ** 2 - (c0 - y0) ** 2
    p = randomisation_p(rises, draws=max(LEAST_DRAWS, math.ceil(20 / (PAIRED_SHARE * alpha))), seed=seed)
    change = _change(c0, y0, c1, y1, alpha=(1 - PAIRED_SHARE) * alpha, max_rise=max_rise, seed=seed)
    half = float(stdtrit(len(rises) - 1, 0.975) * rises.std(ddof=1) / math.sqrt(len(rises)))
    worse = p <= PAIRED_SHARE * alpha or change.state == "degraded"
    return RunComparison(
        state="degraded" if worse else change.state,  # type: ignore[arg-type]  # there is a baseline
        questions=len(rises),
        lost=int((y1 < y0).sum()),
        gained=int((y1 > y0).sum()),
        brier_rise=float(rises.mean()),
        brier_rise_low=float(rises.mean()) - half,
        brier_rise_high=float(rises.mean()) + half,
        p=p,
        change=change,
    )


def randomisation_p(rises: Floats, *, draws: int, seed: int) -> float:
    """The one-sided p-value of the mean of paired rises under random signs; at least 1/(draws + 1)."""
    moved = rises[rises != 0]
    observed = moved.sum() - 1e-12
    rng = np.random.default_rng(seed)
    least, remaining = 0, draws
    while remaining:
        size = min(remaining, max(1, AT_ONCE // max(1, len(moved))))
        signs = rng.integers(0, 2, (size, len(moved)), dtype=np.int8) * 2 - 1
        least += int((signs @ moved >= observed).sum())
        remaining -= size
    return (1 + least) / (draws + 1)


def _change(
    c0: Floats, y0: Floats, c1: Floats, y1: Floats, *, alpha: float, max_rise: float, seed: int
) -> Change:
    """The change test at the masses of the confidences that are stated now."""
    groups = strata(c1)
    size, groups_now, groups_before = len(groups), groups.assign(c1), groups.assign(c0)
    unit_weights = np.ones_like(c1)
    mass = np.bincount(groups_now, minlength=size) / len(c1)
    return change_test(
        kish_counts(groups_now, y1, unit_weights, size),
        kish_counts(groups_before, y0, unit_weights, size),
        score=np.clip(group_means(groups_now, c1, unit_weights, size), 0, 1),
        mass=mass,
        alpha=alpha,
        max_rise=max_rise,
        seed=seed,
    )
