"""Notes: lines that are no alerts. A person acted during an episode, or a period had no finding. Pure."""

from __future__ import annotations

from calib.alerts.alert import NOTE, Alert
from calib.alerts.failure_words import works_again
from calib.alerts.words import Said, Told
from calib.json_object import Json
from calib.results import EceInterval, WindowResult
from calib.wording.numbers import interval

DID = {
    "rollback": "rolled production back to the mapping {mapping}",
    "promote": "promoted the mapping {mapping} to production",
    "publish": "published the mapping {mapping} on production",
    "withdraw": "withdrew production: clients say UNCALIBRATED and act on nothing. The episode has ended",
    "close": "closed the episode by hand",
    "acknowledge": "has seen this and takes care of it",
}


def person_acted(
    what: str,
    *,
    stream: str,
    period: str,
    by: str,
    reason: str,
    key: str,
    episode: str | None = None,
    about: str | None = None,
    mapping: str | None = None,
) -> Alert:
    """A person did something that belongs into the thread of an episode, or of one alert (`about`).

    `what` is a key of `DID`; `key` tells this deed from others of the same period.
    """
    facts = {"key": key, "did": what, "by": by, "reason": reason, "mapping": mapping}
    return Alert(
        kind=NOTE,
        stream=stream,
        period=period,
        severity="good",
        facts=facts,
        episode=episode,
        about=about,
    )


def quiet_line(result: WindowResult) -> Alert:
    """A period without any finding, in one line."""
    served = result.served
    facts: Json = {
        "key": f"quiet/{result.revision}",
        "state": result.change.state,
        "labels": result.labels.n,
        "ece": served.ece,
        "low": served.low,
        "high": served.high,
    }
    return Alert(
        kind=NOTE,
        stream=result.stream,
        period=result.period,
        severity="good",
        facts=facts,
        revision=result.revision,
    )


def note_words(told: Told) -> Said:
    """The line."""
    facts = told.facts
    if "works" in facts:
        return works_again(facts)
    if "did" in facts:
        did = DID[facts["did"]].format(mapping=(facts["mapping"] or "")[:12])
        why = f": {facts['reason']}" if facts["reason"] else ""
        return Said(title=f"{facts['by']} {did}{why}.", tonight="", quiet=True)
    measured = EceInterval(ece=facts["ece"], low=facts["low"], high=facts["high"])
    state = {
        "stable": "stable",
        "no_change_seen": "no change detected",
        "changed": "changed by too little to matter",
        "first": "measured for the first time",
    }.get(str(facts["state"]), "no finding")
    off = f"the served confidence is off by {interval(measured)} on average"
    return Said(title=f"{state}; {off} ({facts['labels']:,} labels).", tonight="", quiet=True)
