"""The words of the watchdog's alerts about the deployment as a whole, and about probes. Pure."""

from __future__ import annotations

from calib.alerts.words import (
    HOW_BAD,
    NOTHING_TONIGHT,
    SINCE_WHEN,
    TO_DO,
    WHAT,
    Parts,
    Said,
    Titled,
    Told,
)
from calib.wording.numbers import counted

HOW_OFTEN = {300: "every five minutes", 86_400: "daily"}


def job_missed(told: Told) -> Said:
    """A scheduled job does not come to its end any more."""
    facts = told.facts
    job, often = facts["job"], HOW_OFTEN.get(facts["every"], f"every {facts['every']:,} seconds")
    parts = Parts()
    parts.add(WHAT, f"`calib {job}` should run {often}, and does not come to its end.")
    since = f"{facts['since'][:16].replace('T', ' ')} UTC"
    parts.add(
        SINCE_WHEN,
        f"It last came to its end at {since}."
        if facts["ran"]
        else f"It has never run since it was expected, {since}.",
    )
    parts.add(
        TO_DO,
        f"`calib {job}` does its work now and shows what is wrong.",
        "Then see why its schedule does not: its line in `crontab -l`, or its deployment in Prefect and the "
        "worker.",
    )
    return Said(title="a scheduled job does not run", tonight=_until_then(job), parts=parts.done())


def _until_then(job: str) -> str:
    if job == "relay":
        return "Until it runs, alerts reach nobody. Run it tonight."
    return NOTHING_TONIGHT


def store_unsafe(told: Told) -> Said:
    """The store takes other bytes for an object that is there."""
    parts = Parts()
    parts.add(
        WHAT,
        f"{told.facts['store']} took other bytes for the object calibwatch-check.json, which was "
        "there already.",
    )
    parts.add(
        HOW_BAD,
        "Two runs that publish at once could both believe that they won, and a mapping that is served could "
        "be replaced by another one.",
    )
    parts.add(
        TO_DO,
        "`calib check` tries it again. Until the store refuses, publish from one place at a time; "
        "use a store "
        "that honours If-None-Match, or a newer version of its server.",
    )
    return Said(
        title="the store overwrites what it should keep",
        tonight="Nothing has to be done tonight, unless two machines publish.",
        parts=parts.done(),
    )


def alerts_parked(told: Told) -> Said:
    """Alerts have reached nobody."""
    facts = told.facts
    parts = Parts()
    parked, waiting = int(facts["parked"]), int(facts["waiting"])
    parts.add(
        WHAT,
        f"{counted(parked, 'alert')} could not be delivered and {'is' if parked == 1 else 'are'} parked."
        if parked
        else None,
        f"{counted(waiting, 'alert')} {'has' if waiting == 1 else 'have'} waited for more than a day."
        if waiting
        else None,
    )
    parts.add(SINCE_WHEN, f"The oldest is of {facts['oldest'][:10]}.")
    parts.add(
        TO_DO,
        "`calib alerts list` shows them with the reason. Correct what it names; `calib check` says when it "
        "works. Then they go out by themselves with the next relay, or at once: `calib alerts "
        "resend --parked` "
        "and `calib relay`.",
    )
    return Said(
        title="alerts have reached nobody",
        tonight="Read the list now: one of them may need somebody tonight.",
        parts=parts.done(),
    )


def probe_missed(told: Told) -> Said:
    """A probe was not asked, or not to its end."""
    due = told.facts["due"][:10]
    parts = Parts()
    parts.add(
        WHAT,
        f"Questions were asked, and the run has not ended; it should have by {due}."
        if told.facts["hung"]
        else f"Its questions were not asked; they should have been by {due}.",
    )
    parts.add(TO_DO, f"`calib probe {told.stream}` asks them now. Then see why its schedule did not.")
    return Said(title="a probe was not asked", tonight=NOTHING_TONIGHT, parts=parts.done())


WORDS = {
    "job_missed": Titled("a scheduled job does not run", job_missed),
    "store_unsafe": Titled("the store overwrites what it should keep", store_unsafe),
    "alerts_parked": Titled("alerts have reached nobody", alerts_parked),
}
