"""The kinds of review: what each of them does at every step of a window.

A new kind is one entry of `SOURCES`, and its name in the settings (`calib.stream_settings.Review.kind`).
The cycle and the commands ask here and know no kind by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from calib.errors import InvalidInput
from calib.json_object import Json
from calib.review import contexts, outcomes, queue

if TYPE_CHECKING:
    from calib.db.windows import Window


class Erase(Protocol):
    """Erases what reviewers saw; how many rows: `calib.review.contexts.erase_context`."""

    def __call__(
        self, conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False
    ) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSource:
    """One kind of review.

    `by_itself`: labels arrive without anybody being asked, so that a window closes a fixed time after its
    period, nobody labels twice, and the order in which answers come says nothing. `enqueue` puts a window's
    drawn rows up for review. `fetch` gets the answers that have come elsewhere; None where they are given to
    the queue directly. `close` is called in the transaction that closes a window, `erase` when texts have
    been kept for long enough. `next_step` says in words, with commands, how a window that waits goes on.
    """

    by_itself: bool = False
    enqueue: Callable[[Connection, int, Sequence[Json]], None] = queue.enqueue
    fetch: outcomes.Fetch | None = None
    close: Callable[[Connection, Window], None] = lambda _conn, _window: None
    erase: Erase = contexts.erase_context
    next_step: Callable[[str, str], str]


def source_of(kind: str) -> ReviewSource:
    """What a kind of review does; `InvalidInput` for one that this version does not know."""
    try:
        return SOURCES[kind]
    except KeyError:
        raise InvalidInput(
            f"this version does not know the kind of review {kind!r}; it knows {', '.join(SOURCES)}"
        ) from None


def _by_file(stream: str, period: str) -> str:
    return (
        f"`calib labels export {stream} --to todo.csv`, fill in label, `calib labels import todo.csv "
        f"--stream {stream}`, then `calib run {stream} --period {period}` again"
    )


def _by_itself(stream: str, period: str) -> str:
    return (
        f"nobody has to label: `calib run {stream} --period {period}` again, or the daily schedule, takes "
        "the outcomes that have arrived by then; `calib check` shows the table that they come from"
    )


SOURCES = {
    "builtin": ReviewSource(next_step=_by_file),
    "files": ReviewSource(next_step=_by_file),
    "outcomes": ReviewSource(
        by_itself=True, enqueue=outcomes.enqueue, fetch=outcomes.fetch, next_step=_by_itself
    ),
}
