"""All streams as they stand, read by one thread and shared by all who look.

What a window's life does not change is kept: a stream is read anew when its windows have taken a step
(`calib.db.fingerprints`). Counts of labels and alerts are at most `FRESH` old for whoever looks often, and
are read before an answer for whoever comes back after `STALE`. Each page says as of when it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from calib.app import App
from calib.cycle.status import next_run, status_of
from calib.db import episodes
from calib.db.fingerprints import Fingerprint, fingerprints
from calib.errors import ArtifactError, InvalidInput
from calib.outbox import queue as outbox
from calib.redaction import reason
from calib.review.response import StratumCounts, counts_by_stratum
from calib.web.streams.cards import StreamCard, card
from calib.web.streams.heads import Heads
from calib.web.streams.known import KnownStream, read_stream
from calib.web.streams.views import StreamView

FRESH = 5.0  # seconds for which nothing is read anew
STALE = 60.0  # seconds after which an answer waits for what is read anew
PATIENCE = 1.5  # seconds that an answer waits; then it shows what has been read so far
STEP = 0.5  # seconds until a new process shows what it has read so far; each time it waits twice as long
CHANNELS = timedelta(seconds=60)  # how old a channel's entry may be on the page of all streams,
CHANNEL = timedelta(seconds=10)  # and on the stream's own page


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """All streams as of a moment, each with its card; `unread`: those that a new process has not read yet."""

    as_of: datetime
    streams: tuple[StreamView, ...]
    cards: tuple[StreamCard, ...]
    unread: tuple[str, ...]


class Fleet:
    """What the pages know of the streams of one deployment; safe to use from many threads."""

    def __init__(self, app: App, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._clock = app, clock
        self.heads = Heads(app.store, now=app.now)
        self._known: dict[str, KnownStream] = {}
        self._view = FleetView(as_of=app.now(), streams=(), cards=(), unread=tuple(app.settings.streams))
        self._read_at = float("-inf")
        self._reading: Future[None] | None = None
        self._lock = threading.Lock()

    def all(self) -> FleetView:
        """All streams. Raises `SourceError` where the database cannot be read and nothing recent is known.

        A process that has just begun shows what it has read so far.
        """
        view, age = self._view, self._clock() - self._read_at
        if age <= FRESH:
            return view
        reading = self._start()
        if age > STALE:
            wait([reading], timeout=PATIENCE)
            if reading.done() and (error := reading.exception()) is not None:
                raise error
        return self._view

    def stream(self, name: str) -> StreamView:
        """One stream, read now."""
        self.heads.of(name, at_most=CHANNEL)
        with self._app.reading.connect() as conn:
            mark = fingerprints(conn, name).get(name)
            known = self._read(conn, name, mark)
            return self._put_together(
                [known],
                counts=counts_by_stratum(conn, [window.id for window in known.waiting]),
                alerts=outbox.open_counts(conn, name),
                open_episodes=episodes.count_open(conn, name),
            )[0]

    def changed(self, name: str) -> None:
        """Somebody moved the stream's channel, or ended its episodes: the next look reads it anew."""
        self.heads.forget(name)
        self._read_at = float("-inf")

    def _start(self) -> Future[None]:
        """The reading that is going on, or a new one: there is never more than one."""
        with self._lock:
            if self._reading is None or self._reading.done():
                self._reading = Future()
                threading.Thread(
                    target=self._run, args=(self._reading,), name="overview", daemon=True
                ).start()
            return self._reading

    def _run(self, reading: Future[None]) -> None:
        try:
            self._read_all()
        except BaseException as error:  # noqa: BLE001  whoever waits for it raises it
            reading.set_exception(error)
        else:
            reading.set_result(None)

    def _read_all(self) -> None:
        began, now = self._clock(), self._app.now()
        names = list(self._app.settings.streams)
        shown_at, step = began, STEP
        with self._app.reading.connect() as conn:
            marks = fingerprints(conn)
        for name in names:
            with self._app.reading.connect() as conn:
                self._read(conn, name, marks.get(name))
            if self._view.unread and self._clock() - shown_at > step:
                self._show(names, as_of=now)
                shown_at, step = self._clock(), 2 * step
        self.heads.refresh(names, at_most=CHANNELS)
        self._show(names, as_of=now)
        self._read_at = began

    def _show(self, names: Sequence[str], *, as_of: datetime) -> None:
        """Make the view of the streams that are known by now."""
        known = [self._known[name] for name in names if name in self._known]
        waiting = [window.id for stream in known for window in stream.waiting]
        with self._app.reading.connect() as conn:
            counts = counts_by_stratum(conn, waiting)
            alerts = outbox.open_counts(conn)
            open_episodes = episodes.count_open(conn)
        streams = self._put_together(known, counts=counts, alerts=alerts, open_episodes=open_episodes)
        self._view = FleetView(
            as_of=as_of,
            streams=streams,
            cards=tuple(card(view, now=as_of) for view in streams),
            unread=tuple(name for name in names if name not in self._known),
        )

    def _read(self, conn: Connection, name: str, mark: Fingerprint | None) -> KnownStream:
        known = self._known.get(name)
        if known is None or known.fingerprint != mark:
            try:
                known = read_stream(conn, name, mark, now=self._app.now())
            except (
                InvalidInput,
                ArtifactError,
            ) as error:  # of this stream alone; it is tried again each time
                known = KnownStream(stream=name, fingerprint=None, trouble=reason(error))
            self._known[name] = known
        return known

    def _put_together(
        self,
        streams: Sequence[KnownStream],
        *,
        counts: Mapping[int, tuple[StratumCounts, ...]],
        alerts: Mapping[str, Mapping[str, int]],
        open_episodes: Mapping[str, int],
    ) -> tuple[StreamView, ...]:
        now = self._app.now()
        views = []
        for known in streams:
            policy = self._app.watch(known.stream)
            channel = self.heads.known(known.stream)
            own = {window.id: counts.get(window.id, ()) for window in known.waiting}
            latest = next((own[w.id] for w in known.waiting if w.period == known.period), ())
            views.append(
                StreamView(
                    known=known,
                    status=status_of(
                        known.stream,
                        state=known.state,
                        period=known.period,
                        evaluated=known.evaluated,
                        counts=latest,
                        alerts=alerts.get(known.stream, {}),
                        entry=None if channel is None else channel.entry,
                        due=next_run(policy, now, is_open=known.opened.__contains__),
                    ),
                    counts=own,
                    head=channel,
                    open_episodes=open_episodes.get(known.stream, 0),
                )
            )
        return tuple(views)
