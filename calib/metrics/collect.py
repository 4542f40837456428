"""The values of all metrics, read from the database and the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

from calib import __version__
from calib.app import App
from calib.cycle.stream import PRODUCTION
from calib.db import jobs, overview
from calib.db.overview import Judged
from calib.errors import CalibError
from calib.format import Entry
from calib.metrics.families import BY_NAME, FAMILIES, STATES, VERDICTS
from calib.outbox import queue as outbox
from calib.redaction import reason
from calib.review.response import counts_by_stratum
from calib.store import head
from calib.times import moment

LOG = logging.getLogger(__name__)
Labels: TypeAlias = tuple[str, ...]
Values: TypeAlias = Mapping[str, Mapping[Labels, float]]
Sample: TypeAlias = tuple[str, Labels, float | None]


def collect(app: App, *, entry_of: Callable[[str], Entry | None] | None = None) -> Values:
    """The values of every metric, by its name and then by the values of its labels.

    `entry_of`: the newest entry of a stream's channel `production`, by default as the store has it now. A
    store that cannot be read hides nothing else: `calibwatch_channel_readable` says so. Raises `SourceError`
    where the database does not answer.
    """
    newest_entry = entry_of or (lambda stream: head(app.store, stream=stream, channel=PRODUCTION))
    values: dict[str, dict[Labels, float]] = {family.name: {} for family in FAMILIES}
    for name, labels, value in _samples(app, newest_entry):
        full = f"calibwatch_{name}"
        if len(labels) != len(BY_NAME[full].labels):
            raise ValueError(f"{full} has the labels {BY_NAME[full].labels}")
        if value is not None:
            values[full][labels] = value
    return values


def _samples(app: App, entry_of: Callable[[str], Entry | None]) -> Iterator[Sample]:
    yield "build_info", (__version__,), 1.0
    yield "collected_timestamp_seconds", (), app.now().timestamp()
    yield from _from_database(app)
    for stream in app.settings.streams:
        yield from _of_channel(stream, entry_of)


def _from_database(app: App) -> Iterator[Sample]:
    streams = list(app.settings.streams)
    with app.reading.connect() as conn:
        judged = overview.latest_judged(conn)
        newest = {window.stream: window for window in overview.newest(conn)}
        waiting = [window.id for window in newest.values() if window.labels is None]
        counts = counts_by_stratum(conn, waiting)
        states = overview.states(conn)
        alerts = outbox.open_counts(conn)
        known_jobs = jobs.every(conn)
    for one in judged:
        if one.stream in app.settings.streams:
            yield from _of_verdict(one)
    for stream in streams:
        for state in STATES:
            yield "windows", (stream, state), float(states.get(stream, {}).get(state, 0))
        window = newest.get(stream)
        if window is not None:
            parts = counts.get(window.id, ())
            known = window.labels is not None
            labelled = window.labels if known else sum(part.labelled for part in parts)
            missing = window.missing if known else sum(part.missing for part in parts)
            yield "labels", (stream,), _float(labelled)
            yield "labels_missing", (stream,), _float(missing)
    for name in (*streams, *sorted(set(alerts) - set(streams))):  # alerts of the whole deployment too
        of_stream = alerts.get(name, {})
        yield "alerts", (name, "waiting"), float(of_stream.get("pending", 0))
        yield "alerts", (name, "parked"), float(of_stream.get("parked", 0))
    for job in known_jobs:
        yield "job_last_run_timestamp_seconds", (job.job,), _time(job.ran_at)
        yield "job_expected_since_timestamp_seconds", (job.job,), _time(job.expected_since)


def _of_verdict(judged: Judged) -> Iterator[Sample]:
    stream = judged.stream
    for verdict in VERDICTS:
        yield "verdict", (stream, verdict), float(verdict == judged.verdict)
    yield "verdict_period_end_timestamp_seconds", (stream,), _time(judged.ends_at)
    yield "verdict_timestamp_seconds", (stream,), _time(judged.evaluated_at)
    for kind, numbers in (("raw", judged.raw), ("served", judged.served)):
        yield "ece", (stream, kind), numbers.ece
        yield "ece_low", (stream, kind), numbers.low
        yield "ece_high", (stream, kind), numbers.high
        yield "threshold_share", (stream, kind), numbers.share
    yield "accuracy", (stream,), judged.accuracy
    yield "change_p", (stream,), judged.p
    yield "minimum_detectable_rise", (stream,), judged.minimum_detectable_rise
    yield "population", (stream,), float(judged.population)


def _of_channel(stream: str, entry_of: Callable[[str], Entry | None]) -> Iterator[Sample]:
    try:
        entry = entry_of(stream)
    except CalibError as error:
        LOG.warning("%s: the channel cannot be read: %s", stream, reason(error), extra={"stream": stream})
        yield "channel_readable", (stream,), 0.0
        return
    yield "channel_readable", (stream,), 1.0
    serving = None if entry is None or entry.withdrawn else entry
    yield "mapping_serving", (stream,), float(serving is not None)
    if serving is not None:
        yield "mapping_published_timestamp_seconds", (stream,), moment(serving.at).timestamp()
        if serving.expires_at is not None:
            expires = moment(serving.expires_at).timestamp()
            yield "mapping_expires_timestamp_seconds", (stream,), expires


def _time(when: datetime | None) -> float | None:
    return None if when is None else when.timestamp()


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)
