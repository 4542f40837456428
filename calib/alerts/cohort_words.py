"""The words about a window's cohort, for those who label and, when it is late, for who operates. Pure."""

from __future__ import annotations

from datetime import datetime

from calib.alerts.words import NOTHING_TONIGHT, SINCE_WHEN, TO_DO, WHAT, Parts, Said, Titled, Told
from calib.json_object import Json
from calib.wording.numbers import counted


def cohort_opened(told: Told) -> Said:
    """Rows wait for answers."""
    parts = Parts()
    parts.add(WHAT, f"{_rows(told.facts)} for an answer until {_until(told.facts)}.")
    parts.add(TO_DO, how_to_label(told))
    return Said(title="there is something to label", tonight=NOTHING_TONIGHT, parts=parts.done())


def cohort_closing(told: Told) -> Said:
    """Answers count for a short time more."""
    parts = Parts()
    parts.add(WHAT, f"{_rows(told.facts)} for an answer. Answers count until {_until(told.facts)}.")
    parts.add(TO_DO, how_to_label(told))
    return Said(title="labelling closes soon", tonight=NOTHING_TONIGHT, parts=parts.done())


def cohort_late(told: Told) -> Said:
    """A window should be closed, and is not."""
    facts = told.facts
    missing = int(facts.get("missing", 0))
    parts = Parts()
    parts.add(
        WHAT,
        "Nothing has closed this window: the daily evaluation did not run, or failed.",
        f"{_rows(facts)} for an answer." if missing else None,
    )
    parts.add(SINCE_WHEN, f"The labels were due by {_until(facts)}.")
    label = None
    if not facts.get("by_itself", False) and (missing or "missing" not in facts):
        label = f"To label more before that: {how_to_label(told)}"
    parts.add(
        TO_DO,
        f"`calib evaluate {told.stream}` closes it with the labels that there are.",
        label,
        "Then see why the schedule did not run.",
    )
    return Said(title="a window is not closed in time", tonight=NOTHING_TONIGHT, parts=parts.done())


def how_to_label(told: Told) -> str:
    """Where the rows wait: a page, a project in Label Studio, or a file."""
    facts, page, stream = told.facts, told.facts.get("page"), told.stream
    sheet = (
        f"`calib labels export {stream} --to todo.csv` writes them into a file, "
        f"`calib labels import todo.csv --stream {stream}` reads the answers."
    )
    if facts.get("project"):
        return f"Open {page} and label in the project {facts['project']}."
    if page:
        return f"Open {page}."
    if facts.get("review") == "builtin":
        return f"`calib web` shows them on a page of this machine. Or by file: {sheet}"
    return sheet


def _rows(facts: Json) -> str:
    missing = int(facts["missing"])
    return f"{counted(missing, 'row')} {'waits' if missing == 1 else 'wait'}"


def _until(facts: Json) -> str:
    return f"{datetime.fromisoformat(facts['closes_at']):%Y-%m-%d %H:%M} UTC"


WORDS = {
    "cohort_opened": Titled("there is something to label", cohort_opened),
    "cohort_closing": Titled("labelling closes soon", cohort_closing),
    "cohort_late": Titled("a window is not closed in time", cohort_late),
}
