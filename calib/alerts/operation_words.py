"""The words about the operation: what did not happen, what expires. Pure."""

from __future__ import annotations

from datetime import datetime

from calib.alerts.watchdog_words import probe_missed
from calib.alerts.words import (
    HOW_BAD,
    NOTHING_TONIGHT,
    PRODUCTION,
    TO_DO,
    WHAT,
    Parts,
    Said,
    Titled,
    Told,
)
from calib.wording.numbers import counted


def window_missed(told: Told) -> Said:
    """A period has ended and settled, and nobody opened its window; or a probe was not asked."""
    if told.facts.get("of") == "probe":
        return probe_missed(told)
    stream, period = told.stream, told.period
    parts = Parts()
    parts.add(
        WHAT,
        f"No window was opened for {period}; it could have been opened since {told.facts['due'][:10]}. "
        "The daily schedule did not run, or failed.",
    )
    parts.add(
        TO_DO,
        f"`calib run {stream} --period {period}` makes up for it.",
        f"If there was no traffic at all, `calib backfill {stream} --from {period} --to {period} --channel "
        f"{PRODUCTION}` notes the period as empty.",
        "Then see why the schedule did not run.",
    )
    return Said(title="a period was not watched", tonight=NOTHING_TONIGHT, parts=parts.done())


def mapping_stale(told: Told) -> Said:
    """A mapping expires soon, or has expired."""
    facts, stream = told.facts, told.stream
    expires_at = datetime.fromisoformat(facts["expires_at"])
    raised_at = datetime.fromisoformat(facts["now"]) if "now" in facts else None
    days = None if raised_at is None else (expires_at - raised_at).total_seconds() / 86_400
    name = f"The mapping {facts['mapping'][:12]} on {facts['channel']}"
    parts = Parts()
    if days is not None and days <= 0:
        title = "the mapping has expired"
        past = "today" if days > -1 else f"{counted(int(-days), 'day')} ago"
        parts.add(WHAT, f"{name} expired at {expires_at:%Y-%m-%d %H:%M} UTC, {past}.")
        tonight = "Clients say STALE and `decide` acts on nothing until the mapping is renewed."
    else:
        title = "the mapping is about to expire"
        left = "" if days is None else f", in {counted(max(1, int(days)), 'day')}"
        parts.add(WHAT, f"{name} expires at {expires_at:%Y-%m-%d %H:%M} UTC{left}.")
        parts.add(HOW_BAD, "From then on clients say STALE and `decide` acts on nothing.")
        tonight = NOTHING_TONIGHT
    parts.add(
        TO_DO,
        f"`calib sample {stream}` opens the window that is due, `calib evaluate {stream}` closes it, and "
        "that renews or replaces the mapping. Then see why the schedules did not run.",
        "If you know that the mapping is still right, "
        f'`calib mapping promote {stream} {facts["mapping"][:12]} --reason "still right"` renews it at once.',
    )
    return Said(title=title, tonight=tonight, parts=parts.done())


WORDS = {
    "window_missed": Titled("a period was not watched", window_missed),
    "mapping_stale": Titled("the mapping expires", mapping_stale),
}
