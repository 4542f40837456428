"""An alert in words: for Slack within its limits, and as plain text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from calib.alerts.facts import ChangeFacts, MeasuredFacts, MixFacts, RefitFacts, SegmentFacts, WindowFacts
from calib.alerts.probe_words import probe_line, probe_step
from calib.alerts.unreadable import gone_line, unknown_outcomes_line, unreadable_step
from calib.alerts.watchdog import DEPLOYMENT
from calib.alerts.watchdog_words import (
    TITLES as WATCHDOG_TITLES,
)
from calib.alerts.watchdog_words import job_line, parked_line, probe_missed_line, unsafe_line, watchdog_step
from calib.json_object import Json
from calib.reasons import UNREADABLE
from calib.results import EceInterval
from calib.results.codec import from_json
from calib.results.window import CertificateKept
from calib.text import one_line
from calib.wording.change import direction_words
from calib.wording.numbers import interval, odds, p_value, percent, signed

SECTION, HEADER, TOTAL = 3_000, 150, 13_000  # characters: Slack's limits
PRODUCTION = "production"  # the channel that commands mean by default

TITLES = {
    "degraded": "confidence got worse",
    "recovered": "confidence is true again",
    "insufficient_labels": "too few labels for a verdict",
    "refit_vetoed": "changed, and no better mapping was found",
    "rejects_up": "more rows than usual cannot be read",
    "window_missed": "a period was not watched",
    "cohort_late": "labels are late",
    "mapping_stale": "the mapping is about to expire",
    "early_warning": "confidence may have got worse",
    "cannot_see": "too little is known for a verdict",
    "score_mix": "the model states other confidences than before",
    "above_limit": "confidence is far off after the change",
    "certificate_broken": "a proven accuracy does not hold any more",
    "scope_changed": "another model, prompt or score than before",
    "stream_failed": "the work on it failed",
    "labels_not_found": "sampled rows are no longer in the traffic",
    **WATCHDOG_TITLES,
}
CAUSES = {  # of `stream_failed`; see calib/alerts/failure.py
    "input": "Its settings or its data are wrong. It fails again until they are corrected.",
    "artifact": "A mapping or an entry of its channel is damaged, or not the one asked for, and is not used.",
    "store": "The store of mappings could not be reached or refused.",
    "source": "Its traffic or the database could not be reached or read.",
    "endpoint": "The endpoint of its model gave no reply.",
    "machine": "The machine refused a file or a connection.",
    "unexpected": "The error was not foreseen: it may be a fault of calibwatch.",
}
MARKS = {"good": ":white_check_mark:", "warning": ":warning:", "bad": ":rotating_light:"}
# control characters, invisible ones such as direction overrides, lone surrogates, line and paragraph ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`text` for notifications and terminals, not yet escaped for Slack; `blocks` for Slack, escaped."""

    text: str
    blocks: list[Json]


def message(payload: Json) -> Message:
    """Render an outbox payload: kind, stream, period, severity and facts.

    Within Slack's limits whatever the facts hold: what is too long is cut, what could call a channel, make a
    link, hide or reorder text is escaped or taken out.
    """
    stream, period, kind = one_line(payload["stream"]), one_line(payload["period"]), payload["kind"]
    again = "" if payload.get("revision", 1) == 1 else f" (revision {payload['revision']})"
    facts = payload["facts"]
    title = f"{stream} {period}{again}: {_title(kind, facts)}"
    lines = [one_line(line) for line in (*_lines(kind, facts), _next_step(kind, stream, period, facts))]
    header = _cut(f"{MARKS[payload['severity']]} {title}", HEADER)
    blocks: list[Json] = [{"type": "header", "text": {"type": "plain_text", "text": header, "emoji": True}}]
    room = TOTAL - len(header)
    for line in lines:
        section = _cut(escaped(line), min(SECTION, room))
        room -= len(section)
        if section:
            text = {"type": "mrkdwn", "text": section, "verbatim": True}
            blocks.append({"type": "section", "text": text})
    if (report := one_line(facts.get("report") or "")) and len(link := _report_link(report)) <= room:
        lines.append(f"Report: {report}")
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link, "verbatim": True}})
    return Message(text=_cut("\n".join([title, *lines]), SECTION), blocks=blocks)


