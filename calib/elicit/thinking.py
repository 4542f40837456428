"""Where a reply begins: behind what a model wrote while it was thinking."""

from __future__ import annotations

import re

# Any element: <think> [THINK] ◁think▷ <|think|> <seed:think> <antThinking> <thinking_mode> <Thought process>
ELEMENT = re.compile(
    r"(?P<begin><[|｜]?\s?|&lt;|\[|◁|【)(?P<end>[/\\]?)(?P<name>[\w:.-]{2,40})(?:\s[^<>\[\]\n]{0,80}?)?(?P<empty>/?)"
    r"(?:[|｜]?>|&gt;|\](?!\()|▷|】)"
)
# Thinking that is marked otherwise, with its end, which ends only thinking that began in the same way
OTHERS = (
    (r"<\|im_start\|>[ \t]?(?:think(?:ing)?|thoughts?|reasoning|analysis)\b", r"<\|im_end\|>"),
    (r"<unused\d{1,3}>thought\b", r"<unused\d{1,3}>"),
    (r"<\|channel>thought\b", r"<channel\|>"),
    (r"<details\b[^<>\n]{0,40}>\s{0,8}<summary\b[^<>\n]{0,40}>[^<>\n]{0,40}?\b(?:think|thought|reason)",
     r"</details>"),
    (r"^(?:```|~~~)[ \t]?(?:think(?:ing)?|thoughts?|reasoning|scratchpad)[ \t\r]*$",
     r"^(?:```|~~~)[ \t\r]*$"),
    (r"\A\s{0,20}Thinking(?: Process)?(?:\.{3}|…|:)[ \t\r]*$", r"^(?:\.{3}|…)?[ \t]?done thinking\b\.?"),
)  # fmt: skip
OTHER = re.compile("|".join(f"(?P<b{i}>{b})|(?P<e{i}>{e})" for i, (b, e) in enumerate(OTHERS)), re.I | re.M)
THOUGHT = {"think", "thinking", "thought", "thoughts", "scratchpad", "monologue", "cot", "思考", "推理"}
THOUGHT |= {"reasoning", "reflection", "reflect", "pondering", "deliberation", "brainstorming"}
JUSTIFIES = {"reason", "reasons", "reasoning", "rationale", "analysis"}  # also written behind a reply
DRAFTS = {"draft", "working", "scratch"}
PARTS = re.compile(r"[_:.\-]+|(?<=[a-z])(?=[A-Z])")
# Channels of one reply: thinking goes to `analysis` and `commentary`, the reply to `final`.
CHANNEL = re.compile(r"<\|channel\|>[ \t]*(\w{1,32})[^<>\n]{0,80}<\|message\|>", re.I)
MESSAGE_END = re.compile(r"<\|(?:return|end|call)\|>", re.I)


def after_thinking(text: str) -> str | None:
    """The reply behind a model's thinking; None where the thinking never ends.

    What stands before the last end of thinking is not a reply yet, whether or not its beginning is in the
    text (many chat templates put it into the prompt). Thinking that begins and does not end hides everything:
    a number in it may still be taken back. Takes time linear in the text.

    >>> after_thinking("<think>0.9, but wait</think>Confidence: 0.7")
    'Confidence: 0.7'
    >>> after_thinking("[THINK]Confidence: 0.9 for now, but wait") is None
    True
    """
    channels = list(CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        if last[1].lower() != "final":
            return None
        reply = text[last.end() :]
        end = MESSAGE_END.search(reply)
        text = reply[: end.start()] if end else reply
    return _behind_the_last_end(text)


def _behind_the_last_end(text: str) -> str | None:
    depth, reply_begins, thought_begins = 0, 0, 0
    open_kind = -1  # which of OTHERS began the thinking that is open
    justified: str | None = None  # the reply before a justification that ended
    for mark in sorted([*ELEMENT.finditer(text), *OTHER.finditer(text)], key=lambda mark: mark.start()):
        kind, ends, justifies = _what(mark)
        if kind is None or (ends and kind >= 0 and kind != open_kind):
            continue
        if not ends:
            if not depth:
                thought_begins = mark.start()
            depth, open_kind = depth + 1, kind if kind >= 0 else open_kind
        else:
            justified = text[reply_begins:thought_begins] if justifies and depth == 1 else None
            depth, reply_begins, open_kind = 0, mark.end(), -1
    if depth:
        return None
    reply = text[reply_begins:]
    return justified if justified is not None and not reply.strip() else reply


def _what(mark: re.Match[str]) -> tuple[int | None, bool, bool]:
    """Of a mark in a text: its kind (-1 an element, None no thinking), whether it ends or justifies."""
    if mark.re is OTHER:
        name = mark.lastgroup or ""
        return int(name[1:]), name[0] == "e", False
    parts = [part.lower() for part in PARTS.split(mark["name"]) if part]
    thinks = not THOUGHT.isdisjoint((*parts, mark["name"].lower())) or any(
        part.endswith(("think", "thinking")) or part.startswith(("thinking", "thinkstart", "思考", "推理"))
        for part in parts
    )
    justifies = not JUSTIFIES.isdisjoint(parts[-1:])
    drafts = mark["begin"] != "[" and not DRAFTS.isdisjoint(parts[-1:])
    if not (thinks or justifies or drafts) or mark["empty"]:
        return None, False, False
    ends = bool(mark["end"]) or not {"end", "stop", "off"}.isdisjoint(parts)
    return -1, ends, justifies
