"""Loading what the steps of a window need: each cohort, design, mapping and channel is read once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Named
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from calib.cycle.baseline import Baseline, choose
from calib.cycle.cohort_sample import cohort_sample, pool
from calib.cycle.data import EarlierWindow, WindowData, watched_early
from calib.cycle.design import Design
from calib.cycle.own_entries import before, head_before, window_publish_id
from calib.cycle.served import Serving, only, served_by, serves, spans_of
from calib.cycle.stream import CANDIDATE, StreamPolicy
from calib.db import windows
from calib.db.windows import Window
from calib.errors import InvalidInput
from calib.format import Mapping
from calib.measure.sample import Sample
from calib.results.parts import certificates_in
from calib.results.window import ProvenCut
from calib.review import queue, window_labels
from calib.store import Entry, Store, read_mapping, recent


def load_window(window: Window, *, engine: Engine, store: Store) -> WindowData:
    """Read all that the steps of a window need, from the database in one transaction and from the store.

    While labels come in, the baseline is what it would be if the window was evaluated now; from its
    evaluation on it is the one that was fixed then. Raises what the ports raise; writes nothing.
    """
    policy, design = StreamPolicy.from_json(window.settings), Design.from_json(window.design)
    current = _head(store, window, window.channel)
    withdrawn = current is not None and current.withdrawn
    candidate = _head(store, window, CANDIDATE) if withdrawn else None
    watched = watched_early(policy, design)
    needed = {*watched, design.main_mapping, served_by(current), served_by(candidate)} - {None}
    mappings = {
        str(digest): read_mapping(store, stream=window.stream, digest=str(digest)) for digest in needed
    }
    mappings |= _logged(store, window.stream, {group.mapping for group in design.groups} - {"", *mappings})
    with engine.connect() as conn:
        cohort = queue.cohort(conn, window.id, timezone=policy.timezone)
        if window.state in windows.LABELLED:
            baseline, before_it = _current(conn, window.stream, before=window.starts_at, scope=policy.scope)
        else:
            baseline = Baseline.from_json(window.baseline)
            before_it = windows.by_ids(conn, baseline.ids)
        known = {window.id: cohort_sample(cohort, window.period)}
        labelled = _LabelledSamples(conn, known, late=baseline.late)

        def answered_twice(ids: Iterable[int]) -> list[tuple[str, str]]:
            # outcomes are many, and have no second opinions
            return [] if policy.outcomes else window_labels.answered_twice(conn, *ids)

        return WindowData(
            window=window,
            policy=policy,
            design=design,
            cohort=cohort,
            answered_twice=answered_twice([window.id]),
            baseline=baseline,
            earlier=[
                EarlierWindow(
                    id=earlier.id,
                    period=earlier.period,
                    design=Design.from_json(earlier.design),
                    sample=labelled.of(earlier),
                    certificates=_proven(earlier),
                )
                for earlier in before_it
            ],
            answered_twice_before=answered_twice(baseline.pooled),
            newer=windows.newer_closed(conn, window),
            head=current,
            candidate=candidate,
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


def _head(store: Store, window: Window, channel: str) -> Entry | None:
    own = window_publish_id(window, channel)
    return head_before(store, stream=window.stream, channel=channel, own=own, ended=window.ends_at)


def current_baseline(conn: Connection, stream: str, *, before: datetime, scope: dict[str, str]) -> Baseline:
    """What a window that begins at `before` would be compared with if it was evaluated now.

    With the labels of each earlier window that came after its evaluation: those that are there by now.
    """
    return _current(conn, stream, before=before, scope=scope)[0]


def _current(
    conn: Connection, stream: str, *, before: datetime, scope: dict[str, str]
) -> tuple[Baseline, list[Window]]:
    """The current baseline and its windows, oldest first; of all others no result is read."""
    outlines = windows.outlines(conn, stream, before=before)
    used = windows.by_ids(conn, choose(outlines, scope=scope).ids)
    in_full = {window.id: window for window in used}
    chosen = choose([in_full.get(outline.id, outline) for outline in outlines], scope=scope)
    late = window_labels.late_labels(conn, chosen.ids)
    late = {id_: late[id_] for id_ in chosen.ids if id_ in late}
    counted = window_labels.counting_labels(conn, chosen.ids)
    digest = _digest([*counted, *(label for labels in late.values() for label in labels)])
    periods = tuple(window.period for window in used)
    return replace(chosen, periods=periods, late=late, digest=digest), used


def _proven(window: Window) -> tuple[ProvenCut, ...]:
    """The certificates that a closed window proved."""
    stored = certificates_in(window.result) if window.result else ()
    return tuple(item for item in stored if isinstance(item, ProvenCut))


def _logged(store: Store, stream: str, digests: Iterable[str]) -> dict[str, Mapping]:
    """The mappings that the traffic says have served, too; a name of none is what somebody logged."""
    mappings = {}
    for digest in digests:
        with suppress(InvalidInput):
            mappings[digest] = read_mapping(store, stream=stream, digest=digest)
    return mappings


def load_baseline_sample(conn: Connection, baseline: Baseline) -> Sample | None:
    """The labelled rows of a baseline's pooled windows; None where they have none."""
    labelled = _LabelledSamples(conn, {}, late=baseline.late)
    return pool([labelled.of(window) for window in windows.by_ids(conn, baseline.pooled)])


def load_serving(
    store: Store,
    *,
    stream: str,
    channel: str,
    scope: dict[str, str],
    start: datetime,
    end: datetime,
    own: str | None = None,
) -> Serving:
    """Read the channel's log from `start` on once, and each mapping that it takes once.

    `own`: the publish id of the window that asks; its entry and what came after that are left out. A mapping
    for another scope than `scope` served nothing: clients answer with the raw confidence then.
    """
    entries = recent(store, stream=stream, channel=channel, since=start)
    if own is not None:
        entries = before(entries, own)
    spans = spans_of(entries, start, end)
    current = served_by(entries[-1] if entries else None)
    digests = {span.mapping for span in spans} | {current}
    mappings = {
        digest: mapping
        for digest in digests
        if digest is not None and serves(mapping := read_mapping(store, stream=stream, digest=digest), scope)
    }
    spans = only(spans, mappings)
    return Serving(
        spans=spans,
        mappings={span.mapping: mappings[span.mapping] for span in spans if span.mapping is not None},
        published=None if current is None else mappings.get(current),
    )


class _LabelledSamples:
    """The labelled rows of windows, each read once; `late`: labels by window id that count too."""

    def __init__(
        self, conn: Connection, known: dict[int, Sample], *, late: Named[int, Sequence[int]]
    ) -> None:
        self._conn, self._known, self._late = conn, known, late

    def of(self, window: Window) -> Sample:
        """The window's labelled rows."""
        if window.id not in self._known:
            zone = str(window.settings.get("timezone", "UTC"))
            late = self._late.get(window.id, ())
            cohort = queue.cohort(self._conn, window.id, late=late, timezone=zone)
            self._known[window.id] = cohort_sample(cohort, window.period)
        return self._known[window.id]


def _digest(label_ids: Sequence[int]) -> str:
    return hashlib.sha256(",".join(map(str, sorted(label_ids))).encode()).hexdigest()
