"""What a person does to a channel, with who and why: by a command in a terminal, or on a page."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from calib.cycle.stream import PRODUCTION, StreamPolicy
from calib.cycle.thread_notes import tell
from calib.errors import CalibError
from calib.format import Entry, Mapping
from calib.store import PUBLISHER, Intent, Store
from calib.store import withdraw as withdraw_channel

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A channel that names no mapping any more.

    `episodes_open`: why the stream's open episodes could not be ended; they are ended with the next window
    that closes. None where they were.
    """

    entry: Entry
    episodes_open: CalibError | None


def intent_of_a_person(
    policy: StreamPolicy, *, by: str, reason: str, now: datetime, publish_id: str | None = None
) -> Intent:
    """A move that somebody asks for now; `publish_id`: that of the request, where one may be sent twice."""
    return Intent(
        publish_id=publish_id or str(uuid.uuid4()),
        at=now,
        by=f"{by} (by hand)" if by == PUBLISHER else by,  # no schedule may overrule it
        reason=reason,
        expires_at=policy.expiry(now),
        since=now,
    )


def withdraw(
    store: Store,
    engine: Callable[[], Engine],
    *,
    stream: str,
    channel: str,
    intent: Intent,
    seen: str | None = None,
) -> Withdrawal:
    """Withdraw a channel; where it is the one that serves, the stream's open episodes end.

    The database is opened after the channel was moved, and its failure is told, not raised: the way back to
    the raw confidence works without it. `seen`: as `calib.store.withdraw` takes it. Raises what that raises.
    """
    entry = withdraw_channel(store, stream=stream, channel=channel, intent=intent, seen=seen)
    trouble: CalibError | None = None
    if channel == PRODUCTION:
        try:
            _end_episodes(engine(), entry, now=intent.at)
        except CalibError as error:
            trouble = error
    return Withdrawal(entry=entry, episodes_open=trouble)


def _end_episodes(engine: Engine, entry: Entry, *, now: datetime) -> None:
    from calib.db import episodes

    with engine.begin() as conn:
        ended = episodes.end_open(conn, entry.stream, "withdrawal", by=entry.by, reason=entry.reason, now=now)
        tell(conn, "withdraw", ended, entry=entry, now=now)


def differing_scope(mapping: Mapping, scope: dict[str, str]) -> str | None:
    """In words, the first key of `scope` that the mapping has another value for; None where it fits."""
    for key, value in mapping.scope.items():
        if key in scope and scope[key] != value:
            return f"for {key} {value!r:.80}, and the settings watch {scope[key]!r:.80}"
    return None
