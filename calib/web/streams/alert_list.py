"""Alerts and episodes as the pages list them: what was said, what waits, and what is parked and why."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from calib.alerts import OF_NO_WINDOW
from calib.alerts.alert import FOR_REVIEWERS
from calib.alerts.message import message
from calib.db import episodes
from calib.outbox.listing import Raised, raised
from calib.redaction import redacted
from calib.wording.episodes import how_it_ended

SHOWN = 50  # the latest alerts; what waits, is parked or was silenced is shown besides
TONES = {"waiting": "warning", "parked": "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAlert:
    """An alert in words; `why` it waits, is parked or silenced, or who acknowledged it.

    `window`: the period of the window that it is about; None where it is about none. `acts`: what a person
    can do about it, as `calib alerts resend` and `ack` do it.
    """

    id: str
    kind: str
    stream: str
    title: str
    lines: tuple[str, ...]
    tone: str
    state: str
    state_tone: str
    why: str
    created: str
    window: str | None
    acts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEpisode:
    """An episode: what opened it and when, what each window said, and how it ended."""

    began: str
    open: bool
    ended: str
    said: tuple[tuple[str, str], ...]
    by: str | None
    reason: str


def alerts_of(
    conn: Connection, *, stream: str | None, streams: frozenset[str], shown: int = SHOWN
) -> tuple[list[ListedAlert], bool]:
    """The latest alerts, of a stream or of all, and whether there are more; the newest first.

    `streams`: those that have pages; other alerts are of probes.
    """
    latest = raised(conn, stream=stream, limit=shown + 1)
    known = {alert.id for alert in latest[:shown]}
    stuck = [
        alert
        for state in ("parked", "waiting")
        for alert in raised(conn, stream=stream, state=state, limit=10 * shown)
        if alert.id not in known
    ]
    return [_listed(alert, alert.stream in streams) for alert in [*latest[:shown], *stuck]], len(
        latest
    ) > shown


def episodes_of(conn: Connection, stream: str) -> list[ListedEpisode]:
    """A stream's episodes, the latest first."""
    known = episodes.all_of(conn, stream)
    said = episodes.said_in(conn, [episode.id for episode in known])
    return [
        ListedEpisode(
            began=f"{episode.opened_in}, {episode.opened_by.replace('_', ' ')}",
            open=episode.ended_by is None,
            ended="" if episode.ended_by is None else _ended(episode.ended_by, episode.ended_in),
            said=tuple((period, word.replace("_", " ")) for period, word in said[episode.id]),
            by=episode.by,
            reason=episode.reason or "",
        )
        for episode in reversed(known)
    ]


def _ended(by: str, period: str | None) -> str:
    return how_it_ended(by) + ("" if period is None else f", {period}")


def _listed(alert: Raised, has_page: bool) -> ListedAlert:
    title, lines = _words(alert)
    acts = [("resend", "Send again")] if alert.state in ("parked", "silenced") else []
    if alert.kind not in FOR_REVIEWERS:
        acts.append(("ack", "Acknowledge"))
    return ListedAlert(
        id=alert.id,
        kind=alert.kind.replace("_", " "),
        stream=alert.stream,
        title=title,
        lines=lines,
        tone=str(alert.payload.get("severity", "plain")),
        state=alert.state,
        state_tone=TONES.get(alert.state, "plain"),
        why=redacted(alert.reason or ""),
        created=f"{alert.raised_at:%Y-%m-%d %H:%M}",
        window=alert.period if has_page and alert.kind not in OF_NO_WINDOW else None,
        acts=tuple(acts),
    )


def _words(alert: Raised) -> tuple[str, tuple[str, ...]]:
    """The alert as it is sent; what this version has no words for is named by its kind."""
    try:
        title, *lines = message(alert.payload).text.splitlines()
    except (LookupError, TypeError, ValueError, AttributeError):  # another version wrote it
        return f"{alert.stream} {alert.period}: {alert.kind.replace('_', ' ')}", ()
    return title, tuple(lines)
