"""What a person does during an episode is said in its thread, whoever reads it then knows what was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from calib.alerts.note import person_acted
from calib.cycle.stream import PRODUCTION
from calib.errors import CalibError
from calib.format import Entry

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from calib.alerts.episodes import Episode


def tell_of_move(
    engine: Callable[[], Engine], what: str, entry: Entry, *, now: datetime
) -> CalibError | None:
    """Say in the threads of the stream's open episodes that a person moved the channel that serves.

    `what`: a key of `calib.alerts.note.DID`, such as `rollback`. The channel was moved already, so that a
    failure of the database is returned and not raised; None where all is said, or nothing had to be.
    """
    if entry.channel != PRODUCTION:
        return None
    from calib.db import episodes

    try:
        with engine().begin() as conn:
            tell(conn, what, episodes.open_of(conn, entry.stream), entry=entry, now=now)
    except CalibError as error:
        return error
    return None


def tell(conn: Connection, what: str, of: Sequence[Episode], *, entry: Entry, now: datetime) -> None:
    """Put a note into the thread of each episode about an entry that a person made."""
    from calib.outbox import queue as outbox

    for episode in of:
        note = person_acted(
            what,
            stream=entry.stream,
            period=episode.degraded_in or episode.opened_in,
            by=entry.by,
            reason=entry.reason,
            key=f"{episode.id}/{what}/{entry.publish_id}",
            episode=episode.id,
            mapping=entry.mapping,
        )
        outbox.put(conn, note, now=now)


def tell_of_closing(conn: Connection, of: Sequence[Episode], *, by: str, reason: str, now: datetime) -> None:
    """Put a note into the thread of each episode that a person closed by hand."""
    from calib.outbox import queue as outbox

    for episode in of:
        note = person_acted(
            "close",
            stream=episode.stream,
            period=episode.degraded_in or episode.opened_in,
            by=by,
            reason=reason,
            key=f"{episode.id}/close",
            episode=episode.id,
        )
        outbox.put(conn, note, now=now)
