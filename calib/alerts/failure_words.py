"""The words about work that failed: of one stream, or of all that need the same thing outside. Pure."""

from __future__ import annotations

from calib.alerts.watchdog import DEPLOYMENT
from calib.alerts.words import NOTHING_TONIGHT, TO_DO, WHAT, WHERE, Parts, Said, Titled, Told
from calib.json_object import Json
from calib.wording.numbers import counted

CAUSES = {  # of `stream_failed`; see calib/alerts/failure.py
    "input": "Its settings or its data are wrong. It fails again until they are corrected.",
    "artifact": "A mapping or an entry of its channel is damaged, or not the one asked for, and is not used.",
    "store": "The store of mappings could not be reached or refused.",
    "source": "Its traffic or the database could not be reached or read.",
    "endpoint": "The endpoint of its model gave no reply.",
    "review": "Label Studio could not be reached or refused.",
    "machine": "The machine refused a file or a connection.",
    "unexpected": "The error was not foreseen: it may be a fault of calibwatch.",
}
NAMED = 12  # streams that a message names; the others are counted
TITLE = "the work on it failed"
NO_TEXT = "Its text is not shown here, because it may quote the data."


def stream_failed(told: Told) -> Said:
    """The work on a stream or a probe ended with an error, or that on all which need one thing outside."""
    if "streams" in told.facts:
        return _outside_failed(told)
    facts, stream, verb = told.facts, told.stream, told.facts["verb"]
    parts = Parts()
    parts.add(
        WHAT,
        f"{CAUSES[facts['cause']]} The kind of the error is {facts['error']}. {NO_TEXT} "
        "Further failures of the same day are not reported again.",
    )
    check = "`calib check` tries every connection and column."
    if verb is None:
        parts.add(TO_DO, f"{check[:-1]}, and shows what is wrong.")
    else:
        whose = "" if stream == DEPLOYMENT else f" {stream}"
        parts.add(TO_DO, f"`calib {verb}{whose}` repeats the work and shows the whole error. {check}")
    return Said(title=TITLE, tonight=NOTHING_TONIGHT, parts=parts.done())


def _outside_failed(told: Told) -> Said:
    facts, streams = told.facts, told.facts["streams"]
    named = ", ".join(streams[:NAMED])
    more = f" and {len(streams) - NAMED} more" if len(streams) > NAMED else ""
    failed = f"`calib {facts['verb']}` failed on {counted(len(streams), 'stream')} because of it"
    parts = Parts()
    parts.add(
        WHAT,
        f"{_subject(facts)} could not be reached, or refused. {failed}. The kind of the error is "
        f"{facts['error']}. {NO_TEXT}",
        "Whatever else fails because of it on this day is not reported again. When a later run does not meet "
        "this failure any more, that is said beside this message.",
    )
    parts.add(WHERE, f"{named}{more}.")
    parts.add(
        TO_DO,
        "`calib check` tries every connection. When it works, "
        f"`calib {facts['verb']}` repeats the work on all streams; so does its next scheduled run.",
    )
    return Said(
        title=f"the work on {counted(len(streams), 'stream')} failed for one cause",
        tonight=NOTHING_TONIGHT,
        parts=parts.done(),
    )


def works_again(facts: Json) -> Said:
    """The line beside it, once a run did not meet the failure any more."""
    title = f"{_subject(facts)} works again: `calib {facts['verb']}` did not fail because of it any more."
    return Said(title=title, tonight="", quiet=True)


def _subject(facts: Json) -> str:
    place = facts["place"]
    words = {
        "store": "the store of mappings",
        "source": "the database",
        "review": "Label Studio",
        "endpoint": "the endpoint",
        "machine": "the machine with its files and connections",
    }
    if place is None:
        return _capital(words.get(facts["cause"], "something outside"))
    if facts["cause"] == "source":
        return _capital(f"the source {place}")
    return _capital(f"{words.get(facts['cause'], 'the place')} {place}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


WORDS = {"stream_failed": Titled(TITLE, stream_failed)}
