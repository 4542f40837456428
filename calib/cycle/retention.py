"""Erasing what people and models wrote, once it has been kept for as long as the settings promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from calib.cycle.fleet import Fleet, each
from calib.cycle.ports import no_studio
from calib.cycle.stream import review_kind
from calib.db import probes, windows
from calib.db.windows import Window
from calib.json_object import Json
from calib.review import contexts
from calib.review.sources import ReviewSource, source_of

if TYPE_CHECKING:
    from calib.review.label_studio_tasks import StudioPort

FORGOTTEN = timedelta(days=90)  # for replies of a probe that the settings name no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long texts are kept, by name.

    `contexts`: what reviewers of a stream see, counted from the closing of its window. `replies`: what models
    wrote to a probe, counted from their arrival. `studio`: how a stream gets to Label Studio, given what a
    window's settings say of it; texts are erased there too.
    """

    contexts: Mapping[str, timedelta]
    replies: Mapping[str, timedelta]
    studio: Callable[[str, Json | None], StudioPort] = no_studio


def erase_texts(engine: Engine, retention: Retention, *, now: datetime) -> Fleet[Json]:
    """Erase every text that was kept for long enough; labels and outcomes stay. Idempotent.

    One object for each stream and each probe that has texts: `{"stream", "what": "contexts" or "replies",
    "erased": rows}`. A stream that the settings name no more keeps the promise that its latest window was
    opened under, and its windows, which nobody closes, count as closed when their labels were due.
    """
    with engine.connect() as conn:
        streams = contexts.streams_with_context(conn)
        probe_names = probes.names_with_replies(conn)

    def erase_contexts(stream: str) -> list[Json]:
        with engine.begin() as conn:
            keep, settings = retention.contexts.get(stream), _settings(conn, stream)
            promised = timedelta(seconds=settings["keep_context"]) if keep is None else keep
            before, unclosed = now - promised, keep is None
            old = contexts.windows_to_erase(conn, stream=stream, closed_before=before, unclosed=unclosed)
            elsewhere = [window for window in old if _source(window).erase_elsewhere is not None]
            if elsewhere:
                contexts.blank(conn, [window.id for window in old])
            every = windows.of_stream(conn, stream) if elsewhere else []
        for window in elsewhere:
            erase_there = _source(window).erase_elsewhere
            if erase_there is not None:
                port = retention.studio(stream, window.settings.get("studio"))
                erase_there(stream, [window], every, port)
        with engine.begin() as conn:
            erased = source_of(review_kind(settings)).erase(
                conn, stream=stream, closed_before=before, unclosed=unclosed
            )
        return [{"stream": stream, "what": "contexts", "erased": erased}]

    def erase_replies(probe: str) -> list[Json]:
        with engine.begin() as conn:
            keep = retention.replies.get(probe, FORGOTTEN)
            erased = probes.erase_replies(conn, probe, before=now - keep)
        return [{"stream": probe, "what": "replies", "erased": erased}]

    seen, written = each(streams, erase_contexts), each(probe_names, erase_replies)
    return Fleet(done=[*seen.done, *written.done], failures=[*seen.failures, *written.failures])


def _source(window: Window) -> ReviewSource:
    return source_of(review_kind(window.settings))


def _settings(conn: Connection, stream: str) -> Json:
    """What the stream's latest window was opened under."""
    window = windows.latest(conn, stream)
    return {"keep_context": FORGOTTEN.total_seconds()} if window is None else window.settings
