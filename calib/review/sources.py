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
from calib.review import contexts, label_studio_tasks, outcomes, queue
from calib.review.label_studio_tasks import StudioPort

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.db.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where the answers to a window's rows may come from.

    `outcomes` asks the stream's table of outcomes. `studio` says how the stream gets to Label Studio; it
    raises `InvalidInput` for a stream that names none.
    """

    outcomes: outcomes.Ask
    studio: Callable[[], StudioPort]


class Fetch(Protocol):
    """Gets the answers that have come elsewhere, and gives them to the window's rows."""

    def __call__(
        self, engine: Engine, window: Window, elsewhere: Elsewhere, *, now: datetime
    ) -> outcomes.Fetched: ...


class Erase(Protocol):
    """Erases what reviewers saw; how many rows: `calib.review.contexts.erase_context`."""

    def __call__(
        self, conn: Connection, *, stream: str, closed_before: datetime, unclosed: bool = False
    ) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSource:
    """One kind of review.

    `by_itself`: labels arrive without anybody being asked, so that a window closes a fixed time after its
    period, nobody labels twice, and the order in which answers come says nothing. `on_page`: people may label
    on the page of `calib web`. `enqueue` puts a window's drawn rows up for review. `fetch` gets the answers
    that have come elsewhere; None where they are given to the queue directly. `close` is called in the
    transaction that closes a window, `erase` when texts have been kept for long enough. `next_step` says in
    words, with commands, how a window that waits goes on.

    Where people answer in another program, `put_up` takes the rows of an open window there, `wind_up` takes
    away what a stream's windows do not wait for any more, and `erase_elsewhere` deletes the texts of old
    windows, given beside all windows of the stream. None of them is called inside a transaction, and each
    may be called again.
    """

    by_itself: bool = False
    on_page: bool = False
    enqueue: Callable[[Connection, int, Sequence[Json]], None] = queue.enqueue
    fetch: Fetch | None = None
    put_up: Callable[[Engine, Window, Elsewhere], object] | None = None
    wind_up: Callable[[Engine, str, Elsewhere], object] | None = None
    erase_elsewhere: Callable[[str, Sequence[Window], Sequence[Window], StudioPort], object] | None = None
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


def _on_page(stream: str, period: str) -> str:
    return (
        f"`calib web`, label there, then `calib run {stream} --period {period}` again; or by file: "
        f"{_by_file(stream, period)}"
    )


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


def _in_label_studio(stream: str, period: str) -> str:
    return (
        "answer in the Label Studio project that `calib check` names; "
        f"`calib run {stream} --period {period}` again, or the daily schedule, takes the answers over"
    )


def _fetch_outcomes(
    engine: Engine, window: Window, elsewhere: Elsewhere, *, now: datetime
) -> outcomes.Fetched:
    return outcomes.fetch(engine, window, elsewhere.outcomes, now=now)


def _fetch_from_studio(
    engine: Engine, window: Window, elsewhere: Elsewhere, *, now: datetime
) -> outcomes.Fetched:
    return label_studio_tasks.fetch(engine, window, elsewhere.studio(), now=now)


SOURCES = {
    "builtin": ReviewSource(on_page=True, next_step=_on_page),
    "files": ReviewSource(on_page=True, next_step=_by_file),
    "outcomes": ReviewSource(
        by_itself=True, enqueue=outcomes.enqueue, fetch=_fetch_outcomes, next_step=_by_itself
    ),
    "label-studio": ReviewSource(
        fetch=_fetch_from_studio,
        put_up=lambda engine, window, elsewhere: label_studio_tasks.put_up(
            engine, window, elsewhere.studio()
        ),
        wind_up=lambda engine, stream, elsewhere: label_studio_tasks.wind_up(
            engine, stream, elsewhere.studio()
        ),
        erase_elsewhere=label_studio_tasks.erase,
        next_step=_in_label_studio,
    ),
}