def _report_link(address: str) -> str:
    """The report as a link where a browser can follow it, else its address."""
    if re.fullmatch(r"https?://[^\s|<>]+", address):
        return f"<{escaped(address)}|The whole report>, with pictures"
    return f"The whole report, with pictures: {escaped(address)}"


def escaped(text: str) -> str:
    """Slack's own three characters escaped, so that no text calls a channel or makes a link.

    >>> escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _title(kind: str, facts: Json) -> str:
    if kind == "recovered" and not facts.get("recovered", True):
        return "the early warning is not confirmed"
    return TITLES.get(kind) or one_line(kind).replace("_", " ")


def _lines(kind: str, facts: Json) -> list[str]:
    if "what" in facts:  # written by version 0.1.0, words and all
        return [facts["what"]]
    if "probe" in facts:
        return [probe_line(kind, facts["probe"])]
    if kind in _SHORT_LINES:
        return [_SHORT_LINES[kind](facts)]
    return _window_lines(kind, _of_window(facts))


def _of_window(facts: Json) -> WindowFacts:
    return from_json(WindowFacts, facts, what="the facts of an alert")


def _window_lines(kind: str, facts: WindowFacts) -> list[str]:
    change, refit = facts.change, facts.refit
    size_line = f"{facts.labels.n} labels of {facts.population:,} predictions"
    if kind == "insufficient_labels":
        return [f"{size_line}: {refit.reason}. The mapping stays as it is.", *_warning_lines(facts)]
    if kind == "rejects_up":
        parts = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in facts.rejected.items())
        lines = [f"Not counted: {parts}, beside {facts.population:,} that were."] if parts else []
        return lines + ([unknown_outcomes_line(facts)] if facts.outcomes.not_an_answer else [])
    if kind == "scope_changed":
        return [f"The baseline begins anew with this period ({size_line})."]
    if kind == "cannot_see" and refit.reason_code in UNREADABLE:
        stays = "This period has no verdict, and the mapping stays as it is."
        return [f"{refit.reason}.", stays, *_warning_lines(facts)]
    if kind == "cannot_see":
        lines = ["There is no baseline yet to compare these labels with."]
        if change.state != "first":
            lines = [_underpowered_line(change)]
        return [*lines, f"It rests on {size_line}.", *_warning_lines(facts)]
    if kind == "score_mix" and facts.score_mix is not None:
        return [_mix_line(facts.score_mix)]
    if kind == "certificate_broken":
        broken = [certificate for certificate in facts.certificates_kept if certificate.kept == "no"]
        return [*(_broken_line(certificate) for certificate in broken), _dropped_line(refit, facts.channel)]
    served, raw = facts.served, facts.raw
    lines = [
        f"Served confidence is off by {_ece(served)} on average, raw confidence by {_ece(raw)}. "
        f"Accuracy is {percent(served.accuracy)}, stated {percent(served.mean_confidence)} ({size_line})."
    ]
    if kind != "recovered" and change.rise is not None:
        lines.append(f"Against the baseline served confidence is off by {_rise(change)}")
    if kind == "degraded":
        lines += [
            f"In the segment {segment.name} served confidence is off by {_rise(segment)}"
            for segment in facts.segments
        ]
    if facts.clusters is not None and facts.clusters.why:
        lines.append(f"{facts.clusters.why[:1].upper()}{facts.clusters.why[1:]}.")
    if kind in ("degraded", "refit_vetoed", "above_limit"):
        lines.append(_refit_line(refit, facts.channel))
    if kind in ("degraded", "recovered"):
        lines += _warning_lines(facts)
    return lines


def _warning_lines(facts: WindowFacts) -> list[str]:
    """What has become of an early warning."""
    if facts.warning is None:
        return []
    warning = f"The early warning of {facts.warned_in}"
    if facts.warning == "confirmed":
        return [f"{warning} is confirmed by this verdict."]
    if facts.warning == "not_confirmed":
        return [
            f"{warning} is not confirmed: on all labels of this window the change test says "
            f"{(facts.change.state or 'nothing').replace('_', ' ')}, {p_value(facts.change.p)}."
        ]
    return [f"{warning} is still open: these labels carry no verdict. The next window with one decides."]


def _rise(change: ChangeFacts | SegmentFacts) -> str:
    ends = f"{signed(change.low)} to {signed(change.high)}"
    direction = direction_words(change.direction) or "no direction"
    return f"{signed(change.rise)} more ({ends}); {direction}, {p_value(change.p)}."


def _underpowered_line(change: ChangeFacts) -> str:
    rise = change.minimum_detectable_rise
    if rise is None:
        return "No change was detected, and not even a total loss of accuracy would have been."
    return f"No change was detected. With 80% power only a rise beyond {rise:.3f} would have been detected."


def _mix_line(mix: MixFacts) -> str:
    usual = "" if mix.usual is None else f"; at most {mix.usual:.1%} did between earlier periods"
    from_mix = mix.ece_from_mix
    effect = "" if from_mix is None else f" This alone moves the served ECE by {from_mix:+.3f}."
    return (
        f"{mix.moved:.1%} of all predictions moved to another stated confidence{usual}.{effect} "
        "That says what is stated, not whether it is true: the change test compares at fixed shares."
    )


def _refit_line(refit: RefitFacts, channel: str) -> str:
    if not refit.published or refit.mapping is None:
        return f"No new mapping: {refit.reason}."
    if refit.channel not in (None, channel):
        return (
            f"{channel} is withdrawn, so the raw confidence is served. A new mapping {refit.mapping[:12]} "
            f"waits on {refit.channel}: on labels that it has not seen it is off by {_ece(refit.ece_after)}."
        )
    return (
        f"A new mapping {refit.mapping[:12]} is on {channel}: on labels that it has not seen it is off by "
        f"{_ece(refit.ece_after)}, the one before it by {_ece(refit.ece_before)}."
    )


def _broken_line(certificate: CertificateKept) -> str:
    return (
        f"At and above {certificate.cut:g}, {certificate.target:.1%} were proven to be right "
        f"(by {certificate.from_}). Of this period's labels there {percent(certificate.accuracy)} are "
        f"({percent(certificate.low)} to {percent(certificate.high)}); "
        f"{certificate.share:.1%} of all predictions lie there."
    )


def _dropped_line(refit: RefitFacts, channel: str) -> str:
    if refit.certificates_dropped:
        return (
            f"The mapping on {channel} is published anew without what is broken: clients calibrate as "
            "before, and `decide` no longer acts on it."
        )
    if refit.published:
        return _refit_line(refit, channel) + " Its certificates rest on this period's labels."
    return f"Nothing was published: {refit.reason}."


def _early_line(facts: Json) -> str:
    return (
        f"After {facts['labels']:,} labels, before all have come, served confidence no longer holds: the "
        f"evidence against it is {odds(facts['e_value'])}, and the alarm is at {facts['needed']:,.0f} to 1."
    )


def _missed_line(facts: Json) -> str:
    if facts.get("of") == "probe":
        return probe_missed_line(facts)
    return f"No window was opened for this period; it could have been opened since {facts['due'][:10]}."


def _late_line(facts: Json) -> str:
    return f"The labels of this window were due by {facts['closes_at'][:10]}, and nothing has closed it."


def _stale_line(facts: Json) -> str:
    return f"The mapping {facts['mapping'][:12]} on {facts['channel']} expires at {facts['expires_at']}."


def _failed_line(facts: Json) -> str:
    return (
        f"{CAUSES[facts['cause']]} The kind of the error is {facts['error']}. Its text is not shown here, "
        "because it may quote the data. Further failures of the same day are not reported again."
    )


_SHORT_LINES: dict[str, Callable[[Json], str]] = {
    "early_warning": _early_line,
    "window_missed": _missed_line,
    "cohort_late": _late_line,
    "mapping_stale": _stale_line,
    "stream_failed": _failed_line,
    "labels_not_found": gone_line,
    "job_missed": job_line,
    "store_unsafe": unsafe_line,
    "alerts_parked": parked_line,
}


def _failed_step(stream: str, verb: str | None) -> str:
    check = "`calib check` tries every connection and column"
    if verb is None:
        return f"What to do: {check} and shows what is wrong"
    if stream == DEPLOYMENT:  # all streams
        return f"What to do: `calib {verb}` repeats the work and shows the whole error; {check}"
    return f"What to do: `calib {verb} {stream}` repeats the work and shows the whole error; {check}"


def _next_step(kind: str, stream: str, period: str, facts: Json) -> str:
    if "next" in facts:  # written by version 0.1.0
        return f"What to do: {facts['next']}"
    if "probe" in facts:
        return f"What to do: {probe_step(kind, stream, facts['probe'])}"
    if kind == "stream_failed":
        return _failed_step(stream, facts["verb"])
    if (step := watchdog_step(kind, stream, facts)) is not None:
        return step
    look = f"look for what changed in {period} (model, prompt, inputs)"
    if kind == "degraded" and "what" not in facts and (window := _of_window(facts)).refit.published:
        where = "" if window.channel == PRODUCTION else f" --channel {window.channel}"
        if window.refit.channel not in (None, window.channel) and window.refit.mapping is not None:
            serve = f"`calib mapping promote {stream} {window.refit.mapping[:12]}{where}`"
            return f"What to do: {look}. To serve the new mapping: {serve}"
        return f"What to do: {look}. To undo the new mapping: `calib mapping rollback {stream}{where}`"
    if kind == "insufficient_labels" and facts.get("population") == 0:
        return "What to do: see why no row arrived; `calib check` shows what the traffic holds"
    if kind == "cannot_see" and facts.get("refit", {}).get("reason_code") in UNREADABLE:
        again = f"`calib window reopen {stream} {period} --reason …` then reads the period anew"
        return f"What to do: {unreadable_step(facts, stream)}. {again}"
    waits = f"`calib labels export {stream}` gives what waits for an answer"
    in_time, late = f"see that the next sample is labelled in time; {waits}", waits
    if facts.get("by_itself", False):
        waits = f"`calib evaluate {stream}` takes the outcomes that have arrived"
        in_time, late = "see why outcomes are missing; `calib check` shows where they come from", waits
    again = f"`calib window reopen {stream} {period} --reason …` uses labels that still come"
    return {
        "degraded": f"What to do: {look}. `calib mapping list {stream}` shows what is served",
        "refit_vetoed": "What to do: routing on this confidence is not safe until it is understood. "
        f"`calib mapping list {stream}` shows what is served",
        "above_limit": "What to do: do not act on this confidence until the new mapping is served, and tell "
        f"the serving systems the new scope. `calib mapping list {stream}` shows what is served",
        "recovered": f"Nothing to do. `calib mapping list {stream}` shows the versions",
        "insufficient_labels": f"What to do: {in_time}; {again}",
        "rejects_up": "What to do: see who writes these rows; `calib check` shows the first of each kind",
        "labels_not_found": "What to do: see whether rows were deleted, or written anew with other ids or "
        "times; `calib check` shows what the traffic holds",
        "window_missed": f"What to do: `calib run {stream} --period {period}`",
        "cohort_late": f"What to do: {late}",
        "mapping_stale": f"What to do: `calib evaluate {stream}`, and see why it did not run",
        "early_warning": f"What to do: {look}; the verdict follows with the last labels. {waits}",
        "certificate_broken": f"What to do: {look}. `calib routes {stream}` shows what is proven now, and "
        "the record over the months",
        "cannot_see": f"What to do: `calib plan {stream}` says how many labels would see how much",
        "score_mix": f"What to do: {look}; `calib run {stream} --period {period}` shows the shares",
        "scope_changed": f"Nothing to do if it was meant; else see `scope` in calib.toml. "
        f"`calib mapping list {stream}` shows what is served",
    }.get(kind, f"`calib mapping list {stream}` shows what is served")


def _ece(measured: MeasuredFacts | EceInterval | None) -> str:
    return "an unknown amount" if measured is None or measured.ece is None else interval(measured)


def _cut(text: str, length: int) -> str:
    """At most `length` characters, and no half of an escaped one."""
    if len(text) <= length:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: length - 1]) + "…" if length > 0 else ""
