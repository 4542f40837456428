"""What wrong labels do to the verdict: how much of a rise they hide, and how much of one they make. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from calib.cycle.design import Design
from calib.cycle.nonresponse import ece_through, sure_pairs
from calib.measure import Change
from calib.measure.agreement import disagreement_rose, label_error
from calib.policy import LABELS_SHOW_LEAST, LABELS_WORSE_ALPHA
from calib.results.response import LabelErrorResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelError:
    """The chances that labels of this window and of its baseline are wrong; None where nobody knows.

    `shown`: through labels that are wrong with chance ε the accuracy a reads a(1 − 2ε) + ε, so that they show
    a true change to the share 1 − 2ε. `alone`: the rise of the ECE that the change of the error makes by
    itself. `rose`: whether people differ more often than before, beyond doubt.
    """

    now: float | None
    before: float | None
    shown: float
    alone: float | None
    rose: bool

    @classmethod
    def of(
        cls, now: Sequence[tuple[str, str]], before: Sequence[tuple[str, str]], design: Design
    ) -> LabelError:
        """From the pairs of answers to the rows that two people answered."""
        pairs_now, pairs_before = sure_pairs(now), sure_pairs(before)
        differ_now, differ_before = (sum(a != b for a, b in pairs) for pairs in (pairs_now, pairs_before))
        error_now = label_error(differ_now / len(pairs_now)) if pairs_now else None
        error_before = label_error(differ_before / len(pairs_before)) if pairs_before else None
        alone, rose = None, False
        if error_now is not None and error_before is not None:
            alone = ece_through(error_now, design) - ece_through(error_before, design)
            p = disagreement_rose((differ_now, len(pairs_now)), (differ_before, len(pairs_before)))
            rose = p <= LABELS_WORSE_ALPHA
        return cls(
            now=error_now,
            before=error_before,
            shown=max(LABELS_SHOW_LEAST, 1 - 2 * (error_now or 0.0)),
            alone=alone,
            rose=rose,
        )

    def seen_through(self, change: Change) -> Change:
        """The change with what could have been detected as it is in truth, not as the labels show it."""
        rise = change.minimum_detectable_rise
        return change if rise is None else replace(change, minimum_detectable_rise=rise / self.shown)

    def result(self, change: Change) -> LabelErrorResult | None:
        """The `label_error` of the result, beside the change that decides; None where no row was answered
        twice.
        """
        if self.now is None and self.before is None:
            return None
        explains = (
            self.rose
            and self.alone is not None
            and change.state == "degraded"
            and change.low is not None
            and self.alone >= change.low
        )
        return LabelErrorResult(
            now=self.now, before=self.before, shown=self.shown, alone=self.alone, explains=explains
        )


NO_LABEL_ERROR = LabelError(now=None, before=None, shown=1.0, alone=None, rose=False)
