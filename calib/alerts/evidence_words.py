"""The words about what labels and rows can say, and about what came before a verdict. Pure."""

from __future__ import annotations

from calib.alerts.facts import MixFacts, WindowFacts
from calib.alerts.unreadable import gone_line, unknown_outcomes_line, unreadable_step
from calib.alerts.verdict_parts import facts_of, size, warning_sentences
from calib.alerts.words import (
    DONE,
    HOW_SURE,
    NOTHING_TONIGHT,
    TO_DO,
    WHAT,
    Parts,
    Said,
    Titled,
    Told,
    sentence,
)
from calib.reasons import UNREADABLE
from calib.wording.numbers import odds, percent, signed

STAYS = "The mapping stays as it is."


def early_warning(told: Told) -> Said:
    """The labels so far speak against the mapping."""
    facts = told.facts
    parts = Parts()
    parts.add(
        WHAT,
        f"After {facts['labels']:,} labels, before all have come, the served confidence does not hold any "
        "more.",
    )
    parts.add(
        HOW_SURE,
        f"The evidence against it is {odds(facts['e_value'])}; the alarm is at {facts['needed']:,.0f} to 1.",
        "Such a warning can be a false alarm, within the budget of the stream.",
    )
    parts.add(
        TO_DO,
        f"Look for what changed in {told.period}: model, prompt, inputs.",
        "The verdict follows with the last labels, in this thread.",
        waiting_step(told.stream, by_itself=bool(facts.get("by_itself", False))),
    )
    return Said(
        title="confidence may have got worse",
        tonight="It is not decided yet. Look at it in the next working hours.",
        parts=parts.done(),
    )


def insufficient_labels(told: Told) -> Said:
    """Too few labels for a verdict, or no row at all."""
    facts = facts_of(told)
    parts = Parts()
    if facts.population == 0:
        parts.add(WHAT, f"No row of {told.period} counts: there is nothing to measure. {STAYS}")
        parts.add(
            TO_DO,
            "See why no row arrived: `calib check` shows what the traffic holds.",
            _again(told, "rows came late"),
        )
        title = "no row arrived"
    else:
        parts.add(WHAT, f"{size(facts)}.", sentence(facts.refit.reason), STAYS, *warning_sentences(facts))
        in_time = "See that the next sample is labelled in time."
        if facts.by_itself:
            in_time = "See why outcomes are missing: `calib check` shows where they come from."
        parts.add(TO_DO, in_time, _again(told, "labels came late"))
        title = "too few labels for a verdict"
    return Said(title=title, tonight=NOTHING_TONIGHT, parts=parts.done())


def cannot_see(told: Told) -> Said:
    """Nothing was detected, and nothing much would have been; or the rows cannot be read."""
    facts = facts_of(told)
    parts = Parts()
    if facts.refit.reason_code in UNREADABLE:
        parts.add(
            WHAT,
            sentence(facts.refit.reason),
            f"This period has no verdict. {STAYS}",
            *warning_sentences(facts),
        )
        parts.add(
            TO_DO,
            sentence(unreadable_step(told.facts, told.stream)),
            _again(told, "the rows are correct now"),
        )
        return Said(title="the rows cannot be read", tonight=NOTHING_TONIGHT, parts=parts.done())
    parts.add(WHAT, _underpowered(facts), f"It rests on {size(facts)}.", *warning_sentences(facts))
    parts.add(
        TO_DO,
        f"`calib plan {told.stream} --period {told.period}` says how many labels would detect which rise.",
    )
    return Said(title="too little is known for a verdict", tonight=NOTHING_TONIGHT, parts=parts.done())


def _underpowered(facts: WindowFacts) -> str:
    change = facts.change
    if change.state == "first":
        return "There is no baseline yet to compare these labels with."
    rise = change.minimum_detectable_rise
    if rise is None:
        return "No change was detected, and not even a total loss of accuracy would have been."
    return f"No change was detected. With 80% power only a rise beyond {rise:.3f} would have been detected."


