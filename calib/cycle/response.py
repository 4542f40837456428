"""Who answered: response by stratum, what the missing answers could change, and how far reviewers agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.cycle.design import Design
from calib.measure import GRID, wilson
from calib.review.queue import Cohort

Floats = npt.NDArray[np.float64]

LEAST_LABELS = 50  # below this neither a verdict nor a refit is worth its name
LEAST_RESPONSE = 0.7
LEAST_EVENNESS = 0.5  # the worst stratum's response as a share of the best one's
JUDGED_FROM = 10  # drawn rows: the response of smaller strata says nothing


def refusal(cohort: Cohort) -> str | None:
    """Why these answers cannot carry a verdict, in words; None where they can."""
    there = ~np.isnan(cohort.correct)
    n, drawn = int(there.sum()), len(there)
    if n < LEAST_LABELS:
        return f"{n} of the {drawn} drawn rows are labelled; a verdict needs {LEAST_LABELS}"
    if n / drawn < LEAST_RESPONSE:
        return f"{n} of {drawn} rows are labelled: below {LEAST_RESPONSE:.0%} those left out decide"
    sizes = np.bincount(cohort.stratum)
    response = np.bincount(cohort.stratum[there], minlength=len(sizes)) / np.maximum(sizes, 1)
    judged = response[sizes >= JUDGED_FROM]
    if len(judged) and judged.min() < LEAST_EVENNESS * judged.max():
        return (
            f"the worst stratum was answered at {judged.min():.0%}, the best at {judged.max():.0%}: "
            "labels that lean to one side cannot say how all rows would have come out"
        )
    return None


def response(cohort: Cohort, design: Design, answers: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Response by stratum, and the accuracy if every missing answer were wrong or right.

    `answers`: of each row that two people answered, the first two answers (`agreement`).
    """
    there = ~np.isnan(cohort.correct)
    size = len(design.strata)
    drawn = np.bincount(cohort.stratum, minlength=size)
    answered = np.bincount(cohort.stratum[there], minlength=size)
    right = np.bincount(cohort.stratum[there], cohort.correct[there], size)
    mass = np.where(drawn > 0, design.mass, 0.0)
    share = mass / mass.sum() if mass.sum() else mass
    least, most = (
        float(share @ (found / np.maximum(drawn, 1))) if len(cohort.correct) else None
        for found in (right, right + drawn - answered)
    )
    lower = [0, *design.strata.upper[:-1]]
    strata = [
        {"above": low / GRID, "to": high / GRID, "drawn": int(d), "answered": int(a)}
        for low, high, d, a in zip(lower, design.strata.upper, drawn, answered, strict=True)
    ]
    return {
        "share": float(there.mean()) if len(there) else None,
        "strata": strata,
        "accuracy_if_missing_wrong": least,
        "accuracy_if_missing_right": most,
        "agreement": agreement(answers, design).to_json(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two people agree on the same rows, and what their errors do to an ECE.

    `label_error`: the chance that one answer is wrong, if errors are independent and as likely either way;
    `ece_floor`: what a perfect mapping's ECE would read through such labels. Both with the ends that belong
    to the ends of `share`; all None where nobody looked twice.
    """

    rows: int
    share: float | None
    low: float | None
    high: float | None
    label_error: float | None
    label_error_low: float | None
    label_error_high: float | None
    ece_floor: float | None

    def to_json(self) -> dict[str, Any]:
        """In JSON's types."""
        return {name: getattr(self, name) for name in self.__slots__}


def agreement(answers: Sequence[tuple[str, str]], design: Design) -> Agreement:
    """From pairs of answers to the same row; a pair with `unsure` in it says nothing.

    Two answers that are each wrong with chance ε differ with chance 2ε(1 − ε).
    """
    sure = [pair for pair in answers if "unsure" not in pair]
    if not sure:
        return Agreement(rows=0, **dict.fromkeys(Agreement.__slots__[1:]))
    n, same = len(sure), sum(a == b for a, b in sure)
    low, high = (float(end[0]) for end in wilson(np.array([same / n]), np.array([float(n)])))
    error, worst, best = (_error(1 - share) for share in (same / n, low, high))
    mass, served = design.mass, design.served_mean
    return Agreement(
        rows=n,
        share=same / n,
        low=low,
        high=high,
        label_error=error,
        label_error_low=best,
        label_error_high=worst,
        ece_floor=float(error * (mass @ np.abs(1 - 2 * served))),
    )


def _error(disagreement: float) -> float:
    """ε from 2ε(1 − ε); answers that differ more often than not are as good as coins."""
    return 0.5 * (1 - float(np.sqrt(max(0.0, 1 - 2 * disagreement))))
