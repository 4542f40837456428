"""Everything that one labelled sample says about a confidence signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.information import Information
from calib.json_object import Json
from calib.measure.bins import Bin, Bins, bins_of
from calib.measure.clusters import Correlation, cluster_effects
from calib.measure.ece import Counts, Ece, ece_estimate, kish_counts
from calib.measure.intervals import shrunk
from calib.measure.sample import Sample
from calib.measure.score_table import score_table
from calib.measure.scores import (
    Decomposition,
    Estimate,
    auroc,
    decompose,
    log_losses,
    mean_estimate,
    share_estimate,
)
from calib.measure.smooth import smooth_ece
from calib.notebook import spread, table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Calibration (`ece`, `gap` = mean confidence − accuracy), scores, discrimination, and bins.

    `smece` is a check on the ECE that depends on no binning. `log_loss` counts the probability given to what
    happened as at least 1e-15: a single wrong answer stated with certainty costs 34.5, not infinity.
    `auroc` is None with one class. `information`: whether it is shown that the confidence distinguishes right
    answers from wrong ones; where it does not, no mapping can make it.
    """

    n: int
    ece: Ece
    accuracy: Estimate
    mean_confidence: float
    brier: Estimate
    log_loss: Estimate
    auroc: Estimate | None
    decomposition: Decomposition
    smece: float
    bins: tuple[Bin, ...]

    @property
    def gap(self) -> float:
        """Mean confidence minus accuracy: positive where the model is overconfident."""
        return self.mean_confidence - self.accuracy.value

    @property
    def informative(self) -> bool:
        """Whether the confidence distinguishes right answers from wrong ones (AUROC above 0.5)."""
        return self.auroc is not None and self.auroc.low > 0.5

    @property
    def information(self) -> Information:
        """What the AUROC's interval shows, and how many labels would show more."""
        separation = self.auroc
        ends = (
            (None, None, None) if separation is None else (separation.value, separation.low, separation.high)
        )
        return Information.of(*ends, labels=self.n)

    def _repr_html_(self) -> str:
        """What a notebook shows: the scores with their 95% intervals."""
        auroc = self.auroc
        return table(
            f"{self.n:,} labels, 95% intervals",
            [
                ("ECE", spread(self.ece.estimate, self.ece.low, self.ece.high)),
                ("accuracy", spread(self.accuracy.value, self.accuracy.low, self.accuracy.high)),
                ("stated confidence", f"{self.mean_confidence:.3f}"),
                ("AUROC", "–" if auroc is None else spread(auroc.value, auroc.low, auroc.high)),
                ("Brier score", spread(self.brier.value, self.brier.low, self.brier.high)),
            ],
        )

    def to_json(self) -> Json:
        """The `raw` object of the command line's contract."""
        parts = self.decomposition
        return {
            "n": self.n,
            **self.ece.to_json(),
            **_flat("accuracy", self.accuracy),
            "mean_confidence": self.mean_confidence,
            "gap": self.gap,
            **_flat("auroc", self.auroc),
            "informative": self.informative,
            "information": self.information.state,
            "labels_to_show_information": self.information.labels_needed,
            **_flat("brier", self.brier),
            "mcb": parts.mcb,
            "dsc": parts.dsc,
            "unc": parts.unc,
            **_flat("log_loss", self.log_loss),
            "smece": self.smece,
            "bins": [bin_.to_json() for bin_ in self.bins],
        }


