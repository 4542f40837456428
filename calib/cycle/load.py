"""Loading what the steps of a window need: each cohort, design, mapping and channel is read once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine

from calib.cycle.baseline import Baseline
from calib.cycle.cohort_sample import cohort_sample, pool
from calib.cycle.data import EarlierWindow, WindowData, watched_early
from calib.cycle.design import Design
from calib.cycle.served import Serving, spans_of
from calib.cycle.stream import StreamPolicy
from calib.db import windows
from calib.db.windows import Window
from calib.measure.sample import Sample
from calib.review import queue
from calib.store import Store, head, read_mapping, recent


def load_window(window: Window, *, engine: Engine, store: Store) -> WindowData:
    """Read all that the steps of a window need, from the database in one transaction and from the store.

    Raises what the ports raise; writes nothing.
    """
    policy, design = StreamPolicy.from_json(window.settings), Design.from_json(window.design)
    baseline = Baseline.from_json(window.baseline)
    current = head(store, stream=window.stream, channel=window.channel)
    watched = watched_early(policy, design)
    digests = {*watched, design.main_mapping, None if current is None else current.mapping}
    mappings = {
        digest: read_mapping(store, stream=window.stream, digest=digest)
        for digest in digests
        if digest is not None
    }
    with engine.connect() as conn:
        cohort = queue.cohort(conn, window.id)
        labelled = _LabelledSamples(conn, {window.id: cohort_sample(cohort, window.period)})
        return WindowData(
            window=window,
            policy=policy,
            design=design,
            cohort=cohort,
            answered_twice=queue.answered_twice(conn, window.id),
            baseline=baseline,
            earlier=[
                EarlierWindow(
                    id=earlier.id,
                    period=earlier.period,
                    design=Design.from_json(earlier.design),
                    sample=labelled.of(earlier),
                )
                for earlier in windows.by_ids(conn, baseline.ids)
            ],
            head=current,
            mappings=mappings,
            fit_rows={
                digest: [
                    labelled.of(fitted_on)
                    for fitted_on in windows.named(
                        conn, window.stream, mappings[digest].evidence.get("periods", [])
                    )
                ]
                for digest in watched
            },
        )


def load_baseline_sample(conn: Connection, baseline: Baseline) -> Sample | None:
    """The labelled rows of a baseline's pooled windows; None where they have none."""
    earlier = windows.by_ids(conn, baseline.pooled)
    return pool([cohort_sample(queue.cohort(conn, window.id), window.period) for window in earlier])


def load_serving(store: Store, *, stream: str, channel: str, start: datetime, end: datetime) -> Serving:
    """Read the channel's log from `start` on once, and each mapping that it takes once."""
    entries = recent(store, stream=stream, channel=channel, since=start)
    spans = spans_of(entries, start, end)
    current = entries[-1].mapping if entries else None
    digests = {span.mapping for span in spans} | {current}
    mappings = {
        digest: read_mapping(store, stream=stream, digest=digest) for digest in digests if digest is not None
    }
    return Serving(
        spans=spans,
        mappings={span.mapping: mappings[span.mapping] for span in spans if span.mapping is not None},
        published=None if current is None else mappings[current],
    )


class _LabelledSamples:
    """The labelled rows of windows, each read once."""

    def __init__(self, conn: Connection, known: dict[int, Sample]) -> None:
        self._conn, self._known = conn, known

    def of(self, window: Window) -> Sample:
        """The window's labelled rows."""
        if window.id not in self._known:
            self._known[window.id] = cohort_sample(queue.cohort(self._conn, window.id), window.period)
        return self._known[window.id]
