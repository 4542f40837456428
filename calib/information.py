"""Does a confidence distinguish right answers from wrong ones? What the interval of its AUROC shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from calib.policy import NO_INFORMATION_BELOW

State = Literal["shown", "not_shown", "absent"]

BOTH_ENDS, POWER = 1.959964, 0.841621  # normal quantiles: of a 95% interval, and of 80% power


@dataclass(frozen=True, slots=True, kw_only=True)
class Information:
    """`shown`: the AUROC's interval lies above 0.5. `absent`: it ends below 0.6. `not_shown`: neither.

    `labels_needed`: labels in all with which it would be shown with 80% power, if the AUROC is as large as it
    was measured, or 0.6 where it was measured smaller; None where it is shown or absent, and where one class
    of answers alone was seen.
    """

    state: State
    labels_needed: int | None

    @classmethod
    def of(cls, auroc: float | None, low: float | None, high: float | None, *, labels: float) -> Information:
        """By an AUROC with its 95% interval, all None with one class of answers, on so many `labels`.

        >>> Information.of(0.70, 0.48, 0.86, labels=50)
        Information(state='not_shown', labels_needed=124)
        >>> Information.of(0.51, 0.45, 0.57, labels=800).state
        'absent'
        """
        if auroc is None or low is None or high is None:
            return cls(state="not_shown", labels_needed=None)
        if low > 0.5:
            return cls(state="shown", labels_needed=None)
        if high < NO_INFORMATION_BELOW:
            return cls(state="absent", labels_needed=None)
        error = (auroc - low) / BOTH_ENDS
        assumed = max(auroc, NO_INFORMATION_BELOW)
        times = ((BOTH_ENDS + POWER) * error / (assumed - 0.5)) ** 2
        return cls(state="not_shown", labels_needed=max(math.floor(labels) + 1, math.ceil(labels * times)))
