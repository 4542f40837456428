"""Opening a window: survey the population, design the sample, draw it, put it up for review.

Everything that later steps may depend on is frozen here, before any label is seen: the strata and their
masses, the allocation and the draw. The baseline is fixed when the window is evaluated; what production
served is reconstructed here for the early watch, and once more then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection

from calib.cycle.design import Design, design_sample
from calib.cycle.elsewhere import put_up, wind_up
from calib.cycle.kinds import refuse_other_kind
from calib.cycle.lifecycle import advance
from calib.cycle.load import load_serving
from calib.cycle.own_entries import publish_id
from calib.cycle.ports import Ports
from calib.cycle.readable import look_of_numbers, rows_unreadable
from calib.cycle.reviewers import tell_opened
from calib.cycle.served import Serving
from calib.cycle.stream import StreamPolicy
from calib.db import windows
from calib.db.windows import Window
from calib.errors import InvalidInput, SourceError
from calib.json_object import Json
from calib.period import Period
from calib.review.sources import source_of
from calib.sampling import sample_digest
from calib.traffic import Draw, Drawn, Interval, Survey

LOG = logging.getLogger(__name__)


def open_window(
    policy: StreamPolicy,
    ports: Ports,
    period: Period,
    *,
    channel: str,
    replay: bool = False,
    allow_empty: bool = True,
) -> Window:
    """Open the window of `period`, or return it as it was opened before.

    `replay` marks a window of a backfill: what it publishes is dated at the period's end, as if the
    labels had been there at once. An empty period becomes an `insufficient` window, or `InvalidInput`
    where `allow_empty` is false; a period that has not ended and settled is always refused. Where more rows
    cannot be read than the stream allows, nothing is drawn, and the window is closed at once.
    """
    with ports.engine.connect() as conn:
        opened_before = windows.find(conn, policy.stream, period.name)
        if opened_before is not None:
            return opened_before
        refuse_other_kind(conn, policy)
    return open_revision(
        policy, ports, period, revision=1, channel=channel, replay=replay, allow_empty=allow_empty
    )


def open_revision(
    policy: StreamPolicy,
    ports: Ports,
    period: Period,
    *,
    revision: int,
    channel: str,
    replay: bool,
    allow_empty: bool,
    earlier: Sequence[Design] = (),
    before: Callable[[Connection], None] = lambda _: None,
    after: Callable[[Connection, int], None] = lambda *_: None,
) -> Window:
    """Open one revision of a period's window; where another run has just opened it, return that one.

    `earlier`: the designs of its earlier revisions with as many labels, newest first. `before` and `after`
    are called in the transaction that opens it: with the connection, and with the new window's id once its
    rows are there. Raises what `open_window` raises, and `StudioError` where the window is open and its rows
    could not be put up in Label Studio yet.
    """
    now = ports.now()
    if now < (due := policy.due(period)):
        raise InvalidInput(
            f"{policy.stream}: {period.name} can be opened from {due:%Y-%m-%d %H:%M} UTC on, when the period "
            f"has ended and late rows have settled; it is {now:%Y-%m-%d %H:%M} UTC"
        )
    start, end = period.interval(policy.timezone)
    own = publish_id(stream=policy.stream, period=period.name, revision=revision, channel=channel)
    serving = load_serving(
        ports.store, stream=policy.stream, channel=channel, scope=policy.scope, start=start, end=end, own=own
    )
    survey = ports.traffic.survey(Interval(start, end), eras=serving.breaks)
    design = design_sample(policy, survey, serving, earlier=earlier)
    unreadable = rows_unreadable(
        survey.population,
        survey.rejected,
        survey,
        limit=policy.max_rejected,
        scale=policy.scale,
        looks={},
    )
    if survey.population == 0 and unreadable is None and not allow_empty:
        raise InvalidInput(_no_rows_message(policy, period, survey))
    drawn = Draw(rows=(), duplicates=np.zeros(0, dtype=np.int64))
    if unreadable is not None:  # nobody is asked to label what cannot be evaluated
        looks = ports.traffic.looks(Interval(start, end), survey.rejected) | look_of_numbers(survey)
        design = replace(design, allocation=np.zeros_like(design.allocation), looks=looks)
    elif survey.population:
        drawn = ports.traffic.draw(
            Interval(start, end),
            strata=design.strata,
            allocation=design.allocation,
            sizes=design.sizes,
            seed=policy.seed,
            period=period.name,
        )
    rejected = dict(survey.rejected)
    if doubled := int(drawn.duplicates.sum()):
        rejected["duplicate"] = doubled
    items = _items(drawn.rows, serving)
    labels_since = now if revision > 1 else due  # outcomes that came late count in a later revision
    with ports.engine.begin() as conn:
        before(conn)
        window_id = windows.insert_new(
            conn,
            stream=policy.stream,
            period=period.name,
            revision=revision,
            channel=channel,
            replay=replay,
            starts_at=start,
            ends_at=end,
            as_of=due,
            closes_at=max(due + policy.close_after, labels_since)
            if policy.outcomes
            else max(due, now) + policy.close_after,
            opened_at=now,
            state="sampled",
            settings=policy.to_json(),
            design=design.to_json(),
            baseline={},
            population=survey.population - doubled,
            rejected=rejected,
            sample_digest=sample_digest((row.id, row.stratum, row.order) for row in drawn.rows),
        )
        if window_id is not None:  # else another run has just opened it
            source_of(policy.review_kind).enqueue(conn, window_id, items)
            after(conn, window_id)
            tell_opened(conn, window_id, ports)
        opened = windows.find(conn, policy.stream, period.name, revision=revision)
    LOG.info(
        "%s %s: %s",
        policy.stream,
        period.name,
        "another run has just opened it" if window_id is None else f"opened, {len(items)} rows drawn",
        extra={
            "event": "overtaken" if window_id is None else "opened",
            "stream": policy.stream,
            "period": period.name,
            "channel": channel,
        },
    )
    if opened is None:
        raise SourceError(f"{policy.stream}: the window of {period.name} vanished while it was opened")
    if unreadable is not None:
        return advance(opened, ports)
    put_up(opened, ports)
    if revision > 1:
        wind_up(opened, ports)  # what the revisions before it left
    return opened


def _items(rows: tuple[Drawn, ...], serving: Serving) -> list[Json]:
    """The drawn rows as the queue keeps them, each with what production served."""
    items = []
    for row in rows:
        digest, served = serving.of_row(row)
        items.append(
            {
                "prediction_id": row.id,
                "ts": row.ts,
                "stratum": row.stratum,
                "draw_order": row.order,
                "probability": row.inclusion_probability,
                "raw": row.raw,
                "served": served,
                "mapping": digest,
                "segment": row.segment,
                "cluster": row.cluster,
                "judge": row.judge,
                "trace": row.trace,
                "context": row.context or None,
            }
        )
    return items


def _no_rows_message(policy: StreamPolicy, period: Period, survey: Survey) -> str:
    rejected = ", ".join(f"{n} {kind}" for kind, n in survey.rejected.items())
    why = f"every row was rejected ({rejected})" if rejected else "the traffic has no row in it"
    return (
        f"{policy.stream}: {period.name} is empty: {why}. Check where, columns.ts and timezone of this "
        f"stream in calib.toml; `calib check` shows what the traffic holds"
    )
