"""What a window's labels measure: raw and served confidence, by segment, and the mix of scores. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from calib.cycle.design import Design
from calib.cycle.evidence import Rows, clusters
from calib.measure import Change, measure, mix_shift, partially_pooled
from calib.review.queue import Cohort

Z = 1.96  # of a 95% interval

# The same keys whatever is known: a reader never has to ask whether an object is there.
_INTERVALS = ("accuracy", "auroc", "brier", "log_loss")
_NUMBERS = ("ece", "ece_plugin", "low", "high", "mean_confidence", "gap", "mcb", "dsc", "unc", "smece")
NOTHING_MEASURED: dict[str, Any] = {
    **dict.fromkeys(_NUMBERS),
    **dict.fromkeys(f"{name}{end}" for name in _INTERVALS for end in ("", "_low", "_high")),
    "n": 0,
    "informative": False,
    "bins": [],
}
NOTHING_COMPARED: dict[str, Any] = Change.first().to_json() | dict.fromkeys(
    ("state", "against", "anchor", "judge")
)


def raw_part(sample: Rows, cohort: Cohort, design: Design) -> dict[str, Any]:
    """The `raw` object of a window's result."""
    there = ~np.isnan(cohort.correct)
    return measure(
        sample.raw,
        sample.correct,
        strata=cohort.stratum[there],
        mass=design.mass,
        score_means=design.raw_mean,
        clusters=clusters(sample),
    ).to_json()


def served_part(sample: Rows, cohort: Cohort, design: Design) -> dict[str, Any]:
    """The `served` object: the same for what production used.

    Each stratum by mapping, for a change in mid-period is the norm.
    """
    there = ~np.isnan(cohort.correct)
    index = {(group["stratum"], group["mapping"]): i for i, group in enumerate(design.groups)}
    group = np.array(
        [
            index[int(b), digest or ""]
            for b, digest in zip(
                cohort.stratum[there], np.array(cohort.mapping, dtype=object)[there], strict=True
            )
        ]
    )
    sizes = np.array([group["n"] for group in design.groups], dtype=float)
    measured = measure(
        cohort.served[there],
        cohort.correct[there],
        strata=group,
        mass=sizes / sizes.sum(),
        score_means=np.array([group["mean"] for group in design.groups]),
        clusters=clusters(sample),
    )
    shares: dict[str, float] = {}
    for entry in design.groups:
        shares[entry["mapping"]] = shares.get(entry["mapping"], 0.0) + entry["n"] / sizes.sum()
    return measured.to_json() | {
        "source": design.served_source,
        "mappings": [{"mapping": digest or None, "share": share} for digest, share in sorted(shares.items())],
    }


def segments_part(
    sample: Rows, cohort: Cohort, design: Design, changes: Mapping[str, Change]
) -> dict[str, Any]:
    """Each segment that is large enough: what was stated, what was served, and whether it got worse.

    `gap_pooled` is its mean served confidence minus its accuracy, drawn towards the other segments' as far as
    chance explains how they differ: of many segments one always looks worst.
    """
    served = cohort.served[~np.isnan(cohort.correct)]
    found: dict[str, Any] = {}
    for segment in design.segments:
        inside = sample.segment == segment.name
        if not inside.any():
            continue
        here = sample.take(inside)
        group = segment.strata.assign(here.raw)
        both = {
            name: measure(
                scores,
                here.correct,
                weights=here.weight,
                strata=group,
                mass=segment.mass,
                score_means=means,
                clusters=clusters(here),
            )
            for name, scores, means in (
                ("raw", here.raw, segment.raw_mean),
                ("served", served[inside], segment.served_mean),
            )
        }
        change = changes.get(segment.name)
        found[segment.name] = {
            "population": int(segment.sizes.sum()),
            "labels": len(here),
            **{name: one.to_json() for name, one in both.items()},
            "change": None if change is None else change.to_json(),
            "gap_pooled": None,
        }
    gaps = [part["served"]["gap"] for part in found.values()]
    widths = [part["served"]["accuracy_high"] - part["served"]["accuracy_low"] for part in found.values()]
    errors = [width / (2 * Z) for width in widths]
    if found:
        for part, gap, error in zip(found.values(), *partially_pooled(gaps, errors), strict=True):
            part["gap_pooled"] = {"gap": gap, "low": gap - Z * error, "high": gap + Z * error}
    return found


def mix_part(sample: Rows, design: Design, earlier: Sequence[Design]) -> dict[str, Any] | None:
    """How far the population's stated confidences lie from those of the baseline's windows."""
    past = [one.sizes_in(design.strata) for one in earlier]
    past = [sizes for sizes in past if sizes.sum()]
    if not past or not design.sizes.sum():
        return None
    group, size = design.strata.assign(sample.raw), len(design.strata)
    labels = np.bincount(group, sample.weight, size)
    accuracy = np.divide(
        np.bincount(group, sample.weight * sample.correct, size),
        labels,
        out=np.full(size, np.nan),
        where=labels > 0,
    )
    return mix_shift(design.sizes, past, gap=accuracy - design.served_mean).to_json()
