"""Whether what came in can be read: the rows of a window when it opens, its outcomes when it closes. Pure.

What is left out must not decide by leaving. A limit stands before the sample, the change test, the refit and
publishing; see `calib/rejects.py` for the kinds that it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from calib.policy import MAX_REJECTED, USUAL_BELOW
from calib.reasons import Reason
from calib.rejects import UNREADABLE, beyond, rows_in_scope, scale_of, unreadable
from calib.review.cohort import Cohort
from calib.traffic import Survey

ANSWERS_LEFT_OUT = "not_an_answer"  # drawn rows whose outcome is a word that is not known
ROWS_GONE = "not_found"  # drawn rows that the traffic no longer holds
OF_LABELS = (ANSWERS_LEFT_OUT, ROWS_GONE)  # counts of drawn rows, which are part of the population


class Seen(Protocol):
    """What a survey says of the confidences that count, as `calib.traffic.Survey` has it."""

    @property
    def unscaled(self) -> int: ...
    @property
    def greatest(self) -> float | None: ...


def rows_unreadable(
    population: int,
    rejected: Mapping[str, int],
    seen: Seen,
    *,
    limit: float,
    scale: float,
    looks: Mapping[str, str],
) -> Reason | None:
    """Why the rows of a window cannot carry a verdict, whatever their labels; None where they can.

    `limit`: the share of rows that may be unreadable. `looks`: what the values of a kind look like.
    """
    if beyond(population, rejected, limit):
        return Reason(
            "too_many_rejected",
            {
                "unreadable": unreadable(rejected),
                "rows": rows_in_scope(population, rejected),
                "kinds": kinds(rejected),
                "limit": limit,
                "looks": _looks(looks),
            },
        )
    if not population or scale == 1:
        return None
    if seen.greatest is not None and seen.greatest * scale <= 1:
        return Reason("scale_not_reached", {"rows": population, "scale": scale})
    if seen.unscaled > max(limit, USUAL_BELOW / scale) * population:
        return Reason("scale_of_a_part", {"unscaled": seen.unscaled, "rows": population, "scale": scale})
    return None


def outcomes_unreadable(cohort: Cohort, unknown: int) -> Reason | None:
    """Why outcomes in words that are not known, `unknown` of them, keep the others from being used."""
    drawn, correct = len(cohort.correct), cohort.correct[cohort.labelled]
    if not unknown:
        return None
    if unknown > MAX_REJECTED * drawn:
        return Reason("unknown_outcomes", {"unknown": unknown, "drawn": drawn, "limit": MAX_REJECTED})
    if len(correct) and bool(np.all(correct == correct[0])):
        word = "right" if correct[0] == 1 else "wrong"
        return Reason(
            "one_class_beside_unknown", {"unknown": unknown, "labels": len(correct), "answer": word}
        )
    return None


def kinds(rejected: Mapping[str, int]) -> str:
    """The kinds of rows that cannot be read, in words.

    >>> kinds({"missing": 7, "out_of_range": 1200})
    '1,200 out of range'
    """
    return ", ".join(
        f"{rejected[kind]:,} {kind.replace('_', ' ')}" for kind in UNREADABLE if rejected.get(kind)
    )


def look_of_numbers(survey: Survey) -> dict[str, str]:
    """What the numbers out of range look like; empty where there are none but infinite ones."""
    if survey.outside is None:
        return {}
    low, high = survey.outside
    numbers = f"numbers from {low:.6g} to {high:.6g}" if low < high else f"the number {low:.6g}"
    many = survey.rejected["out_of_range"] > MAX_REJECTED * rows_in_scope(survey.population, survey.rejected)
    scale = scale_of(low, high) if many else None
    hint = "" if scale is None else f", as of confidences out of {scale:g}"
    return {"out_of_range": numbers + hint}


def _looks(looks: Mapping[str, str]) -> str:
    parts = [f"{kind.replace('_', ' ')}: {look}" for kind, look in looks.items()]
    return f" ({'; '.join(parts)})" if parts else ""
