"""Refitting: which labels, which form, and whether the result may replace what is served. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from calib import __version__
from calib.calibrators import FORMS, Refit, refit
from calib.calibrators.segments import MOST
from calib.cycle.data import WindowData
from calib.cycle.promises import fit_period, without_broken
from calib.cycle.stream import CANDIDATE
from calib.cycle.verdict import ChangeDecision
from calib.format import Identity, Mapping
from calib.json_object import Json
from calib.period import Period
from calib.reasons import Reason
from calib.results import EceInterval
from calib.results.codec import to_json
from calib.results.window import NoCut, ProvenCut, RefitResult
from calib.routing import grid
from calib.routing.report import RoutingEvidence, certificates

LOGITS = ("token_probability", "logit")  # score sources with a softmax behind them: a temperature can undo it


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitProposal:
    """The mapping to put in place of the published one (None: that stays), and why.

    Where the published one is upheld without certificates that are broken, it is the same curves anew.
    """

    mapping: Mapping | None
    result: RefitResult


def propose(
    data: WindowData, decision: ChangeDecision, asked_cuts: Sequence[ProvenCut | NoCut]
) -> RefitProposal:
    """Refit on the window's labels and compare the result with what the channel names.

    There is no new mapping where it is not better on labels that it has not seen than what is served and than
    the raw confidence, where the published one rests on a later period than this window, or where a later
    window of the channel is closed already. `asked_cuts`: the certificates of the targets asked for.
    """
    published, pooled = data.published, data.baselines
    fitted = refit(
        data.sample,
        None if pooled is None else pooled.pooled,
        served=Identity() if published is None else published.default,
        served_segments={} if published is None else published.segments,
        change=decision.deciding,
        methods=FORMS if data.policy.scope.get("score") not in LOGITS else (*FORMS, "temperature"),
    )
    result = refit_result(fitted)
    newest = data.newest
    if newest is not None and _rests_on_later(newest, data):
        facts = {"served_period": str(newest.evidence["period"]), "period": data.window.period}
        why = Reason("refit_older_than_served", dict(facts))
        return RefitProposal(mapping=None, result=replace(result, published=False, **why.fields()))
    if data.newer is not None:
        facts = {"newer": data.newer, "period": data.window.period, "channel": data.window.channel}
        why = Reason("refit_older_than_newest", dict(facts))
        return RefitProposal(mapping=None, result=replace(result, published=False, **why.fields()))
    if not fitted.published or fitted.curve is None:
        return _upheld(data, result)
    if data.candidate is not None and data.candidate.withdrawn:
        why = Reason("refit_all_withdrawn", {})
        return RefitProposal(mapping=None, result=replace(result, published=False, **why.fields()))
    mapping = Mapping(
        stream=data.window.stream,
        scope=data.policy.scope,
        method=fitted.method,
        default=fitted.curve,
        segments=fitted.segments,
        certificates=_proven(data, asked_cuts),
        evidence=_evidence(data, fitted, decision),
        created_at=f"{data.window.as_of:%Y-%m-%dT%H:%M:%SZ}",
        parent=None if data.head is None else data.head.mapping,
        producer=f"calibwatch {__version__}",
    )
    channel = CANDIDATE if data.withdrawn else data.window.channel
    return RefitProposal(mapping=mapping, result=replace(result, mapping=mapping.digest, channel=channel))


def _upheld(data: WindowData, result: RefitResult) -> RefitProposal:
    """What is served stays; where this window's labels break certificates, it is published without those."""
    published = data.published
    if published is None:
        return RefitProposal(mapping=None, result=result)
    mapping, dropped = without_broken(data, published)
    result = replace(result, upheld=True)
    if not dropped:
        return RefitProposal(mapping=None, result=result)
    result = replace(
        result, mapping=mapping.digest, channel=data.window.channel, certificates_dropped=dropped
    )
    return RefitProposal(mapping=mapping, result=result)


def refit_result(fitted: Refit) -> RefitResult:
    """The `refit` object of the window's result, as far as the refit itself decides it."""
    return RefitResult(
        published=fitted.published,
        method=fitted.method,
        pooling=fitted.pooling,
        segments=tuple(sorted(fitted.segments)),
        ece_before=EceInterval.of(fitted.ece_before) if fitted.ece_before else None,
        ece_after=EceInterval.of(fitted.ece_after) if fitted.ece_after else None,
        brier_before=fitted.brier_before,
        brier_after=fitted.brier_after,
        **fitted.why.fields(),
    )


def _evidence(data: WindowData, fitted: Refit, decision: ChangeDecision) -> Json:
    """What the mapping file says of the labels behind it."""
    pooled = data.baselines
    periods = {data.window.period} | (set(pooled.pooled.periods.tolist()) if pooled is not None else set())
    result = refit_result(fitted)
    return {
        "period": data.window.period,
        "periods": sorted(periods),
        "labels": fitted.labels_used,
        "pooling": fitted.pooling,
        "ece_before": None if result.ece_before is None else to_json(result.ece_before),
        "ece_after": None if result.ece_after is None else to_json(result.ece_after),
        "brier": {"before": fitted.brier_before, "after": fitted.brier_after},
        "baseline": decision.deciding.state,
        "sample_digest": data.window.sample_digest,
        "segment_certificates": _proven_by_segment(data),
    }


def _proven(data: WindowData, asked_cuts: Sequence[ProvenCut | NoCut]) -> tuple[Json, ...]:
    """All that the labels prove: each target asked for, and the grid around it."""
    evidence, targets = data.routing, data.policy.targets
    others = [target for target in grid(targets) if target not in targets]
    cuts = [item for item in asked_cuts if isinstance(item, ProvenCut)]
    return tuple(asdict(cut) for cut in (*cuts, *_cuts(evidence, others)))


def _proven_by_segment(data: WindowData) -> dict[str, list[Json]]:
    """The same by segment, for those with the most labels at a cut.

    Segments stand apart, in the evidence: a client that does not know of them must not take theirs for the
    stream's.
    """
    evidence, targets = data.routing, grid(data.policy.targets)
    names = data.sample.segment_names
    segments = {name: cuts for name in names if (cuts := _cuts(evidence.of_segment(name), targets))}
    largest = sorted(segments, key=lambda name: (-max(cut.n for cut in segments[name]), name))[:MOST]
    return {name: [asdict(cut) for cut in segments[name]] for name in sorted(largest)}


def _cuts(evidence: RoutingEvidence, targets: Iterable[float]) -> list[ProvenCut]:
    return [item for item in certificates(evidence, tuple(targets)) if isinstance(item, ProvenCut)]


def _rests_on_later(mapping: Mapping, data: WindowData) -> bool:
    period = fit_period(mapping)
    return period is not None and period.later_than(Period.named(data.window.period))
