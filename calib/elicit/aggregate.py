"""Many replies to one question: the answer that they agree on, and how far that can be trusted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from calib.elicit.answers import Reply, Same, read_reply, same_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Replies with the same answer; `confidence` is the mean of those stated, None where none was."""

    answer: str
    replies: int
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """What replies to one question say together.

    `agreement`: the share of the answers that are `answer`. `confidence`: `agreement` times the mean
    confidence stated with it, so that a reply with another answer adds nothing; None where none was stated.
    `disagreement`: the chance that two different replies answer differently, which does not depend on how
    many were asked; None below two answers. `groups`, largest first; `replies`, `answered` and `stated` count
    what came, what had an answer and what also stated a confidence.
    """

    answer: str | None
    confidence: float | None
    agreement: float | None
    disagreement: float | None
    replies: int
    answered: int
    stated: int
    groups: tuple[Group, ...]


def aggregate(replies: Iterable[str | Reply], *, same: Same = same_text) -> Aggregate:
    """Group the replies by their answers, and take the largest group.

    `same` says whether two answers are one; answers that a chain of equals connects are one group, so that
    the order of the replies does not matter. Of groups of one size the one that states more confidence is
    taken, then the first in alphabetical order.

    >>> replies = ["Answer: Vienna\\nConfidence: 0.9", "Answer: vienna\\nConfidence: 0.7", "Answer: Graz"]
    >>> found = aggregate(replies)
    >>> found.answer, round(found.agreement, 3), round(found.confidence, 3), round(found.disagreement, 3)
    ('Vienna', 0.667, 0.533, 0.667)
    """
    read = [read_reply(reply) if isinstance(reply, str) else reply for reply in replies]
    answered = [reply for reply in read if reply.answer is not None]
    groups = sorted((_group(members) for members in _alike(answered, same)), key=_order)
    best, n = groups[0] if groups else None, len(answered)
    agreement = best.replies / n if best else None
    stated = best.confidence if best else None
    return Aggregate(
        answer=best.answer if best else None,
        confidence=None if agreement is None or stated is None else agreement * stated,
        agreement=agreement,
        disagreement=None if n < 2 else 1 - sum(g.replies * (g.replies - 1) for g in groups) / (n * (n - 1)),
        replies=len(read),
        answered=n,
        stated=sum(reply.confidence.value is not None for reply in answered),
        groups=tuple(groups),
    )


def _alike(replies: list[Reply], same: Same) -> list[list[Reply]]:
    """Connected groups; equal texts are compared once."""
    groups: list[list[Reply]] = []
    texts: dict[str, list[Reply]] = {}
    for reply in replies:
        texts.setdefault(reply.answer or "", []).append(reply)
    for text, members in texts.items():
        touching = [g for g in groups if any(same(text, other) for other in {r.answer or "" for r in g})]
        merged = [*members, *(reply for group in touching for reply in group)]
        groups = [group for group in groups if group not in touching] + [merged]
    return groups


def _group(members: list[Reply]) -> Group:
    values = [reply.confidence.value for reply in members if reply.confidence.value is not None]
    answers = Counter(reply.answer or "" for reply in members)
    usual = min(answers, key=lambda answer: (-answers[answer], answer))
    return Group(
        answer=usual,
        replies=len(members),
        confidence=math.fsum(values) / len(values) if values else None,
    )


def _order(group: Group) -> tuple[float, float, str]:
    return -group.replies, -(group.confidence or 0.0), group.answer
