"""Evaluating a window: measure, decide, refit. Reads the database and the store, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from calib.calibrators import Labels
from calib.cycle.design import Design
from calib.cycle.evidence import Rows, counts, pool, refusal, rows
from calib.cycle.ports import Ports, Watch
from calib.cycle.refitting import propose
from calib.cycle.verdict import judge
from calib.db import windows
from calib.db.windows import Window
from calib.mapping import Mapping
from calib.measure import GRID, Change, Measurement, measure
from calib.review import queue
from calib.review.queue import Cohort
from calib.routing import certified, start_cut
from calib.store import Entry, head, read_mapping

Floats = npt.NDArray[np.float64]

# The same keys whatever is known: a reader never has to ask whether an object is there.
_INTERVALS = ("accuracy", "auroc", "brier", "log_loss")
_NUMBERS = ("ece", "ece_plugin", "low", "high", "mean_confidence", "gap", "mcb", "dsc", "unc")
NOTHING_MEASURED: dict[str, Any] = {
    **dict.fromkeys(_NUMBERS),
    **dict.fromkeys(f"{name}{end}" for name in _INTERVALS for end in ("", "_low", "_high")),
    "n": 0,
    "informative": False,
    "bins": [],
}
NOTHING_COMPARED: dict[str, Any] = Change.first().to_json() | {"state": None, "against": None, "anchor": None}


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
        pooled = _rows_of(conn, window.baseline["pooled"])
        anchor_id = window.baseline["anchor"]
        anchor = _rows_of(conn, [anchor_id] if anchor_id is not None else [])
    current = head(ports.store, stream=window.stream, channel=window.channel)
    result = skeleton(window, cohort)
    sample = rows(cohort, window.period)
    if len(sample):
        result["raw"] = _raw(sample, cohort, design).to_json()
        result["served"] = _served(cohort, design)
    if (why := refusal(cohort)) is not None:
        result["refit"]["reason"] = why
        return Evaluation(
            result=result, mapping=None, current=current, confirmed_change=False, insufficient=why
        )

    served = _served_mean(design)
    verdict = judge(
        watch,
        design,
        now=counts(sample, design.strata),
        now_rows=sample,
        served=served,
        mapping=_main_mapping(window, design, ports),
        pooled=pooled,
        anchor=anchor,
        period=window.period,
    )
    result["change"] = verdict.to_json()
    certificates = _certificates(watch, design, sample)
    result["certificates"] = certificates
    mapping, result["refit"] = propose(
        window,
        watch,
        ports,
        sample=sample,
        pooled=pooled,
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
        "refit": {
            "published": False,
            "reason": "the labels are not complete yet",
            "method": None,
            "mapping": None,
            "ece_before": None,
            "ece_after": None,
            "brier_before": None,
            "brier_after": None,
        },
        "certificates": [],
        "alerts": [],
    }


def _rows_of(conn: Connection, ids: Sequence[int]) -> Rows | None:
    found = windows.by_ids(conn, ids)
    return pool([rows(queue.cohort(conn, window.id), window.period) for window in found])


def _raw(sample: Rows, cohort: Cohort, design: Design) -> Measurement:
    there = ~np.isnan(cohort.correct)
    return measure(
        sample.raw,
        sample.correct,
        strata=cohort.stratum[there],
        mass=design.mass,
        score_means=design.raw_mean,
    )


def _served(cohort: Cohort, design: Design) -> dict[str, Any]:
    """The same for what production used, each stratum by mapping: a change in mid-period is the norm."""
    there = ~np.isnan(cohort.correct)
    index = {(group["stratum"], group["mapping"]): i for i, group in enumerate(design.groups)}
    group = np.array(
        [
            index[int(b), digest or ""]
            for b, digest in zip(
                cohort.stratum[there], np.array(cohort.mapping, dtype=object)[there], strict=True
            )
        ]
    )
    sizes = np.array([group["n"] for group in design.groups], dtype=float)
    measured = measure(
        cohort.served[there],
        cohort.correct[there],
        strata=group,
        mass=sizes / sizes.sum(),
        score_means=np.array([group["mean"] for group in design.groups]),
    )
    shares: dict[str, float] = {}
    for entry in design.groups:
        shares[entry["mapping"]] = shares.get(entry["mapping"], 0.0) + entry["n"] / sizes.sum()
    return measured.to_json() | {
        "source": design.served_source,
        "mappings": [{"mapping": digest or None, "share": share} for digest, share in sorted(shares.items())],
    }


def _served_mean(design: Design) -> Floats:
    """The population's mean served confidence by stratum, over all mappings, shape (B,)."""
    total = np.zeros(len(design.strata))
    for group in design.groups:
        total[group["stratum"]] += group["n"] * group["mean"]
    return total / design.sizes


def _main_mapping(window: Window, design: Design, ports: Ports) -> Mapping | None:
    """The mapping that served most of the window; None where that was the raw confidence."""
    served: dict[str, int] = {}
    for group in design.groups:
        served[group["mapping"]] = served.get(group["mapping"], 0) + group["n"]
    digest = max(served, key=lambda key: (served[key], key))
    return read_mapping(ports.store, stream=window.stream, digest=digest) if digest else None


def _certificates(watch: Watch, design: Design, sample: Rows) -> list[dict[str, Any]]:
    """For each target the cut that this window's labels prove, or why there is none."""
    levels = np.array([cell for cell, _, _ in design.cells]) / GRID
    start = start_cut(levels, [n for _, n, _ in design.cells])
    labels = Labels(sample.raw, sample.correct, sample.weight)
    return [item.to_json() for item in certified(labels, targets=watch.targets, start=start)]
