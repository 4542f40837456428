"""Opening a window: survey the population, design the sample, draw it, put it up for review.

Everything that later steps may depend on is frozen here, before any label is seen: the strata and their
masses, the allocation, the draw, what production served, and the baseline that will be compared with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from calib.cycle.baseline import choose
from calib.cycle.design import Era, applied_in, plan, served_eras
from calib.cycle.ports import Ports, Watch
from calib.db import windows
from calib.db.windows import Window
from calib.errors import InvalidInput, SourceError
from calib.format import Mapping
from calib.period import Period
from calib.review import queue
from calib.sampling import sample_digest
from calib.traffic import Draw, Drawn, Interval, Survey


def open_window(
    watch: Watch,
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
    where `allow_empty` is false; a period that has not ended and settled is always refused.
    """
    with ports.engine.connect() as conn:
        found = windows.find(conn, watch.stream, period.name)
    if found is not None:
        return found
    now = ports.now()
    if now < (due := watch.due(period)):
        raise InvalidInput(
            f"{watch.stream}: {period.name} can be opened from {due:%Y-%m-%d %H:%M} UTC on, when the period "
            f"has ended and late rows have settled; it is {now:%Y-%m-%d %H:%M} UTC"
        )
    start, end = period.interval(watch.timezone)
    eras = served_eras(ports.store, watch.stream, channel, start, end)
    survey = ports.traffic.survey(Interval(start, end), eras=[era.start for era in eras[1:]])
    if survey.population == 0 and not allow_empty:
        raise InvalidInput(_nothing(watch, period, survey))

    design = plan(watch, ports, survey, eras, channel)
    drawn = Draw(rows=(), duplicates=np.zeros(0, dtype=np.int64))
    if survey.population:
        drawn = ports.traffic.draw(
            Interval(start, end),
            strata=design.strata,
            allocation=design.allocation,
            sizes=design.sizes,
            seed=watch.seed,
            period=period.name,
        )
    rejected = dict(survey.rejected)
    if doubled := int(drawn.duplicates.sum()):
        rejected["duplicate"] = doubled
    items = _items(drawn.rows, eras, applied_in(ports.store, watch.stream, eras))
    with ports.engine.begin() as conn:
        baseline = choose(windows.earlier(conn, watch.stream, before=start), scope=watch.scope)
        window_id = windows.insert_new(
            conn,
            stream=watch.stream,
            period=period.name,
            channel=channel,
            replay=replay,
            starts_at=start,
            ends_at=end,
            as_of=due,
            closes_at=(due if watch.outcomes else max(due, now)) + watch.close_after,
            opened_at=now,
            state="sampled",
            settings=watch.to_json(),
            design=design.to_json(),
            baseline=baseline.to_json(),
            population=survey.population - doubled,
            rejected=rejected,
            sample_digest=sample_digest((row.id, row.stratum, row.order) for row in drawn.rows),
        )
        if window_id is not None:  # else another run has just opened it
            queue.enqueue(conn, window_id, items)
        opened = windows.find(conn, watch.stream, period.name)
    if opened is None:
        raise SourceError(f"{watch.stream}: the window of {period.name} vanished while it was opened")
    return opened


def _items(rows: tuple[Drawn, ...], eras: list[Era], applied: dict[str, Mapping]) -> list[dict[str, Any]]:
    """The drawn rows as the queue keeps them, each with what production served."""
    items = []
    for row in rows:
        digest, served = row.mapping, row.served
        if served is None:
            digest = [era for era in eras if era.start <= row.ts][-1].mapping
            served = float(applied[digest].apply(row.raw, row.segment)) if digest else row.raw
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


def _nothing(watch: Watch, period: Period, survey: Survey) -> str:
    rejected = ", ".join(f"{n} {kind}" for kind, n in survey.rejected.items())
    why = f"every row was rejected ({rejected})" if rejected else "the traffic has no row in it"
    return (
        f"{watch.stream}: {period.name} is empty: {why}. Check where, columns.ts and timezone of this stream "
        f"in calib.toml; `calib check` shows what the traffic holds"
    )
