"""Has it got worse? The change test against the pooled baseline, and against the anchor."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.calibrators import Labels, crossfit, fit, held_out_ece
from calib.cycle.design import Design
from calib.cycle.evidence import Rows, counts, level_shift, means
from calib.cycle.ports import ANCHOR_SHARE, WINDOW_SHARE, Watch
from calib.mapping import Curve, Mapping
from calib.measure import Change, Counts, Ece, change_test

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the window's labels say against the pooled baseline and, where there is one, the anchor."""

    change: Change
    anchor: Change | None

    @property
    def deciding(self) -> Change:
        """The comparison that confirms a change, if one does; else the one with the pooled baseline."""
        if self.anchor is not None and _confirmed(self.anchor) and not _confirmed(self.change):
            return self.anchor
        return self.change

    @property
    def confirmed(self) -> bool:
        """Whether a change is confirmed, for better or worse."""
        return _confirmed(self.deciding)

    def to_json(self) -> dict[str, Any]:
        """The `change` object of the command line's contract."""
        anchor = None if self.anchor is None else self.anchor.to_json()
        against = "anchor" if self.deciding is self.anchor else "baseline"
        return self.deciding.to_json() | {"against": against, "anchor": anchor}


def _confirmed(change: Change) -> bool:
    return change.state in ("degraded", "changed")


def judge(
    watch: Watch,
    design: Design,
    *,
    now: Counts,
    now_rows: Rows,
    served: Floats,
    mapping: Mapping | None,
    pooled: Rows | None,
    anchor: Rows | None,
    period: str,
) -> Verdict:
    """Compare this window's labels with the baseline's and the anchor's.

    `served` is the population's mean served confidence by stratum, shape (B,), held fixed on both sides.
    `mapping` is what production used: its own fit must not flatter the baseline.
    """
    if pooled is None:
        return Verdict(change=Change.first(), anchor=None)

    def against(before: Rows, alpha: float, salt: str) -> Change:
        expected = _expected(before, mapping)
        baseline = counts(before, design.strata)
        if design.strata.kind == "quantiles":
            here = means(expected.apply(now_rows.raw), now_rows, design.strata)
            there = means(expected.apply(before.raw), before, design.strata)
            both = (now.labels > 0) & (baseline.labels > 0)
            baseline = level_shift(baseline, np.where(both, here - there, 0.0))
        return change_test(
            now,
            baseline,
            score=served,
            mass=design.mass,
            alpha=alpha,
            max_rise=watch.max_rise,
            seed=_seed(watch.stream, period, salt),
            baseline_ece=_unflattered(before, mapping),
        )

    return Verdict(
        change=against(pooled, watch.alpha * WINDOW_SHARE, "window"),
        anchor=None if anchor is None else against(anchor, watch.alpha * ANCHOR_SHARE, "anchor"),
    )


def _expected(before: Rows, mapping: Mapping | None) -> Curve:
    """The accuracy expected at a raw confidence: the served mapping, else what the baseline itself says."""
    if mapping is not None:
        return mapping.default
    return fit(before.raw, before.correct, method="isotonic", weights=before.weight)


def _unflattered(before: Rows, mapping: Mapping | None) -> Ece | None:
    """The served mapping's ECE on the baseline, out of fold for the rows that it was fitted on.

    None where nothing of the baseline went into a fit, so that its counts will do.
    """
    if mapping is None:
        return None
    inside = np.isin(before.period, mapping.evidence.get("periods", []))
    if not inside.any():
        return None
    scores = np.asarray(mapping.apply(before.raw), dtype=float)
    labels = Labels(before.raw, before.correct, before.weight)
    scores[inside] = crossfit(labels.take(inside), method=mapping.method)
    return held_out_ece(scores, labels)


def _seed(*words: str) -> int:
    """The same window draws the same bootstrap."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")
