"""An alert in words: for Slack within its limits, and as plain text. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

SECTION, HEADER, TOTAL = 3_000, 150, 13_000  # characters: Slack's limits

TITLES = {
    "degraded": "confidence got worse",
    "recovered": "confidence is true again",
    "insufficient_labels": "too few labels for a verdict",
    "refit_vetoed": "changed, and no better mapping was found",
    "rejects_up": "more rows than usual cannot be read",
    "window_missed": "a period was not watched",
    "cohort_late": "labels are late",
    "mapping_stale": "the mapping is about to expire",
}
MARKS = {"good": ":white_check_mark:", "warning": ":warning:", "bad": ":rotating_light:"}
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`text` for notifications and terminals, `blocks` for Slack."""

    text: str
    blocks: list[dict[str, Any]]


def message(payload: dict[str, Any]) -> Message:
    """Render an outbox payload: kind, stream, period, severity and facts."""
    stream, period, kind = payload["stream"], payload["period"], payload["kind"]
    title = f"{plain(stream)} {plain(period)}: {TITLES.get(kind, kind.replace('_', ' '))}"
    lines = [*_lines(kind, payload["facts"]), _next_step(kind, stream, period)]
    header = f"{MARKS[payload['severity']]} {title}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(header, HEADER), "emoji": True}}
    ]
    room = TOTAL - len(header)
    for line in lines:
        section = _cut(slack(line), min(SECTION, room))
        room -= len(section)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": section}})
    return Message(text=_cut("\n".join([title, *map(plain, lines)]), SECTION), blocks=blocks)


def plain(text: str) -> str:
    """Without control characters and direction overrides, for anything that a person reads."""
    return "".join(c for c in text if c == "\n" or (unicodedata.category(c) != "Cc" and c not in BIDI))


def slack(text: str) -> str:
    """The same with Slack's own three characters escaped, so that no text calls a channel or makes a link."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _lines(kind: str, facts: dict[str, Any]) -> list[str]:
    if kind in ("window_missed", "cohort_late", "mapping_stale"):
        return [facts["what"]]
    labels, change, refit = facts["labels"], facts["change"], facts["refit"]
    seen = f"{labels['n']} labels of {facts['population']:,} predictions"
    if kind == "insufficient_labels":
        return [f"{seen}: {refit['reason']}. The mapping stays as it is."]
    if kind == "rejects_up":
        parts = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in facts["rejected"].items())
        return [f"Not counted: {parts}, beside {facts['population']:,} that were."]
    served, raw = facts["served"], facts["raw"]
    lines = [
        f"Served confidence is off by {_ece(served)} on average, raw confidence by {_ece(raw)}. "
        f"Accuracy is {_percent(served['accuracy'])}, stated {_percent(served['mean_confidence'])} ({seen})."
    ]
    if kind != "recovered" and change["rise"] is not None:
        span = f"{change['low']:+.3f} to {change['high']:+.3f}"
        lines.append(
            f"Against the baseline that is {change['rise']:+.3f} ({span}); "
            f"p = {change['p']:.4f}, {change['direction'] or 'no direction'}."
        )
    if kind in ("degraded", "refit_vetoed"):
        lines.append(_refit_line(refit, facts["channel"]))
    return lines


def _refit_line(refit: dict[str, Any], channel: str) -> str:
    if not refit["published"]:
        return f"No new mapping: {refit['reason']}."
    return (
        f"A new mapping {refit['mapping'][:12]} is on {plain(channel)}; "
        f"on labels it has not seen it is off by {_ece(refit['ece_after'])}."
    )


def _next_step(kind: str, stream: str, period: str) -> str:
    name = plain(stream)
    return {
        "degraded": f"What to do: look for what changed in {plain(period)} (model, prompt, inputs). "
        f"To undo the new mapping: `calib mapping rollback {name}`",
        "refit_vetoed": "What to do: routing on this confidence is not safe until it is understood. "
        f"`calib mapping list {name}` shows what is served",
        "recovered": f"Nothing to do. `calib mapping list {name}` shows the versions",
        "insufficient_labels": f"What to do: `calib labels export {name}` gives what waits for an answer",
        "rejects_up": "What to do: see who writes these rows; `calib check` shows the columns",
        "window_missed": f"What to do: `calib run {name} --period {plain(period)}`",
        "cohort_late": f"What to do: `calib labels export {name}` gives what waits for an answer",
        "mapping_stale": f"What to do: `calib evaluate {name}`, and see why it did not run",
    }.get(kind, f"`calib mapping list {name}` shows what is served")


def _ece(measured: dict[str, Any] | None) -> str:
    if not measured or measured.get("ece") is None:
        return "an unknown amount"
    return f"{measured['ece']:.3f} ({measured['low']:.3f} to {measured['high']:.3f})"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"
