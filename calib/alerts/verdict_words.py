"""The words of a verdict: worse, recovered, no better mapping, far off, a promise that is broken. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from calib.alerts.facts import WindowFacts
from calib.alerts.verdict_parts import (
    broken_sentence,
    dropped_sentence,
    ece,
    facts_of,
    how_bad,
    how_sure,
    information,
    refit_sentence,
    routing,
    segment_table,
    since_when,
    warning_sentences,
    where,
)
from calib.alerts.words import (
    DONE,
    HOW_BAD,
    HOW_SURE,
    INFORMATION,
    NOTHING_TONIGHT,
    PRODUCTION,
    ROUTING,
    SINCE_WHEN,
    TO_DO,
    UNDO,
    WHERE,
    Parts,
    Said,
    Titled,
    Told,
)
from calib.wording.numbers import percent


@dataclass(frozen=True, slots=True)
class Remedy:
    """What became of the window's new mapping: `served`, `withdrawn` by a person meanwhile, or `none`."""

    state: str

    @classmethod
    def of(cls, facts: WindowFacts) -> Remedy:
        """What the refit led to."""
        refit = facts.refit
        if facts.withdrawn or refit.channel not in (None, facts.channel):
            return cls("withdrawn")
        return cls("served" if refit.published and refit.mapping else "none")


def degraded(told: Told) -> Said:
    """The stream, or a segment of it, became less reliable."""
    facts = facts_of(told)
    remedy = Remedy.of(facts)
    parts = Parts()
    parts.add(HOW_BAD, *how_bad(facts))
    parts.add(SINCE_WHEN, since_when(told.period, facts))
    parts.add(HOW_SURE, *how_sure(facts), *warning_sentences(facts))
    parts.add(WHERE, *where(facts), table=segment_table(facts.segment_rows))
    parts.add(ROUTING, *routing(facts))
    parts.add(INFORMATION, *information(facts))
    parts.add(DONE, refit_sentence(facts.refit, facts.channel))
    parts.add(TO_DO, *_to_do(told, facts, remedy))
    parts.add(UNDO, _undo(told, facts, remedy))
    return Said(
        title="confidence got worse",
        tonight=_tonight(facts, remedy),
        parts=parts.done(),
        acts_wrongly=remedy.state == "none",
    )


def recovered(told: Told) -> Said:
    """A degradation has ended, or an early warning is not confirmed."""
    facts = facts_of(told)
    parts = Parts()
    parts.add(HOW_BAD, *how_bad(facts))
    parts.add(HOW_SURE, *how_sure(facts), *warning_sentences(facts))
    parts.add(ROUTING, *routing(facts))
    parts.add(TO_DO, f"Nothing. `calib mapping list {told.stream}` shows the versions.")
    title = "confidence is right again" if facts.recovered else "the early warning is not confirmed"
    return Said(title=title, tonight=NOTHING_TONIGHT, parts=parts.done())


def refit_vetoed(told: Told) -> Said:
    """A change is confirmed, and no new mapping was better."""
    facts = facts_of(told)
    worse = facts.change.state == "degraded" or bool(facts.segments)
    parts = Parts()
    if not worse:
        parts.add(HOW_BAD, *how_bad(facts))
        parts.add(HOW_SURE, *how_sure(facts))
        parts.add(ROUTING, *routing(facts))
    parts.add(DONE, refit_sentence(facts.refit, facts.channel))
    parts.add(INFORMATION, *information(facts))
    parts.add(TO_DO, _look(told), _list(told))
    tonight = (
        "Routing on this confidence is not safe until the cause is known."
        if worse
        else "That it acts wrongly is not proven. Look at it in the next working hours."
    )
    return Said(title="changed, and no better mapping was found", tonight=tonight, parts=parts.done())


def above_limit(told: Told) -> Said:
    """The first window of another scope is far off."""
    facts = facts_of(told)
    remedy = Remedy.of(facts)
    parts = Parts()
    parts.add(HOW_BAD, *how_bad(facts))
    parts.add(
        SINCE_WHEN,
        f"Since another model, prompt or score is watched, which {told.period} is the first period of.",
    )
    parts.add(WHERE, table=segment_table(facts.segment_rows))
    parts.add(ROUTING, *routing(facts))
    parts.add(INFORMATION, *information(facts))
    parts.add(DONE, refit_sentence(facts.refit, facts.channel))
    steps = ["Tell the serving systems the new scope, or they get no mapping at all."]
    if remedy.state == "none":
        steps = ["Do not act on this confidence.", *_stop(told, facts), *steps]
    parts.add(TO_DO, *steps, _list(told))
    return Said(
        title="confidence is far off after the change",
        tonight=_tonight(facts, remedy),
        parts=parts.done(),
        acts_wrongly=remedy.state == "none",
    )


