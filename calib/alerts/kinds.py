"""The words of every kind of alert: one table, one entry for each kind.

A new kind needs an entry here, from a table `WORDS` of its own beside it, a heading in
docs/how-to/runbook.md, and a test that runs the commands that its words name. Pure.
"""

from __future__ import annotations

from calib.alerts import (
    backfill_words,
    cohort_words,
    evidence_words,
    failure_words,
    operation_words,
    probe_words,
    verdict_words,
    watchdog_words,
)
from calib.alerts.alert import NOTE
from calib.alerts.note import note_words
from calib.alerts.words import TO_DO, WHAT, Parts, Said, Titled, Told
from calib.json_object import Json
from calib.text import one_line

KINDS: dict[str, Titled] = {
    **verdict_words.WORDS,
    **evidence_words.WORDS,
    **operation_words.WORDS,
    **failure_words.WORDS,
    **watchdog_words.WORDS,
    **cohort_words.WORDS,
    **backfill_words.WORDS,
}


def say(payload: Json) -> Said:
    """What a stored alert says.

    An alert that calibwatch 0.1.0 stored brings its words along; one of a kind that only a newer version
    knows is told with its kind alone.
    """
    told = Told(
        kind=payload["kind"], stream=payload["stream"], period=payload["period"], facts=payload["facts"]
    )
    if told.kind == NOTE:
        return note_words(told)
    if "what" in told.facts:
        return _old_words(told)
    if "probe" in told.facts:
        return probe_words.words(told)
    return KINDS[told.kind].words(told) if told.kind in KINDS else _unknown(told)


def _old_words(told: Told) -> Said:
    parts = Parts()
    parts.add(WHAT, told.facts["what"])
    known = KINDS.get(told.kind)
    step = told.facts.get("next") or f"`calib alerts list` shows all alerts of {told.stream}."
    parts.add(TO_DO, step)
    title = known.title if known else one_line(told.kind).replace("_", " ")
    return Said(title=title, tonight="", parts=parts.done())  # it did not say how urgent it is


def _unknown(told: Told) -> Said:
    parts = Parts()
    parts.add(
        WHAT, "A newer version of calibwatch raised this; the one that delivers it has no words for it."
    )
    parts.add(TO_DO, "Upgrade calibwatch where the relay runs. `calib alerts list` shows all alerts.")
    return Said(title=one_line(told.kind).replace("_", " "), tonight="", parts=parts.done())
