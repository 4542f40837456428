"""Evaluating a window: measure, decide, refit. Pure: what was loaded in, a result and a proposal out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import cast

import numpy as np

from calib.cycle.data import WindowData
from calib.cycle.early import early_watch
from calib.cycle.measuring import mix_part, raw_part, segments_part, served_part, with_accuracy_of
from calib.cycle.nonresponse import agreement, insufficient_because, response
from calib.cycle.picture_data import picture_part
from calib.cycle.promises import certificates_kept
from calib.cycle.readable import (
    ANSWERS_LEFT_OUT,
    OF_LABELS,
    ROWS_GONE,
    outcomes_unreadable,
    rows_unreadable,
)
from calib.cycle.refitting import propose
from calib.cycle.verdict import decide_change
from calib.db.windows import Window
from calib.json_object import Json
from calib.policy import above_limit
from calib.reasons import Reason
from calib.results import SCHEMA, Measured, WindowResult
from calib.results.window import (
    BaselineUsed,
    DrawnSample,
    LabelCounts,
    RefitResult,
    ServedMeasured,
    StreamChange,
    UnusableOutcomes,
    WindowState,
)
from calib.routing.report import certificates

# What an evaluated window keeps beside its result until its proposal is carried out.
PROPOSAL = "proposal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be done at the store.

    `mapping`: the text of the mapping to publish, None where the old one stays. `renew`: the old one is
    upheld; its entry is renewed, or its curves are published anew as `mapping`. `expected`: the digest of the
    channel's entry that the decision was made against, None for an empty channel. `candidate`: the same of
    the channel `candidate`, where the other one is withdrawn, and `withdrawn_at` since when it is.
    """

    mapping: str | None
    expected: str | None
    renew: bool
    candidate: str | None = None
    withdrawn_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a window's labels amount to; `insufficient`: why they carry no verdict, None where they do."""

    result: WindowResult
    proposal: Proposal
    confirmed_change: bool
    insufficient: Reason | None

    def to_json(self) -> Json:
        """The result and the proposal as JSON objects, as the window keeps them until it closes."""
        return self.result.to_json() | {PROPOSAL: asdict(self.proposal)}


def stored_result(window: Window) -> WindowResult:
    """The result that a window keeps once it is evaluated."""
    return WindowResult.from_json(window.result or {})


def stored_proposal(window: Window) -> Proposal:
    """The proposal of a window that is evaluated and not closed."""
    return Proposal(**(window.result or {})[PROPOSAL])


def evaluate(data: WindowData) -> Evaluation:
    """Evaluate a window from what was frozen when it opened and the labels that it has.

    The same labels and the same channel head give the same evaluation, to the last bit.
    """
    expected = None if data.head is None else data.head.digest
    withdrawn_at = data.head.at if data.head is not None and data.head.withdrawn else None
    window = data.window
    unreadable = rows_unreadable(
        window.population,
        {kind: n for kind, n in window.rejected.items() if kind not in OF_LABELS},
        data.design,
        limit=data.policy.max_rejected,
        scale=data.policy.scale,
        looks=data.design.looks,
    )
    result = opened(data) if unreadable is not None else measured(data)
    why = (
        unreadable
        or outcomes_unreadable(data.cohort, window.rejected.get(ANSWERS_LEFT_OUT, 0))
        or insufficient_because(data.cohort)
    )
    withdrawn_at = data.head.at if data.head is not None and data.head.withdrawn else None
    if why is not None:
        return Evaluation(
            result=replace(result, refit=RefitResult(**why.fields())),
            proposal=Proposal(mapping=None, expected=expected, renew=False, withdrawn_at=withdrawn_at),
            confirmed_change=False,
            insufficient=why,
        )
    decision = decide_change(data)
    proven = certificates(data.routing, data.policy.targets)
    proposed = propose(data, decision, proven)
    mapping = proposed.mapping
    return Evaluation(
        result=replace(
            result,
            change=decision.result(),
            above_limit=data.baselines is None
            and above_limit(
                result.served,
                max_ece=data.policy.max_ece,
                max_rise=data.policy.max_rise,
                floor=agreement(data.answered_twice, data.design).ece_floor or 0.0,
            ),
            segments=segments_part(data, decision.segments),
            certificates=proven,
            certificates_kept=certificates_kept(data),
            refit=proposed.result,
        ),
        proposal=Proposal(
            mapping=None if mapping is None else mapping.to_bytes().decode(),
            expected=expected,
            renew=proposed.result.upheld,
            candidate=None if data.candidate is None else data.candidate.digest,
            withdrawn_at=withdrawn_at,
        ),
        confirmed_change=decision.confirmed,
        insufficient=None,
    )


def measured(data: WindowData) -> WindowResult:
    """What the labels measure, before anything is decided from them."""
    raw = raw_part(data)
    return replace(
        opened(data),
        response=response(data.cohort, data.design, data.answered_twice),
        early_watch=early_watch(data),
        raw=raw,
        served=with_accuracy_of(raw, served_part(data)),
        score_mix=mix_part(data),
        pictures=picture_part(data),
    )


def in_progress(data: WindowData) -> WindowResult:
    """The result of a window whose labels are still coming in: how many there are, and the early watch."""
    return replace(opened(data), early_watch=early_watch(data))


def opened(data: WindowData) -> WindowResult:
    """The result of a window of which nothing is known but its sample and how many labels it has."""
    window, cohort = data.window, data.cohort
    labelled, drawn = int(cohort.labelled.sum()), len(cohort.correct)
    return WindowResult(
        schema=SCHEMA,
        stream=window.stream,
        period=window.period,
        state=cast("WindowState", window.state),
        channel=window.channel,
        review=data.policy.review_kind,
        revision=window.revision,
        population=window.population,
        rejected={kind: n for kind, n in window.rejected.items() if kind not in OF_LABELS},
        rounded=data.design.rounded,
        sample=DrawnSample(n=drawn, strata=len(data.design.sizes), digest=window.sample_digest),
        labels=LabelCounts(
            n=labelled,
            correct=int(np.nansum(cohort.correct)),
            unsure=cohort.unsure,
            missing=drawn - labelled - cohort.unsure,
        ),
        outcomes=UnusableOutcomes(
            not_an_answer=window.rejected.get(ANSWERS_LEFT_OUT, 0),
            not_found=window.rejected.get(ROWS_GONE, 0),
        ),
        baseline=BaselineUsed(
            periods=tuple(earlier.period for earlier in data.pooled),
            labels=sum(len(earlier.sample) for earlier in data.pooled),
        ),
        clusters=data.clustering.result(
            data.sample, earlier=None if data.baselines is None else data.baselines.pooled
        ),
        raw=Measured(),
        served=ServedMeasured(source=data.design.served_source),
        change=StreamChange(),
        refit=RefitResult(**Reason("labels_incomplete", {}).fields()),
    )