def certificate_broken(told: Told) -> Said:
    """A proven accuracy is rejected by this window's labels."""
    facts = facts_of(told)
    refit = facts.refit
    broken = [certificate for certificate in facts.certificates_kept if certificate.kept == "no"]
    mended = bool(refit.certificates_dropped) or Remedy.of(facts).state != "none"
    parts = Parts()
    parts.add(HOW_BAD, *(broken_sentence(certificate) for certificate in broken))
    parts.add(DONE, dropped_sentence(refit, facts.channel))
    steps = [] if mended else _stop(told, facts)
    record = f"`calib routes {told.stream}` shows what is proven now, and the record over the months."
    parts.add(TO_DO, *steps, _look(told), record)
    worse = facts.change.state == "degraded" or bool(facts.segments)
    tonight = (
        f"Already mended: `decide` no longer acts on what is broken. {NOTHING_TONIGHT}"
        if mended
        else "Acts wrongly now: `decide` acts on a promise that does not hold."
    )
    return Said(
        title="a proven accuracy does not hold any more",
        tonight=tonight,
        parts=parts.done(),
        acts_wrongly=not mended and not worse,  # else the degradation, in the same thread, mentions the owner
    )


def _tonight(facts: WindowFacts, remedy: Remedy) -> str:
    if remedy.state == "served":
        return f"Already mended: a new mapping is served. {NOTHING_TONIGHT}"
    if remedy.state == "withdrawn":
        return f"{facts.channel} is withdrawn: clients say UNCALIBRATED and act on nothing. {NOTHING_TONIGHT}"
    passed = facts.threshold
    if passed is None or passed.accuracy is None:
        return (
            f"Acts wrongly now: the served confidence is off by {ece(facts.served)} on average, "
            "and no better mapping was found."
        )
    return (
        f"Acts wrongly now: {percent(passed.share)} pass your threshold {passed.threshold:.2f}, and "
        f"{percent(passed.accuracy)} of them are right."
    )


def _to_do(told: Told, facts: WindowFacts, remedy: Remedy) -> list[str]:
    if remedy.state == "withdrawn" and facts.refit.mapping is not None:
        serve = f"`calib mapping promote {told.stream} {facts.refit.mapping[:12]}{_channel(facts)}`"
        return [_look(told), f"{serve} serves the new mapping."]
    if remedy.state == "served":
        return [_look(told), _list(told)]
    return [*_stop(told, facts), _look(told), _list(told)]


def _stop(told: Told, facts: WindowFacts) -> list[str]:
    """How to stop acting on what is wrong; nothing where no mapping is served, so that no client acts."""
    if not facts.calibrated:
        return [
            "No mapping is served, so that `decide` acts on nothing; whoever acts on the raw "
            "confidence has to stop."
        ]
    stop = f'`calib mapping withdraw {told.stream}{_channel(facts)} --reason "wrong in {told.period}"`'
    return [
        f"{stop} stops acting on it: clients then say UNCALIBRATED and act on nothing, until a "
        "person promotes a mapping again."
    ]


def _undo(told: Told, facts: WindowFacts, remedy: Remedy) -> str | None:
    """Undoing is sensible in one case alone: the labels that the new mapping rests on were wrong."""
    if remedy.state != "served":
        return None
    where = _channel(facts)
    if facts.refit.generation == 1:
        back = (
            f'`calib mapping withdraw {told.stream}{where} --reason "the labels of {told.period} were wrong"`'
        )
        return (
            f"Only if the labels of {told.period} were wrong: {back} goes back to the raw "
            "confidence, for there is no earlier mapping."
        )
    back = f"`calib mapping rollback {told.stream}{where}`"
    return f"Only if the labels of {told.period} were wrong: {back} goes back to the mapping before."


def _channel(facts: WindowFacts) -> str:
    return "" if facts.channel == PRODUCTION else f" --channel {facts.channel}"


def _look(told: Told) -> str:
    return f"Look for what changed in {told.period}: model, prompt, inputs."


def _list(told: Told) -> str:
    return f"`calib mapping list {told.stream}` shows what is served."


WORDS = {
    "degraded": Titled("confidence got worse", degraded),
    "recovered": Titled("confidence is right again", recovered),
    "refit_vetoed": Titled("changed, and no better mapping was found", refit_vetoed),
    "above_limit": Titled("confidence is far off after the change", above_limit),
    "certificate_broken": Titled("a proven accuracy does not hold any more", certificate_broken),
}
