"""Where a reply begins: behind what a model wrote while it was thinking."""

from __future__ import annotations

import re

_NAME = (
    r"(?:\w{1,16}:)?(?:(?:internal|inner|hidden|private)_?)?(?:think(?:ing)?|thoughts?|thought_process|"
    r"reason(?:ing)?(?:_content)?|reflection|scratch_?pad|monologue|chain_?of_?thought|cot|"
    r"cot_budget_reflect|analysis|思考|推理)"
)
# <think> [THINK] ◁think▷ <|think|> <seed:think>, each with its end; <|START_THINKING|> <|end_of_thought|>
TAG = re.compile(
    rf"(?:<[|｜]?|\[|◁|【)(?P<end>/)?{_NAME}(?:\s[^<>\[\]\n]{{0,80}})?(?:[|｜]?>|\]|▷|】)"
    r"|<[|｜](?:(?P<stop>end|stop)|start|begin)_(?:of_)?(?:thinking|thoughts?|reasoning)[|｜]>",
    re.I,
)
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
    depth, begins = 0, 0
    for tag in TAG.finditer(text):
        if tag["end"] or tag["stop"]:
            depth, begins = 0, tag.end()
        else:
            depth += 1
    return None if depth else text[begins:]
