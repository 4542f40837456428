"""The words that sum a backfill up. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calib.alerts.alert import BACKFILL_DONE
from calib.alerts.words import (
    DONE,
    HOW_BAD,
    NOTHING_TONIGHT,
    PRODUCTION,
    TO_DO,
    WHAT,
    Parts,
    Said,
    Titled,
    Told,
    sentence,
)
from calib.json_object import Json
from calib.wording.numbers import counted

OUTCOMES = {  # in this order; see calib/alerts/backfill.py
    "evaluated": "evaluated",
    "too_few": "too few labels for a verdict",
    "empty": "no row",
    "unreadable": "rows that cannot be read",
    "waiting": "waiting for labels",
}
NO_VERDICT = {  # why such a period may have a verdict later
    "unreadable": "the rows are correct now",
    "empty": "rows came late",
    "too_few": "labels came late",
}
MOST_NAMES = 6


def backfill_done(told: Told) -> Said:
    """All periods of a range were watched."""
    facts = told.facts
    outcomes: Mapping[str, Sequence[str]] = facts["outcomes"]
    total = sum(map(len, outcomes.values()))
    parts = Parts()
    parts.add(
        WHAT,
        f"{counted(total, 'period')} from {facts['first']} to {facts['last']} went through the cycle.",
        *(_counted_outcome(words, outcomes[name]) for name, words in OUTCOMES.items() if name in outcomes),
        "Periods without a verdict raise no alerts of their own."
        if any(name in outcomes for name in NO_VERDICT)
        else None,
    )
    parts.add(HOW_BAD, *_changes(facts))
    parts.add(DONE, *_published(facts))
    parts.add(TO_DO, *_steps(told.stream, facts, outcomes))
    title = f"the backfill from {facts['first']} is done"
    return Said(title=title, tonight=NOTHING_TONIGHT, parts=parts.done())


def named(periods: Sequence[str]) -> str:
    """The first of these periods by name, and how many more there are.

    >>> named(["2026-01", "2026-02"])
    '2026-01, 2026-02'
    """
    more = f" and {len(periods) - MOST_NAMES} more" if len(periods) > MOST_NAMES else ""
    return ", ".join(periods[:MOST_NAMES]) + more


def _counted_outcome(words: str, periods: Sequence[str]) -> str:
    names = "" if words == OUTCOMES["evaluated"] else f" ({named(periods)})"
    return sentence(f"{words}: {len(periods):,}{names}")


def _changes(facts: Json) -> list[str]:
    if "evaluated" not in facts["outcomes"]:
        return ["No period could be evaluated: nothing is known of changes."]
    if not facts["degraded"] and not facts["changed"]:
        return ["No change was detected."]
    sentences = []
    if facts["degraded"]:
        sentences.append(
            f"A degradation was detected in {named(facts['degraded'])}; "
            "each such period has an alert of its own."
        )
    if facts["changed"]:
        sentences.append(f"The accuracies changed in {named(facts['changed'])} without a degradation.")
    return sentences


def _published(facts: Json) -> list[str]:
    sentences = [
        f"{counted(n, 'mapping was', 'mappings were')} published on {channel}, "
        + ("which serves." if channel == PRODUCTION else "which nobody is served from.")
        for channel, n in facts["published"].items()
    ]
    if facts["newest"] is None:
        return ["No mapping was published."]
    newest = facts["newest"]
    sentences.append(f"The newest is {newest['mapping'][:12]}, of {newest['period']}.")
    return sentences


def _steps(stream: str, facts: Json, outcomes: Mapping[str, Sequence[str]]) -> list[str]:
    steps = []
    newest = facts["newest"]
    if newest is not None and newest["channel"] != PRODUCTION:
        steps.append(
            f"If the newest mapping should replace what {PRODUCTION} serves now: "
            f"`calib mapping promote {stream} {newest['mapping'][:12]}`."
        )
    if "waiting" in outcomes:
        steps.append(
            f"The daily evaluation takes the periods that wait on as their labels come; `calib evaluate "
            f"{stream}` does it at once."
        )
    if "empty" in outcomes or "unreadable" in outcomes:
        steps.append("`calib check` shows what the traffic holds, and what of it cannot be read.")
    for name, reason in NO_VERDICT.items():
        if name in outcomes:
            period = outcomes[name][0]
            steps.append(
                f'Once the cause is mended, `calib window reopen {stream} {period} --reason "{reason}"` '
                f"reads {period} anew, and `calib evaluate {stream}` evaluates it; the same for the others."
            )
            break
    steps.append(f"`calib history {stream}` shows every period with its verdict.")
    return steps


WORDS = {BACKFILL_DONE: Titled("a backfill is done", backfill_done)}
