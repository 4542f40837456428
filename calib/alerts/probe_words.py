"""An alert of a probe in words. Pure."""

from __future__ import annotations

from calib.alerts.probe_facts import OtherModelFacts, ProbeFacts, UnreadableFacts, WorseModelFacts
from calib.json_object import Json
from calib.results.codec import from_json
from calib.wording.numbers import difference, p_value, percent

_PROBE_FACTS: dict[str, type[ProbeFacts]] = {
    "cannot_see": UnreadableFacts,
    "degraded": WorseModelFacts,
    "scope_changed": OtherModelFacts,
}


def probe_line(kind: str, probe: Json) -> str:
    """What a run of a probe found."""
    facts = from_json(_PROBE_FACTS[kind], probe, what="the facts of an alert")
    if isinstance(facts, UnreadableFacts):
        return _unseen_line(facts)
    return _worse_line(facts) if isinstance(facts, WorseModelFacts) else _other_model_line(facts)


def probe_step(kind: str, name: str, probe: Json) -> str:
    """What to do about it; `name` is the probe's."""
    accept = f"`calib probe {name} --accept` makes these answers the ones to compare with"
    return {
        "cannot_see": f"see the endpoint; `calib probe {name}` asks again what got no reply",
        "degraded": f"look for what changed at {probe.get('model')}; {accept}",
        "scope_changed": "mappings are valid for the model that they were fitted on: see each stream's "
        f"scope; {accept}",
    }[kind]


def _unseen_line(facts: UnreadableFacts) -> str:
    reasons = ", ".join(f"{n} {why.replace('_', ' ')}" for why, n in facts.lost)
    return f"{facts.why}." + (f" Replies that were of no use: {reasons}." if reasons else "")


def _worse_line(facts: WorseModelFacts) -> str:
    paired, change = facts.paired, facts.change
    now, before = (
        f"{percent(part.accuracy)} ({percent(part.accuracy_low)} to {percent(part.accuracy_high)})"
        for part in (facts.now, facts.before)
    )
    rise = difference(paired.brier_rise, paired.brier_rise_low, paired.brier_rise_high)
    return (
        f"On {paired.questions} fixed questions the Brier score moved by {rise}, {p_value(paired.p)}: "
        f"{paired.lost} answers turned wrong, {paired.gained} right. Accuracy {now}, {before} when "
        f"accepted in {facts.accepted_in}. The change test by confidence: "
        f"{str(change.state).replace('_', ' ')}, {p_value(change.p)}."
    )


def _other_model_line(facts: OtherModelFacts) -> str:
    served = ", ".join(f"{name} ({n} of {facts.total} replies)" for name, n in facts.served_new.items())
    accepted = ", ".join(facts.accepted_served)
    return f"Asked for {facts.model}, and served by {served}; when accepted, by {accepted}."
