"""Episodes: what an alert opens, and what ends it. Pure: open episodes and a window's result in, a turn out.

An episode begins with an early warning or with a degradation. A warning that the window's verdict confirms
becomes a degradation, in the same episode. What ends one is written in `Ending`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from calib.alerts.alert import NAMESPACE
from calib.policy import recovered
from calib.results import Measured, WindowResult

Opening = Literal["early_warning", "degraded"]
Ending = Literal[
    "not_confirmed",  # an early warning that the verdict on all labels does not confirm
    "recovered",  # `calib.policy.recovered`
    "newer_degradation",  # which begins an episode of its own
    "scope_change",  # another model, prompt or score: what was wrong is not served any more
    "withdrawal",  # a person withdrew the mapping
    "person",  # `calib alerts close`
]
Outcome = Literal["confirmed", "not_confirmed", "still_open"]  # of an early warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """What a degraded window measured, for later windows to be held against.

    `ece`: the served ECE where the stream degraded, None where only segments did; `segments`: theirs, by
    name. `curves`: the curves that served, None for the raw confidence.
    """

    ece: float | None
    segments: Mapping[str, float | None]
    curves: tuple[str | None, ...]

    @classmethod
    def of(cls, result: WindowResult) -> Degradation:
        """What a degraded window's result measured."""
        return cls(
            ece=result.served.ece if result.change.state == "degraded" else None,
            segments={name: result.segments[name].served.ece for name in result.degraded_segments},
            curves=result.served.served_by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One episode of a stream.

    `opened_in`, `degraded_in` and `ended_in` are periods; `degraded_in` is None while an early warning waits
    for its verdict. `since`: the end of the period that it began in, or degraded in last: earlier windows
    that close late have no say in it. `ended_by` is None while it is open; `by` and `reason` are a person's.
    """

    id: str
    stream: str
    opened_by: Opening
    opened_in: str
    opened_at: datetime
    since: datetime
    degraded_in: str | None = None
    degradation: Degradation | None = None
    ended_by: Ending | None = None
    ended_in: str | None = None
    ended_at: datetime | None = None
    by: str | None = None
    reason: str | None = None

    @classmethod
    def begin(
        cls, kind: Opening, stream: str, period: str, *, revision: int, now: datetime, since: datetime
    ) -> Episode:
        """A new episode; its id is the same for the same window and kind."""
        again = "" if revision == 1 else f"/{revision}"
        name = f"{stream}/{period}{again}/episode/{kind}"
        return cls(
            id=str(uuid.uuid5(NAMESPACE, name)),
            stream=stream,
            opened_by=kind,
            opened_in=period,
            opened_at=now,
            since=since,
        )

    def ended(
        self,
        how: Ending,
        now: datetime,
        *,
        period: str | None = None,
        by: str | None = None,
        reason: str = "",
    ) -> Episode:
        """The episode as it ended."""
        return replace(self, ended_by=how, ended_in=period, ended_at=now, by=by, reason=reason or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a window does to the episodes of its stream.

    `episodes`: those that it began, took on or ended, as they are then; `said`: what it said of each, by id.
    `current`: the id of the one that the window belongs to. `recovered`: whether a degradation ended so.
    `warning`: what became of an early warning, and `warned_in` its period.
    """

    episodes: tuple[Episode, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    current: str | None = None
    recovered: bool = False
    warning: Outcome | None = None
    warned_in: str | None = None


def take_turn(
    open_episodes: Sequence[Episode],
    result: WindowResult,
    *,
    max_rise: float,
    scope_changed: bool,
    withdrawn_at: datetime | None,
    ends_at: datetime,
    now: datetime,
) -> Turn:
    """What a closed or insufficient window means for the stream's open episodes, and which it begins.

    `scope_changed`: the window watched another scope than the one before. `withdrawn_at`: since when the
    channel has been withdrawn, None where it is not. `ends_at`: the end of the window's period.
    """
    degraded = is_degraded(result)
    episodes: list[Episode] = []
    words_by_id: dict[str, str] = {}
    warning: Outcome | None = None
    warned_in = None
    heir: Episode | None = None
    taken_on = [e.id for e in open_episodes if e.degraded_in in (None, result.period)]
    for episode in open_episodes:
        outcome = _outcome(
            episode, result, max_rise=max_rise, scope_changed=scope_changed, withdrawn_at=withdrawn_at
        )
        waiting = episode.degraded_in is None
        if outcome == "confirmed" and episode.id != taken_on[-1]:
            outcome = "newer_degradation"  # two warnings that one verdict confirms are one degradation
        if waiting and outcome in ("confirmed", "not_confirmed", "still_open"):
            warning, warned_in = outcome, episode.opened_in
        if outcome == "confirmed":
            heir = replace(
                episode, degraded_in=result.period, degradation=Degradation.of(result), since=ends_at
            )
            episodes.append(heir)
        elif outcome == "still_open" or outcome == "goes_on":
            episodes.append(episode)
        else:
            episodes.append(episode.ended(outcome, now, period=result.period))
        words_by_id[episode.id] = outcome
    if degraded and heir is None:
        begun = Episode.begin(
            "degraded", result.stream, result.period, revision=result.revision, now=now, since=ends_at
        )
        heir = replace(begun, degraded_in=result.period, degradation=Degradation.of(result))
        episodes = [heir, *(episode for episode in episodes if episode.id != heir.id)]
        words_by_id[heir.id] = "degraded"
    return Turn(
        episodes=tuple(episodes),
        said=words_by_id,
        current=_current(heir, episodes),
        recovered=any(episode.ended_by == "recovered" for episode in episodes),
        warning=warning,
        warned_in=warned_in,
    )


def is_degraded(result: WindowResult) -> bool:
    """Whether the stream, or a segment of it, degraded."""
    return result.change.state == "degraded" or bool(result.degraded_segments)


Verdict = Ending | Literal["confirmed", "still_open", "goes_on"]


def _outcome(
    episode: Episode,
    result: WindowResult,
    *,
    max_rise: float,
    scope_changed: bool,
    withdrawn_at: datetime | None,
) -> Verdict:
    """What the window says of one open episode."""
    waiting = episode.degraded_in is None
    if scope_changed:
        return "scope_change"
    if withdrawn_at is not None and withdrawn_at >= episode.opened_at:
        return "withdrawal"
    if is_degraded(result):
        again = episode.degraded_in == result.period  # a later revision of the window
        return "confirmed" if waiting or again else "newer_degradation"
    if result.state == "insufficient" or result.change.state in (None, "first"):
        return "still_open" if waiting else "goes_on"
    if waiting:
        return "not_confirmed"
    return "recovered" if _recovered(episode.degradation, result, max_rise) else "goes_on"


def _recovered(before: Degradation | None, result: WindowResult, max_rise: float) -> bool:
    """Wholly served by newer curves, and whatever degraded is small again."""
    curves = result.served.served_by
    if before is None or not curves or None in curves or set(curves) & set(before.curves):
        return False
    measured: list[tuple[Measured, float | None]] = [
        (result.segments[name].served if name in result.segments else Measured(), ece)
        for name, ece in before.segments.items()
    ]
    if before.ece is not None or not measured:
        measured.append((result.served, before.ece))
    return all(recovered(now.low, now.high, then, max_rise) for now, then in measured)


def _current(heir: Episode | None, episodes: Sequence[Episode]) -> str | None:
    """The window's episode: one it begins or confirms, ends, or leaves open; in this order."""
    if heir is not None:
        return heir.id
    order = ("recovered", "scope_change", "withdrawal", "not_confirmed", None)
    ranked = sorted(
        episodes, key=lambda episode: (order.index(episode.ended_by), episode.degraded_in is None, episode.id)
    )
    return ranked[0].id if ranked else None
