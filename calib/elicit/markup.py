"""What wraps a reply is taken off: elements around it, HTML's emphasis, and the frames of tables."""

from __future__ import annotations

import re

# Elements that say "this is the reply"; <answer> and <confidence> name a part of it and stay.
WRAPPER = re.compile(
    r"<(/?)(?:output|outputs|response|reply|result|results|solution|final|final_response|assistant|assistant_reply)"
    r"(?:\s[^<>\n]{0,80})?>",
    re.I,
)
INLINE = re.compile(
    r"</?(?:b|i|u|s|em|strong|mark|code|tt|small|big|font|span|center|sub|sup)(?:\s[^<>\n]{0,80})?>", re.I
)
BLOCK = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|h[1-6]|section|body|html|pre|table|thead|tbody)(?:\s[^<>\n]{0,80})?/?>", re.I
)
ROW_END = re.compile(r"[ \t\r\n]{0,20}</tr>", re.I)
ROW = re.compile(r"(?:</tr>)?[ \t\r\n]{0,20}<tr(?:\s[^<>\n]{0,80})?>[ \t\r\n]{0,20}", re.I)
CELL_END = re.compile(r"[ \t\r\n]{0,20}</t[dh]>[ \t\r\n]{0,20}", re.I)
CELL = re.compile(r"<t[dh](?:\s[^<>\n]{0,80})?>", re.I)
TABLE = re.compile(r"</?(?:table|thead|tbody|tfoot|caption)(?:\s[^<>\n]{0,80})?>[ \t\r\n]{0,20}", re.I)
ENTITY = re.compile(r"&(?:(lt|gt|amp|nbsp|quot|apos|percnt|ndash|mdash|asymp)|#(\d{2,5}));", re.I)
ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "nbsp": " ", "quot": '"', "apos": "'", "percnt": "%"}
ENTITIES |= {"ndash": "-", "mdash": " - ", "asymp": "~"}
LINES = str.maketrans(
    dict.fromkeys(map(chr, range(0x2500, 0x2580)), "+")
    | dict.fromkeys("│┃║", "|")
    | dict.fromkeys("─━═", "-")
)
RULE = re.compile(r"^[ \t]*\+[-+ \t]*\+[ \t\r]*$", re.M)


def unwrapped(text: str) -> str:
    """A reply without the elements around it, and its tables, however they are drawn, with bars. Linear time.

    >>> unwrapped("<output>Answer: Vienna</output>")
    '\\nAnswer: Vienna\\n'
    >>> unwrapped("<tr><th>Answer</th><th>Confidence</th></tr>")
    '\\n|Answer|Confidence|\\n'
    """
    if not text.isascii():
        text = text.translate(LINES)
    if "+" in text:  # the frame of a table
        text = RULE.sub(lambda rule: rule[0].replace("+", "|"), text)
    if "<" not in text:
        return text
    text = WRAPPER.sub("\n", text)
    if "<tr" in text or "<TR" in text:
        for pattern, instead in ((TABLE, ""), (CELL_END, "|"), (CELL, ""), (ROW, "\n|"), (ROW_END, "\n")):
            text = pattern.sub(instead, text)
    return text


def unmarked(text: str) -> str:
    """The text without HTML's own elements and entities, for the reading of a number. Linear time.

    >>> unmarked("Confidence: <b>85&nbsp;%</b>")
    'Confidence: 85 %'
    """
    if "&" in text:
        text = ENTITY.sub(_character, text)
    if "<" in text:
        text = BLOCK.sub("\n", INLINE.sub("", text))
    return text


def _character(entity: re.Match[str]) -> str:
    return ENTITIES[entity[1].lower()] if entity[1] else chr(int(entity[2]))
