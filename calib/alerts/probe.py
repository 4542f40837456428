"""Which findings of a probe's run become alerts. Pure: the result of a run in, alerts out."""

from __future__ import annotations

from calib.alerts.alert import Alert
from calib.alerts.probe_facts import (
    AccuracyFacts,
    OtherModelFacts,
    PairedFacts,
    ProbeFacts,
    StratifiedFacts,
    UnreadableFacts,
    WorseModelFacts,
)
from calib.results.codec import to_json
from calib.results.measured import Measured
from calib.results.probe import ProbeResult


def findings(result: ProbeResult) -> list[str]:
    """The kinds of finding in a run's result: `cannot_see`, `degraded`, `scope_changed`."""
    kinds: list[str] = []
    if result.state in ("cannot_see", "degraded"):
        kinds.append(result.state)
    if result.served_new:
        kinds.append("scope_changed")
    return kinds


def probe_alerts(result: ProbeResult, *, before: ProbeResult | None) -> list[Alert]:
    """The alerts of a run, with the probe's name as their stream.

    `before` is the result of the run before, where that was compared with the same accepted answers: what it
    found already is not reported again, nor is a change that does no harm.
    """
    known = set() if before is None else {(kind, _detail(kind, before)) for kind in findings(before)}
    return [
        Alert(
            kind=kind,
            stream=result.probe,
            period=result.period,
            severity="bad" if kind == "degraded" else "warning",
            facts={"probe": to_json(_facts(kind, result))},
        )
        for kind in findings(result)
        if (kind, _detail(kind, result)) not in known
    ]


def _detail(kind: str, result: ProbeResult) -> tuple[str, ...]:
    return result.served_new if kind == "scope_changed" else ()


def _facts(kind: str, result: ProbeResult) -> ProbeFacts:
    if kind == "cannot_see":
        lost = (*result.replies.failed.items(), *result.replies.unread.items())
        return UnreadableFacts(why=result.why or "", lost=lost)
    if kind == "degraded":
        return _worse(result)
    return OtherModelFacts(
        model=result.model,
        total=sum(result.served.values()),
        served_new={name: result.served[name] for name in result.served_new},
        accepted_served=() if result.accepted is None else result.accepted.served,
    )


def _worse(result: ProbeResult) -> WorseModelFacts:
    now, before, accepted = result.now, result.before, result.accepted
    pair, change = result.paired, result.change
    if now is None or before is None or accepted is None or pair is None or change is None:
        raise AssertionError("a run is degraded only in comparison with an accepted one")
    return WorseModelFacts(
        model=result.model,
        paired=PairedFacts(
            questions=pair.questions,
            brier_rise=pair.brier_rise,
            brier_rise_low=pair.brier_rise_low,
            brier_rise_high=pair.brier_rise_high,
            p=pair.p,
            lost=pair.lost,
            gained=pair.gained,
        ),
        now=_accuracy(now),
        before=_accuracy(before),
        accepted_in=accepted.period,
        change=StratifiedFacts(state=change.state, p=change.p),
    )


def _accuracy(side: Measured) -> AccuracyFacts:
    return AccuracyFacts(
        accuracy=side.accuracy, accuracy_low=side.accuracy_low, accuracy_high=side.accuracy_high
    )
