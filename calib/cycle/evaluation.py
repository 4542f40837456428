"""Evaluating a window: measure, decide, refit. Reads the database and the store, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from calib.cycle.design import Design
from calib.cycle.early import early_watch
from calib.cycle.evidence import Rows, design_effect, pool, rows
from calib.cycle.measuring import (
    NOTHING_COMPARED,
    NOTHING_MEASURED,
    mix_part,
    raw_part,
    segments_part,
    served_part,
)
from calib.cycle.ports import Ports, Watch
from calib.cycle.refitting import propose
from calib.cycle.response import refusal, response
from calib.cycle.verdict import Baselines, judge
from calib.db import windows
from calib.db.windows import Window
from calib.format import Mapping
from calib.review import queue
from calib.review.queue import Cohort
from calib.routing import certified
from calib.store import Entry, head, read_mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a window's labels amount to, and the mapping that they would publish (None: the old one stays)."""

    result: dict[str, Any]
    mapping: Mapping | None
    current: Entry | None  # the channel's head that the mapping was held against
    confirmed_change: bool
    insufficient: str | None

    def proposal(self) -> dict[str, Any]:
        """What is to be done at the store, as the window keeps it until that is done."""
        return {
            "mapping": None if self.mapping is None else self.mapping.to_bytes().decode(),
            "expected": None if self.current is None else self.current.digest,
            "renew": self.mapping is None and self.result["refit"].get("upheld", False),
        }


def evaluate(window: Window, ports: Ports) -> Evaluation:
    """Evaluate a window from what was frozen when it opened and the labels that it has.

    The same labels and the same channel head give the same evaluation, to the last bit.
    """
    watch, design = Watch.from_json(window.settings), Design.from_json(window.design)
    with ports.engine.connect() as conn:
        cohort = queue.cohort(conn, window.id)
        twice = queue.answered_twice(conn, window.id)
        baselines = _baselines(conn, window)
        earlier = windows.by_ids(conn, window.baseline["pooled"])
    current = head(ports.store, stream=window.stream, channel=window.channel)
    result = skeleton(window, cohort)
    result["response"] = response(cohort, design, twice)
    early = early_watch(window, ports)
    result["early_watch"] = None if early is None else early.to_json()
    sample = rows(cohort, window.period)
    if len(sample):
        result["raw"] = raw_part(sample, cohort, design)
        result["served"] = served_part(sample, cohort, design)
    result["score_mix"] = mix_part(sample, design, [Design.from_json(one.design) for one in earlier])
    if (why := refusal(cohort)) is not None:
        result["refit"]["reason"] = why
        return Evaluation(
            result=result, mapping=None, current=current, confirmed_change=False, insufficient=why
        )

    verdict = judge(
        watch,
        design,
        now=sample,
        mapping=_main_mapping(window, design, ports),
        baselines=baselines,
        period=window.period,
    )
    result["change"] = verdict.to_json()
    result["segments"] = segments_part(sample, cohort, design, verdict.segments)
    certificates = _certificates(watch, design, sample)
    result["certificates"] = certificates
    mapping, result["refit"] = propose(
        window,
        watch,
        ports,
        sample=sample,
        pooled=None if baselines is None else baselines.pooled,
        verdict=verdict,
        current=current,
        certificates=certificates,
    )
    return Evaluation(
        result=result, mapping=mapping, current=current, confirmed_change=verdict.confirmed, insufficient=None
    )


def skeleton(window: Window, cohort: Cohort | None) -> dict[str, Any]:
    """The `calib run --json` object of a window of which nothing more is known yet."""
    there = 0 if cohort is None else int((~np.isnan(cohort.correct)).sum())
    n = 0 if cohort is None else len(cohort.correct)
    unsure = 0 if cohort is None else cohort.unsure
    return {
        "stream": window.stream,
        "period": window.period,
        "state": window.state,
        "channel": window.channel,
        "population": window.population,
        "rejected": dict(window.rejected),
        "sample": {"n": n, "strata": len(window.design["sizes"]), "digest": window.sample_digest},
        "labels": {
            "n": there,
            "correct": 0 if cohort is None else int(np.nansum(cohort.correct)),
            "unsure": unsure,
            "missing": n - there - unsure,
        },
        "raw": dict(NOTHING_MEASURED),
        "served": NOTHING_MEASURED | {"source": window.design["served_source"], "mappings": []},
        "change": dict(NOTHING_COMPARED),
        "segments": {},
        "score_mix": None,
        "response": None,
        "early_watch": None,
        "refit": {
            "published": False,
            "reason": "the labels are not complete yet",
            "method": None,
            "pooling": None,
            "segments": [],
            "mapping": None,
            "ece_before": None,
            "ece_after": None,
            "brier_before": None,
            "brier_after": None,
        },
        "certificates": [],
        "alerts": [],
    }


def _baselines(conn: Connection, window: Window) -> Baselines | None:
    """The frozen baseline's rows; None where no earlier window has any."""
    known = {one.id: one for one in windows.by_ids(conn, _baseline_ids(window))}
    sampled = {id_: rows(queue.cohort(conn, id_), one.period) for id_, one in known.items()}

    def rows_of(ids: Sequence[int]) -> Rows | None:
        return pool([sampled[id_] for id_ in sorted(ids, key=lambda id_: known[id_].ends_at)])

    pooled = rows_of(window.baseline["pooled"])
    if pooled is None:
        return None
    anchor = window.baseline["anchor"]
    return Baselines(
        pooled=pooled,
        anchor=None if anchor is None else rows_of([anchor]),
        segment_periods={
            name: frozenset(known[id_].period for id_ in ids)
            for name, ids in window.baseline.get("segments", {}).items()
        },
        designs={one.period: Design.from_json(one.design) for one in known.values()},
    )


def _baseline_ids(window: Window) -> list[int]:
    anchor = window.baseline["anchor"]
    return [*window.baseline["pooled"], *([] if anchor is None else [anchor])]


def _main_mapping(window: Window, design: Design, ports: Ports) -> Mapping | None:
    """The mapping that served most of the window; None where that was the raw confidence."""
    served: dict[str, int] = {}
    for group in design.groups:
        served[group["mapping"]] = served.get(group["mapping"], 0) + group["n"]
    digest = max(served, key=lambda key: (served[key], key))
    return read_mapping(ports.store, stream=window.stream, digest=digest) if digest else None


def _certificates(watch: Watch, design: Design, sample: Rows) -> list[dict[str, Any]]:
    """For each target the cut that this window's labels prove, or why there is none."""
    effect = design_effect(sample)
    found = certified(sample.labels, targets=watch.targets, start=design.start, effect=effect)
    return [item.to_json() for item in found]
