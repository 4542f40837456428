"""Agreement of reviewers, and what their errors do to the verdict, in words."""

from __future__ import annotations

from calib.results.response import AgreementResult, LabelErrorResult
from calib.wording.numbers import number, percent


def kappa_words(agreement: AgreementResult) -> str:
    """Cohen's kappa as the end of a sentence; empty where all answers are one word.

    >>> kappa_words(AgreementResult(rows=50, kappa=0.712, kappa_low=0.4, kappa_high=0.88))
    ", Cohen's kappa 0.712 (0.400 to 0.880)"
    """
    if agreement.kappa is None:
        return ""
    spread = f"{number(agreement.kappa_low)} to {number(agreement.kappa_high)}"
    return f", Cohen's kappa {number(agreement.kappa)} ({spread})"


def label_error_sentences(error: LabelErrorResult) -> list[str]:
    """What wrong labels do to the verdict; nothing where they do nothing."""
    sentences = []
    if error.now is not None and error.shown < 1:
        sentences.append(
            f"About {percent(error.now)} of the labels are wrong, so that they show only "
            f"{percent(error.shown)} of a rise of the ECE. The verdict takes that into account."
        )
    if error.explains:
        sentences.append(disagreement_sentence(error))
    return sentences


def disagreement_sentence(error: LabelErrorResult) -> str:
    """That people who differ more often than before make the whole rise that was proven (`explains`)."""
    return (
        f"People differ more often than before: about {percent(error.now)} of the labels are wrong, before "
        f"{percent(error.before)}. That alone makes the ECE rise by {number(error.alone)}, which is as much "
        "as was proven. Look at the disagreements and the guidelines first."
    )
