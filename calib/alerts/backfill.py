"""The one alert that sums a backfill up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from calib.alerts.alert import BACKFILL_DONE, Alert, Severity
from calib.alerts.episodes import is_degraded
from calib.json_object import Json
from calib.reasons import UNREADABLE
from calib.results import WindowResult


def backfill_done(stream: str, results: Sequence[WindowResult], *, channel: str) -> Alert:
    """What a backfill of these periods found; `results`: at least one, in time order.

    Once for the same stream, first and last period, and channel.
    """
    first, last = results[0].period, results[-1].period
    outcomes: dict[str, list[str]] = {}
    for result in results:
        outcomes.setdefault(_outcome(result), []).append(result.period)
    degraded = [result.period for result in results if is_degraded(result)]
    changed = [r.period for r in results if r.change.confirmed and not is_degraded(r)]
    published = [r for r in results if publishes(r)]
    newest = published[-1] if published else None
    facts: Json = {
        "key": key(first, channel),
        "first": first,
        "last": last,
        "channel": channel,
        "outcomes": outcomes,
        "degraded": degraded,
        "changed": changed,
        "published": dict(Counter(map(channel_of, published))),
        "newest": None
        if newest is None
        else {"mapping": newest.refit.mapping, "channel": channel_of(newest), "period": newest.period},
    }
    severity: Severity = "warning" if degraded or "unreadable" in outcomes else "good"
    return Alert(kind=BACKFILL_DONE, stream=stream, period=last, severity=severity, facts=facts)


def backfill_id(stream: str, first: str, last: str, *, channel: str) -> str:
    """The id of that alert, known before the backfill is done."""
    facts = {"key": key(first, channel)}
    return Alert(kind=BACKFILL_DONE, stream=stream, period=last, severity="good", facts=facts).id


def key(first: str, channel: str) -> str:
    """What tells backfills of one stream that end in the same period apart."""
    return f"{first}/{channel}"


def publishes(result: WindowResult) -> bool:
    """Whether the window published a mapping: a new one, or the served one with fewer certificates."""
    refit = result.refit
    return refit.mapping is not None and (refit.published or refit.certificates_dropped > 0)


def channel_of(result: WindowResult) -> str:
    """Where the window published its mapping."""
    return result.refit.channel or result.channel


def _outcome(result: WindowResult) -> str:
    """A key of `calib.alerts.backfill_words.OUTCOMES`."""
    if result.state == "closed":
        return "evaluated"
    if result.state != "insufficient":
        return "waiting"
    if result.refit.reason_code in UNREADABLE:
        return "unreadable"
    return "empty" if result.population == 0 else "too_few"
