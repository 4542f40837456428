"""What a window published itself, once: after a restored database it must not be compared with that.

A window that is evaluated anew, because the database was restored from a copy made before its evaluation,
finds in the channel what it had published. It decides as it did then: against the entry before its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from calib.db.windows import Window
from calib.store import Entry, Store, head, recent
from calib.times import moment

NAMESPACE = uuid.UUID("6f7a2d4c-6d5b-5e0a-9f0e-0c1b7d1f2a33")


def window_publish_id(window: Window, channel: str) -> str:
    """As `publish_id`, for a window that is there."""
    return publish_id(stream=window.stream, period=window.period, revision=window.revision, channel=channel)


def publish_id(*, stream: str, period: str, revision: int, channel: str) -> str:
    """The id under which a window publishes, however often it is tried; each revision has its own."""
    key = f"{stream}/{period}/{channel}"
    return str(uuid.uuid5(NAMESPACE, key if revision == 1 else f"{key}/{revision}"))


def before(entries: Sequence[Entry], own: str) -> list[Entry]:
    """The entries before the one with this publish id; all of them where none has it."""
    for place, entry in enumerate(entries):
        if entry.publish_id == own:
            return list(entries[:place])
    return list(entries)


def head_before(store: Store, *, stream: str, channel: str, own: str, ended: datetime) -> Entry | None:
    """What a channel named before a window moved it; its head where the window did not.

    `ended`: the end of the window's period; entries before that are not its own and are not looked at.
    """
    newest = head(store, stream=stream, channel=channel)
    if newest is None or moment(newest.at) < ended:
        return newest
    just_before = ended - timedelta(microseconds=1)
    entries = before(recent(store, stream=stream, channel=channel, since=just_before), own)
    return entries[-1] if entries else None
