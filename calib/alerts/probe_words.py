"""An alert of a probe in words. Pure."""

from __future__ import annotations

from calib.alerts.probe_facts import OtherModelFacts, ProbeFacts, UnreadableFacts, WorseModelFacts
from calib.alerts.words import NOTHING_TONIGHT, TO_DO, WHAT, Parts, Said, Told
from calib.results.codec import from_json
from calib.wording.numbers import difference, p_value, percent

_PROBE_FACTS: dict[str, type[ProbeFacts]] = {
    "cannot_see": UnreadableFacts,
    "degraded": WorseModelFacts,
    "scope_changed": OtherModelFacts,
}


TITLES = {
    "cannot_see": "too little is known for a verdict",
    "degraded": "the model got worse on the fixed questions",
    "scope_changed": "another model answers than before",
}


def words(told: Told) -> Said:
    """What a run of a probe found; the stream is the probe's name."""
    probe, name = told.facts["probe"], told.stream
    facts = from_json(_PROBE_FACTS[told.kind], probe, what="the facts of an alert")
    parts = Parts()
    if isinstance(facts, UnreadableFacts):
        parts.add(WHAT, _unseen_line(facts))
    else:
        parts.add(
            WHAT, _worse_line(facts) if isinstance(facts, WorseModelFacts) else _other_model_line(facts)
        )
    accept = f"`calib probe {name} --accept` makes these answers the ones to compare with."
    steps = {
        "cannot_see": [f"See whether the endpoint works; `calib probe {name}` asks again what got no reply."],
        "degraded": [
            f"Look for what changed at {probe.get('model')}. Streams of this model may be wrong too.",
            accept,
        ],
        "scope_changed": [
            "Mappings are valid for the model that they were fitted on: correct `scope` of each stream of "
            "this model.",
            accept,
        ],
    }[told.kind]
    parts.add(TO_DO, *steps)
    tonight = NOTHING_TONIGHT
    if told.kind == "degraded":
        tonight = "Whether production acts wrongly is not known. Look at it in the next working hours."
    return Said(title=TITLES[told.kind], tonight=tonight, parts=parts.done())


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
