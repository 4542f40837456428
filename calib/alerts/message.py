"""An alert in words: for Slack within its limits, and as plain text. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

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
    "scope_changed": "another model, prompt or score than before",
}
MARKS = {"good": ":white_check_mark:", "warning": ":warning:", "bad": ":rotating_light:"}
# control characters, invisible ones such as direction overrides, lone surrogates, line and paragraph ends
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`text` for notifications and terminals, not yet escaped for Slack; `blocks` for Slack, escaped."""

    text: str
    blocks: list[dict[str, Any]]


def message(payload: dict[str, Any]) -> Message:
    """Render an outbox payload: kind, stream, period, severity and facts.

    Within Slack's limits whatever the facts hold: what is too long is cut, what could call a channel, make a
    link, hide or reorder text is escaped or taken out.
    """
    stream, period, kind = plain(payload["stream"]), plain(payload["period"]), payload["kind"]
    title = f"{stream} {period}: {TITLES.get(kind) or plain(kind).replace('_', ' ')}"
    facts = payload["facts"]
    lines = [plain(line) for line in (*_lines(kind, facts), _next_step(kind, stream, period, facts))]
    header = _cut(f"{MARKS[payload['severity']]} {title}", HEADER)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": True}}
    ]
    room = TOTAL - len(header)
    for line in lines:
        section = _cut(escaped(line), min(SECTION, room))
        room -= len(section)
        if section:
            text = {"type": "mrkdwn", "text": section, "verbatim": True}
            blocks.append({"type": "section", "text": text})
    return Message(text=_cut("\n".join([title, *lines]), SECTION), blocks=blocks)


def plain(text: str) -> str:
    """One line without anything unseen, for whatever a person reads.

    >>> plain("paid\\u202e\\x1b[31m\\n<!channel>")
    'paid[31m <!channel>'
    """
    lines = " ".join(str(text).splitlines())
    return "".join(c for c in lines if unicodedata.category(c) not in UNSEEN)


def escaped(text: str) -> str:
    """Slack's own three characters escaped, so that no text calls a channel or makes a link.

    >>> escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _lines(kind: str, facts: dict[str, Any]) -> list[str]:
    if "what" in facts:
        return [facts["what"]]
    labels, change, refit = facts["labels"], facts["change"], facts["refit"]
    seen = f"{labels['n']} labels of {facts['population']:,} predictions"
    if kind == "insufficient_labels":
        return [f"{seen}: {refit['reason']}. The mapping stays as it is."]
    if kind == "rejects_up":
        parts = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in facts["rejected"].items())
        return [f"Not counted: {parts}, beside {facts['population']:,} that were."]
    if kind == "scope_changed":
        return [f"The baseline begins anew with this period ({seen})."]
    if kind == "cannot_see":
        return [_blind_line(change), f"It rests on {seen}."]
    if kind == "score_mix":
        return [_mix_line(facts["score_mix"])]
    served, raw = facts["served"], facts["raw"]
    lines = [
        f"Served confidence is off by {_ece(served)} on average, raw confidence by {_ece(raw)}. "
        f"Accuracy is {_percent(served['accuracy'])}, stated {_percent(served['mean_confidence'])} ({seen})."
    ]
    if kind != "recovered" and change["rise"] is not None:
        lines.append(
            f"Against the baseline served confidence is off by {change['rise']:+.3f} more "
            f"({change['low']:+.3f} to {change['high']:+.3f}); {change['direction'] or 'no direction'}, "
            f"{_p(change['p'])}."
        )
    lines += [_segment_line(segment) for segment in facts.get("segments", []) if kind == "degraded"]
    if kind in ("degraded", "refit_vetoed"):
        lines.append(_refit_line(refit, facts["channel"]))
    return lines


def _segment_line(segment: dict[str, Any]) -> str:
    return (
        f"In the segment {segment['name']} served confidence is off by {segment['rise']:+.3f} more "
        f"({segment['low']:+.3f} to {segment['high']:+.3f}); {segment['direction'] or 'no direction'}, "
        f"{_p(segment['p'])}."
    )


def _blind_line(change: dict[str, Any]) -> str:
    seen = change["minimum_detectable_rise"]
    if seen is None:
        return "No change was seen, and none would have been: not even a total loss of accuracy."
    return f"No change was seen, but only a rise beyond {seen:.3f} would have been, 4 times in 5."


def _mix_line(mix: dict[str, Any]) -> str:
    usual = "" if mix["usual"] is None else f"; at most {mix['usual']:.1%} did between earlier periods"
    from_mix = mix["ece_from_mix"]
    effect = "" if from_mix is None else f" This alone moves the served ECE by {from_mix:+.3f}."
    return (
        f"{mix['moved']:.1%} of all predictions moved to another stated confidence{usual}.{effect} "
        "That says what is stated, not whether it is true: the change test compares at fixed shares."
    )


def _refit_line(refit: dict[str, Any], channel: str) -> str:
    if not refit["published"]:
        return f"No new mapping: {refit['reason']}."
    return (
        f"A new mapping {refit['mapping'][:12]} is on {channel}: on labels that it has not seen it is off by "
        f"{_ece(refit['ece_after'])}, the one before it by {_ece(refit['ece_before'])}."
    )


def _next_step(kind: str, stream: str, period: str, facts: dict[str, Any]) -> str:
    if "next" in facts:
        return f"What to do: {facts['next']}"
    look = f"look for what changed in {period} (model, prompt, inputs)"
    if kind == "degraded" and facts["refit"]["published"]:
        where = "" if facts["channel"] == PRODUCTION else f" --channel {facts['channel']}"
        return f"What to do: {look}. To undo the new mapping: `calib mapping rollback {stream}{where}`"
    if kind == "insufficient_labels" and not facts["population"]:
        return "What to do: see why no row arrived; `calib check` shows what the traffic holds"
    waits = f"`calib labels export {stream}` gives what waits for an answer"
    return {
        "degraded": f"What to do: {look}. `calib mapping list {stream}` shows what is served",
        "refit_vetoed": "What to do: routing on this confidence is not safe until it is understood. "
        f"`calib mapping list {stream}` shows what is served",
        "recovered": f"Nothing to do. `calib mapping list {stream}` shows the versions",
        "insufficient_labels": f"What to do: see that the next sample is labelled in time; {waits}",
        "rejects_up": "What to do: see who writes these rows; `calib check` shows the columns",
        "window_missed": f"What to do: `calib run {stream} --period {period}`",
        "cohort_late": f"What to do: {waits}",
        "mapping_stale": f"What to do: `calib evaluate {stream}`, and see why it did not run",
        "early_warning": f"What to do: {look}; the verdict follows with the last labels. {waits}",
        "cannot_see": f"What to do: `calib plan {stream}` says how many labels would see how much",
        "score_mix": f"What to do: {look}; `calib run {stream} --period {period}` shows the shares",
        "scope_changed": f"Nothing to do if it was meant; else see `scope` in calib.toml. {waits}",
    }.get(kind, f"`calib mapping list {stream}` shows what is served")


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _ece(measured: dict[str, Any] | None) -> str:
    if not measured or measured.get("ece") is None:
        return "an unknown amount"
    return f"{measured['ece']:.3f} ({measured['low']:.3f} to {measured['high']:.3f})"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _cut(text: str, length: int) -> str:
    """At most `length` characters, and no half of an escaped one."""
    if len(text) <= length:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: length - 1]) + "…" if length > 0 else ""
