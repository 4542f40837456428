"""What a run of a probe came to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from calib.db.probes import QuestionOutcome, Run
from calib.measure import measure
from calib.probe.comparison import compare
from calib.probe.probe import Probe
from calib.probe.questions import FEWEST
from calib.probe.reading import ReadReplies, paired
from calib.reasons import Facts, Reason
from calib.results.measured import Measured
from calib.results.probe import AcceptedRun, PairedResult, ProbeReplies, ProbeResult
from calib.results.window import ChangeResult


def result_of(
    probe: Probe,
    run: Run,
    reading: ReadReplies,
    *,
    accepted: Run | None,
    outcomes: Sequence[QuestionOutcome],
    failed: dict[str, int],
    refused: str | None,
) -> ProbeResult:
    """What `calib probe --json` prints, but for its alerts and its own acceptance.

    `outcomes` are those of the accepted run. `failed`: how many prompts got no reply, by kind; `refused`: why
    none can.
    """
    usable = len(reading.outcomes)
    compared = None if accepted is None else _accepted(accepted)
    result = ProbeResult(
        probe=probe.name,
        period=run.period,
        state="first",
        model=probe.model,
        served=reading.served,
        served_new=() if compared is None else tuple(sorted(set(reading.served) - set(compared.served))),
        setup_changed=()
        if accepted is None
        else tuple(key for key, value in run.setup.items() if accepted.setup.get(key) != value),
        questions=len(probe.questions),
        replies=ProbeReplies(
            asked=len(probe.questions) * probe.framings,
            arrived=sum(reading.served.values()),
            failed=failed,
            unread=reading.unread,
        ),
        readable=usable,
        accepted=compared,
        now=_measured([o.confidence for o in reading.outcomes], [o.correct for o in reading.outcomes]),
        before=None,
        paired=None,
        change=None,
    )
    if refused is not None:
        return _cannot_see(result, Reason("probe_refused", {"error": refused}))
    if usable < probe.least_readable * result.questions:
        facts: Facts = {"readable": usable, "questions": result.questions, "least": probe.least_readable}
        return _cannot_see(result, Reason("probe_too_few_readable", facts))
    if accepted is None:
        return result
    c0, y0, c1, y1 = paired(reading.outcomes, outcomes)
    if len(c0) < FEWEST:
        few: Facts = {"same": len(c0), "accepted": accepted.period, "least": FEWEST}
        return _cannot_see(result, Reason("probe_too_few_same_questions", few))
    comparison = compare(
        c0, y0, c1, y1, alpha=probe.alpha, max_rise=probe.max_rise, seed=_seed(probe.name, run.period)
    )
    return replace(
        result,
        state=comparison.state,
        now=_measured(c1, y1),
        before=_measured(c0, y0),
        paired=PairedResult(**comparison.to_json()),
        change=ChangeResult(**comparison.change.to_json()),
    )


def _accepted(run: Run) -> AcceptedRun:
    served = tuple(sorted((run.result or {}).get("served", {})))
    return AcceptedRun(run=run.id, period=run.period, by=run.accepted_by, served=served)


def _cannot_see(result: ProbeResult, why: Reason) -> ProbeResult:
    return replace(result, state="cannot_see", why=why.sentence, why_code=why.code, why_facts=dict(why.facts))


def _measured(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> Measured | None:
    return Measured.of(measure(confidence, correct)) if np.size(confidence) else None


def _seed(*words: str) -> int:
    """The same run draws the same signs."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")