def score_mix(told: Told) -> Said:
    """The model states other confidences than before."""
    facts = facts_of(told)
    parts = Parts()
    parts.add(WHAT, "" if facts.score_mix is None else _mix(facts.score_mix))
    parts.add(
        TO_DO,
        f"Look for what changed in {told.period}: model, prompt, inputs.",
        f"`calib run {told.stream} --period {told.period}` shows the shares.",
    )
    title = "the model states other confidences than before"
    tonight = f"This alone says nothing about whether they are right. {NOTHING_TONIGHT}"
    return Said(title=title, tonight=tonight, parts=parts.done())


def _mix(mix: MixFacts) -> str:
    usual = "" if mix.usual is None else f"; at most {percent(mix.usual)} did between earlier periods"
    from_mix = mix.ece_from_mix
    effect = "" if from_mix is None else f" This alone moves the served ECE by {signed(from_mix)}."
    return (
        f"{percent(mix.moved)} of all predictions moved to another stated confidence{usual}.{effect} "
        "The change test compares at fixed shares, so that this does not decide it."
    )


def rejects_up(told: Told) -> Said:
    """More rows than usual do not count."""
    facts = facts_of(told)
    kinds = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in facts.rejected.items())
    parts = Parts()
    parts.add(
        WHAT,
        f"Not counted: {kinds}, beside {facts.population:,} that were." if kinds else None,
        unknown_outcomes_line(facts) if facts.outcomes.not_an_answer else None,
    )
    parts.add(TO_DO, "See who writes these rows: `calib check` shows the first of each kind with its place.")
    title = "more rows than usual cannot be read"
    return Said(title=title, tonight=NOTHING_TONIGHT, parts=parts.done())


def scope_changed(told: Told) -> Said:
    """Another model, prompt or score is watched."""
    facts = facts_of(told)
    parts = Parts()
    parts.add(DONE, f"The baseline begins anew with this period ({size(facts)}).")
    parts.add(
        TO_DO,
        f"Nothing if it was meant; else correct `scope` of [streams.{told.stream}] in calib.toml.",
        f"`calib mapping list {told.stream}` shows what is served.",
    )
    title = "another model, prompt or score than before"
    return Said(title=title, tonight=NOTHING_TONIGHT, parts=parts.done())


def labels_not_found(told: Told) -> Said:
    """Drawn rows are gone from the traffic."""
    parts = Parts()
    parts.add(WHAT, gone_line(told.facts))
    parts.add(
        TO_DO,
        "See whether rows were deleted, or written anew with other ids or times: `calib check` shows what "
        "the traffic holds.",
    )
    title = "sampled rows are no longer in the traffic"
    return Said(title=title, tonight=NOTHING_TONIGHT, parts=parts.done())


def waiting_step(stream: str, *, by_itself: bool) -> str:
    """How the labels that are still missing come in."""
    if by_itself:
        return f"`calib evaluate {stream}` takes the outcomes that have arrived."
    return f"`calib labels export {stream} --to todo.csv` gives what waits for an answer."


def _again(told: Told, reason: str) -> str:
    return (
        f'`calib window reopen {told.stream} {told.period} --reason "{reason}"` then reads the period anew, '
        f"and `calib evaluate {told.stream}` evaluates it."
    )


WORDS = {
    "early_warning": Titled("confidence may have got worse", early_warning),
    "insufficient_labels": Titled("too few labels for a verdict", insufficient_labels),
    "cannot_see": Titled("too little is known for a verdict", cannot_see),
    "score_mix": Titled("the model states other confidences than before", score_mix),
    "rejects_up": Titled("more rows than usual cannot be read", rejects_up),
    "scope_changed": Titled("another model, prompt or score than before", scope_changed),
    "labels_not_found": Titled("sampled rows are no longer in the traffic", labels_not_found),
}
