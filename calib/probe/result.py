"""What a run of a probe came to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from calib.db.probes import QuestionOutcome, Run
from calib.json_object import Json
from calib.measure import measure
from calib.probe.comparison import compare
from calib.probe.probe import Probe
from calib.probe.questions import FEWEST
from calib.probe.reading import ReadReplies, paired


def result_of(
    probe: Probe,
    run: Run,
    reading: ReadReplies,
    *,
    accepted: Run | None,
    outcomes: Sequence[QuestionOutcome],
    failed: dict[str, int],
    refused: str | None,
) -> Json:
    """The object that `calib probe --json` prints, but for its alerts.

    `outcomes` are those of the accepted run. `failed`: how many prompts got no reply, by kind; `refused`: why
    none can.
    """
    total, usable = len(probe.questions), len(reading.outcomes)
    result: Json = {
        "probe": probe.name,
        "period": run.period,
        "state": "first",
        "why": None,
        "model": probe.model,
        "served": reading.served,
        "served_new": [],
        "setup_changed": [],
        "questions": total,
        "replies": {
            "asked": total * probe.framings,
            "arrived": sum(reading.served.values()),
            "failed": failed,
            "unread": reading.unread,
        },
        "readable": usable,
        "accepted": None,
        "now": _measured([o.confidence for o in reading.outcomes], [o.correct for o in reading.outcomes]),
        "before": None,
        "paired": None,
        "change": None,
    }
    if accepted is not None:
        then = (accepted.result or {}).get("served", {})
        result["accepted"] = {
            "run": accepted.id,
            "period": accepted.period,
            "by": accepted.accepted_by,
            "served": sorted(then),
        }
        result["served_new"] = sorted(set(reading.served) - set(then))
        result["setup_changed"] = [k for k, v in run.setup.items() if accepted.setup.get(k) != v]
    if refused is not None:
        return result | {"state": "cannot_see", "why": refused}
    if usable < probe.least_readable * total:
        why = f"{usable} of {total} replies can be read, and {probe.least_readable:.0%} are needed"
        return result | {"state": "cannot_see", "why": why}
    if accepted is None:
        return result
    c0, y0, c1, y1 = paired(reading.outcomes, outcomes)
    if len(c0) < FEWEST:
        why = f"{len(c0)} questions are the same as when {accepted.period} was accepted, {FEWEST} are needed"
        return result | {"state": "cannot_see", "why": why}
    comparison = compare(
        c0, y0, c1, y1, alpha=probe.alpha, max_rise=probe.max_rise, seed=_seed(probe.name, run.period)
    )
    return result | {
        "state": comparison.state,
        "now": _measured(c1, y1),
        "before": _measured(c0, y0),
        "paired": comparison.to_json(),
        "change": comparison.change.to_json(),
    }


def _measured(confidence: Any, correct: Any) -> Json | None:
    return measure(confidence, correct).to_json() if len(confidence) else None


def _seed(*words: str) -> int:
    """The same run draws the same signs."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")
