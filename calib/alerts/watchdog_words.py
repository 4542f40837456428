"""Alerts of the watchdog about the deployment as a whole, and about probes, in words. Pure."""

from __future__ import annotations

from calib.json_object import Json

TITLES = {
    "job_missed": "a scheduled job does not run",
    "store_unsafe": "the store overwrites what it should keep",
    "alerts_parked": "alerts have reached nobody",
}
HOW_OFTEN = {300: "every five minutes", 86_400: "daily"}
WHY_UNSAFE = (
    "Two runs that publish at once could both believe that they won, and a mapping that is served could be "
    "replaced by another one."
)


def job_line(facts: Json) -> str:
    """Which job did not run, and since when."""
    often = HOW_OFTEN.get(facts["every"], f"every {facts['every']:,} seconds")
    since = f"{facts['since'][:16].replace('T', ' ')} UTC"
    if facts["ran"]:
        return f"`calib {facts['job']}` should run {often}, and last came to its end at {since}."
    return f"`calib {facts['job']}` should run {often}, and has never run since it was expected, {since}."


def unsafe_line(facts: Json) -> str:
    """That the store does not refuse, and why that matters."""
    return (
        f"{facts['store']} took other bytes for the object calibwatch-check.json, which was there already. "
        f"{WHY_UNSAFE}"
    )


def parked_line(facts: Json) -> str:
    """How many alerts nobody has."""
    parts = []
    if facts["parked"]:
        parts.append(f"Given up until somebody acts: {facts['parked']}")
    if facts["waiting"]:
        parts.append(f"waiting for more than a day: {facts['waiting']}")
    listed = ", ".join(parts)
    return f"{listed[:1].upper()}{listed[1:]}. The oldest is of {facts['oldest'][:10]}."


def probe_missed_line(facts: Json) -> str:
    """That a probe was not asked, or not to its end."""
    if facts["hung"]:
        return f"Questions were asked, and the run has not ended; it should have by {facts['due'][:10]}."
    return f"Its questions were not asked; they should have been by {facts['due'][:10]}."


def watchdog_step(kind: str, stream: str, facts: Json) -> str | None:
    """What to do about an alert of this file; None for any other."""
    if kind == "job_missed":
        return (
            f"What to do: `calib {facts['job']}` does its work now and shows what is wrong. Then see why its "
            "schedule does not: its line in `crontab -l`, or its deployment in Prefect and the worker"
        )
    if kind == "store_unsafe":
        return (
            "What to do: `calib check` tries it again. Until it refuses, publish from one place at a time; "
            "use a store that honours If-None-Match, or a newer version of its server"
        )
    if kind == "alerts_parked":
        return (
            "What to do: `calib check` shows whether they can be delivered, `calib alerts list` why they "
            "were not, and `calib alerts resend` sends them"
        )
    if kind == "window_missed" and facts.get("of") == "probe":
        return f"What to do: `calib probe {stream}` asks them now; then see why its schedule did not"
    return None