def measure(
    scores: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    mass: npt.ArrayLike | None = None,
    score_means: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    correlation: Correlation | None = None,
    bins: Bins | None = None,
    level: float = 0.95,
) -> Measurement:
    """Measure a labelled sample: `scores` in [0, 1], `correct` 0 or 1, `weights` ≥ 0, all of shape (n,).

    `strata`: whole numbers from 0, shape (n,); by default those of `calib.measure.strata`. `mass`: the
    population's share of each stratum, shape (B,), where it is known from all predictions; a row then
    counts mass · weight / (weight in its stratum), and strata without labels are left out. `score_means`:
    the population's mean score by stratum, shape (B,); by default the sample's. `clusters`: what rows that
    move together have in common, shape (n,); all intervals are then as wide as `cluster_counts` says.
    `correlation`: that of earlier rows, taken where all answers are alike and these rows know none.

    Raises `InvalidInput` for an empty sample, shapes that differ, NaN and values out of range.

    >>> found = measure([0.9] * 10, [1] * 8 + [0] * 2)
    >>> round(found.gap, 6), round(found.brier.value, 6)
    (0.1, 0.17)
    """
    sample = Sample(scores, correct, weights)
    score, answer, weight = sample.scores, sample.correct, sample.relative_weights
    if not len(sample):
        raise InvalidInput("no labelled row is left to measure")
    group = None if strata is None else _whole(strata, score.shape)
    table = score_table(score, answer, None if weights is None else weight, group)
    if group is None:
        strata_made = table.strata()
        table = table.grouped(strata_made)
    highest = int(table.group.max())
    masses = None if mass is None else np.asarray(mass, dtype=np.float64)
    if masses is not None and masses.ndim != 1:
        raise InvalidInput(f"mass must be of shape (B,), not {masses.shape}")
    size = highest + 1 if masses is None else len(masses)
    if highest >= size:
        raise InvalidInput(f"there are masses for {size} strata, but a row of stratum {highest}")
    total = table.by_group(table.weight, size)
    masses = total / total.sum() if masses is None else masses
    factor = np.divide(masses, total, out=np.zeros(size), where=total > 0)
    whole = float(total @ factor)
    if not (np.isfinite(factor).all() and (factor >= 0).all() and 0 < whole < np.inf):
        raise InvalidInput("masses must be finite, not negative, and not zero wherever there are labels")

    if weights is None:
        counts = Counts(table.by_group(table.right, size), total)
    else:
        counts = kish_counts(strata_made.assign(score) if group is None else group, answer, weight, size)
    if clusters is not None:
        by_row = strata_made.assign(score) if group is None else group
        effects = cluster_effects(by_row, answer, weight, clusters, size, otherwise=correlation)
        counts = Counts(counts.correct / effects.effect, counts.labels / effects.effect, effects.covariance)
        table = table.spread_out(effects.effect)
    summed = table.by_group(table.weight * table.score, size)
    sample_means = np.clip(np.divide(summed, total, out=np.zeros(size), where=total > 0), 0, 1)
    means = sample_means if score_means is None else np.asarray(score_means, dtype=np.float64)
    ece = ece_estimate(
        counts.correct, counts.labels, means, masses, level=level, covariance=counts.covariance
    )
    rate = shrunk(counts.correct, counts.labels, means)
    table = table.scaled(factor / whole)
    score = table.score
    right, wrong = log_losses(score), log_losses(1 - score)
    once = table.merged()
    return Measurement(
        n=int(table.rows.sum()),
        ece=ece,
        accuracy=share_estimate(table, rate, level),
        mean_confidence=float(masses[total > 0] @ means[total > 0] / masses[total > 0].sum()),
        brier=_within_unit(mean_estimate((1 - score) ** 2, score**2, table, rate, level)),
        log_loss=mean_estimate(right, wrong, table, rate, level),
        auroc=auroc(once, level),
        decomposition=decompose(once),
        smece=smooth_ece(once),
        bins=bins_of(once, bins or Bins.equal_width(10), level),
    )


def _whole(strata: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    values = np.asarray(strata)
    if (
        values.shape != shape
        or values.dtype.kind not in "iuf"
        or not (np.isfinite(values) & (values >= 0)).all()
    ):
        raise InvalidInput("strata must be whole numbers from 0, one for each score")
    whole: npt.NDArray[np.intp] = values.astype(np.intp)
    if (whole != values).any():
        raise InvalidInput("strata must be whole numbers from 0, one for each score")
    return whole


def _within_unit(estimate: Estimate) -> Estimate:
    return Estimate(estimate.value, max(0.0, estimate.low), min(1.0, estimate.high))


def _flat(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    low, high = f"{name}_low", f"{name}_high"
    if estimate is None:
        return {name: None, low: None, high: None}
    return {name: estimate.value, low: estimate.low, high: estimate.high}
