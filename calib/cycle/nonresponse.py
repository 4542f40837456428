"""Who answered: response by stratum, what missing answers could change, how far reviewers agree. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calib.cycle.design import Design
from calib.measure import GRID, wilson
from calib.measure.agreement import cohen_kappa, label_error
from calib.policy import EVENNESS_LEAST_DRAWN, LEAST_EVENNESS, LEAST_RESPONSE, VERDICT_LEAST_LABELS
from calib.reasons import Reason
from calib.results.response import AgreementResult, ResponseResult, StratumResponse
from calib.review.cohort import Cohort


def insufficient_because(cohort: Cohort) -> Reason | None:
    """Why these answers cannot carry a verdict; None where they can."""
    labelled = cohort.labelled
    labels, drawn = int(labelled.sum()), len(labelled)
    if labels < VERDICT_LEAST_LABELS:
        return Reason("too_few_labels", {"labels": labels, "drawn": drawn, "least": VERDICT_LEAST_LABELS})
    if labels / drawn < LEAST_RESPONSE:
        return Reason("low_response", {"labels": labels, "drawn": drawn, "least": LEAST_RESPONSE})
    drawn_by_stratum = np.bincount(cohort.stratum)
    answered = np.bincount(cohort.stratum[labelled], minlength=len(drawn_by_stratum))
    response = answered / np.maximum(drawn_by_stratum, 1)
    judged = response[drawn_by_stratum >= EVENNESS_LEAST_DRAWN]
    if len(judged) and judged.min() < LEAST_EVENNESS * judged.max():
        return Reason("uneven_response", {"worst": float(judged.min()), "best": float(judged.max())})
    return None


def response(cohort: Cohort, design: Design, answers: Sequence[tuple[str, str]]) -> ResponseResult:
    """Response by stratum, and the accuracy if every missing answer were wrong or right.

    `answers`: of each row that two people answered, the first two answers (`agreement`).
    """
    labelled = cohort.labelled
    size = len(design.strata)
    drawn = np.bincount(cohort.stratum, minlength=size)
    answered = np.bincount(cohort.stratum[labelled], minlength=size)
    right = np.bincount(cohort.stratum[labelled], cohort.correct[labelled], size)
    mass = np.where(drawn > 0, design.mass, 0.0)
    share = mass / mass.sum() if mass.sum() else mass
    least, most = (
        float(share @ (correct / np.maximum(drawn, 1))) if len(cohort.correct) else None
        for correct in (right, right + drawn - answered)
    )
    lower = [0, *design.strata.upper[:-1]]
    strata = tuple(
        StratumResponse(above=low / GRID, to=high / GRID, drawn=int(d), answered=int(a))
        for low, high, d, a in zip(lower, design.strata.upper, drawn, answered, strict=True)
    )
    return ResponseResult(
        share=float(labelled.mean()) if len(labelled) else None,
        strata=strata,
        accuracy_if_missing_wrong=least,
        accuracy_if_missing_right=most,
        agreement=agreement(answers, design),
    )


def agreement(answers: Sequence[tuple[str, str]], design: Design) -> AgreementResult:
    """From pairs of answers to the same row; a pair with `unsure` in it says nothing.

    Two answers that are each wrong with chance ε, independently and as likely either way, differ with chance
    2ε(1 − ε): `label_error` is that ε, `ece_floor` what a perfect mapping's ECE would read through such
    labels. The ends of both belong to the ends of `share`.
    """
    sure = sure_pairs(answers)
    if not sure:
        return AgreementResult()
    n, same = len(sure), sum(a == b for a, b in sure)
    low, high = (float(end[0]) for end in wilson(np.array([same / n]), np.array([float(n)])))
    error, worst, best = (label_error(1 - share) for share in (same / n, low, high))
    words = ("correct", "incorrect")
    kappa = cohen_kappa(*(sure.count((first, second)) for first in words for second in words))
    return AgreementResult(
        rows=n,
        share=same / n,
        low=low,
        high=high,
        kappa=None if kappa is None else kappa.value,
        kappa_low=None if kappa is None else kappa.low,
        kappa_high=None if kappa is None else kappa.high,
        label_error=error,
        label_error_low=best,
        label_error_high=worst,
        ece_floor=ece_through(error, design),
    )


def sure_pairs(answers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs of answers without `unsure`."""
    return [pair for pair in answers if "unsure" not in pair]


def ece_through(error: float, design: Design) -> float:
    """The ECE that a perfect mapping shows through labels that are wrong with chance `error`.

    There the accuracy a reads a(1 − 2ε) + ε, which is |1 − 2a|ε away.
    """
    return float(error * (design.mass @ np.abs(1 - 2 * design.served_mean)))
