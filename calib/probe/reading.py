"""From replies to what each question came to, and how many could not be read. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calib.db.probes import QuestionOutcome, Stored
from calib.elicit import Reply, aggregate, read_reply, same_choice, same_number, same_text
from calib.elicit.answers import Same
from calib.probe.questions import Question

SAME: dict[str, Same] = {"text": same_text, "number": same_number, "choice": same_choice}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReplies:
    """`outcomes` of the questions that could be read; replies without an answer or a confidence, by reason.

    `served`: how many replies each model says it wrote.
    """

    outcomes: tuple[QuestionOutcome, ...]
    unread: dict[str, int]
    served: dict[str, int]


def read(questions: Sequence[Question], replies: Sequence[Stored], *, match: str) -> ReadReplies:
    """Read every reply and aggregate those to one question; `match` names the equality of answers."""
    same = SAME[match]
    by_question: dict[str, list[Reply]] = defaultdict(list)
    unread: Counter[str] = Counter()
    for stored in replies:
        reply = read_reply(stored.text)
        by_question[stored.question_id].append(reply)
        if reply.answer is None:
            unread["no_answer"] += 1
        elif reply.confidence.reason is not None:
            unread[reply.confidence.reason] += 1
    outcomes = []
    for question in questions:
        summary = aggregate(by_question.get(question.id, []), same=same)
        if summary.answer is not None and summary.confidence is not None:
            correct = same(summary.answer, question.answer)
            outcomes.append(
                QuestionOutcome(
                    question_id=question.id,
                    question_digest=question.digest,
                    correct=correct,
                    confidence=summary.confidence,
                )
            )
    served = Counter(stored.model for stored in replies)
    return ReadReplies(
        outcomes=tuple(outcomes), unread=dict(sorted(unread.items())), served=dict(sorted(served.items()))
    )


def paired(now: Sequence[QuestionOutcome], before: Sequence[QuestionOutcome]) -> tuple[np.ndarray, ...]:
    """The questions that are the same on both sides: confidence and correctness before, then now."""
    then = {(o.question_id, o.question_digest): o for o in before}
    pairs = [(then[key], o) for o in now if (key := (o.question_id, o.question_digest)) in then]
    return tuple(
        np.array(values, dtype=np.float64)
        for values in (
            [o.confidence for o, _ in pairs],
            [o.correct for o, _ in pairs],
            [o.confidence for _, o in pairs],
            [o.correct for _, o in pairs],
        )
    )
