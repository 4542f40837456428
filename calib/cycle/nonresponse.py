"""Who answered: response by stratum, what missing answers could change, how far reviewers agree. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calib.cycle.design import Design
from calib.measure import GRID, wilson
from calib.policy import EVENNESS_LEAST_DRAWN, LEAST_EVENNESS, LEAST_RESPONSE, VERDICT_LEAST_LABELS
from calib.reasons import Reason
from calib.results.window import AgreementResult, ResponseResult, StratumResponse
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
    sure = [pair for pair in answers if "unsure" not in pair]
    if not sure:
        return AgreementResult()
    n, same = len(sure), sum(a == b for a, b in sure)
    low, high = (float(end[0]) for end in wilson(np.array([same / n]), np.array([float(n)])))
    error, worst, best = (_error(1 - share) for share in (same / n, low, high))
    mass, served = design.mass, design.served_mean
    return AgreementResult(
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
