"""A number that states a probability, in the ways that people and models write one. Pure and total."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from calib.elicit.scales import BRACKET, scale_of

Reason = Literal[
    "empty", "unfinished", "absent", "words", "declined", "several", "range", "out_of_range", "scale_unknown",
    "malformed",
]  # fmt: skip

NUMBER = re.compile(r"([+\-]?)(\d{1,18}(?:[.,]\d{1,18})?|[.,]\d{1,18})(?:e([+\-]?\d{1,2}))?", re.I | re.A)
_PERCENT_WORDS = (
    r"per ?cent|pct|prozent|por ?ciento|pour ?cent|por ?cento|per ?cento|procenta?|prosent(?:tia)?|protsent|"
    r"процент\w{0,3}|відсотк\w{1,3}|yüzde|persen"
)
PERCENT = re.compile(rf"[ \t]?(?:\\?%|(?:{_PERCENT_WORDS})(?!\w)|パーセント|퍼센트)", re.I)
# "85 von 100" only with the ends that scales have: elsewhere these words count things
OUT_OF = re.compile(
    r"[ \t]?/[ \t]?|[ \t]\(?(?:out of|in)[ \t](?=\d)"
    r"|[ \t](?:of|von|sur|sobre|de|su|van(?: de)?|av|af|из|з)[ \t]"
    r"(?=(?:10|100|1000)(?![\d.,]?\d))",
    re.I,
)
# 0.7-0.9, 0.7..0.9, 70% to 80%, 0.9+
SECOND = re.compile(
    r"[ \t]*(?:[-~]|\.{2,3}|…|(?:to|or|bis|oder|hasta|a|à|ou|o|od|do|до|или)\b)[ \t]*[.,]?\d|\+", re.I
)
# 0.9x, 1.2.3, 0.XX, "0. 85", 9/10/2026, 0.9 × 0.9, 0.9^2
GLUED = re.compile(r"[^\W_]|[.,][ \t]?[^\W_]|/|[ \t]?[×^][ \t]?\d|\*{1,2}[.,]?\d", re.A)
SENTENCE = re.compile(r"[.,][ \t]+[^\W\d]|[.,][ \t]*$", re.M)  # ". The", which does not belong to the number
WORD = re.compile(r"[ \t]*([^\W\d_]+)")
PERCENT_FIRST = re.compile(r"\\?%[ \t]?(?=[.,]?\d)")  # as Turkish and Arabic write it
# a bare 0 or 1 that goes on with digits is the beginning of something else: 1:4, 1) 85%, 0'85, 0 .85
RUNS_ON = re.compile(r"(?:_|[^\w\n]){0,40}\d", re.A)
SPLIT = re.compile(r"[ \t]?[:'·|_][ \t]?\d", re.A)
HALVES = re.compile(
    r"(?P<half>50|0?[.,]50?)[ \t]?%?[ \t]?(?:[/:\-]|to\b)[ \t]?(?P=half)[ \t]?%?"
    r"(?![ \t]?[/:\-]?[ \t]?[\w.,]?\d)",
    re.A,
)
# a second value on the line: 60% -> 90%; A 0.9, B 0.1; 0.6 (revised: 0.9). What gives a reason ends it.
_ARROWS = r"->|=>|[\u2190-\u21ff\u2794-\u27be\u27f0-\u27ff\u2b00-\u2b0f]"
ARROW_SIGN = re.compile(_ARROWS)
ARROW = re.compile(rf"[ \t]*(?:{_ARROWS})[ \t]*(?=[.,]?\d)", re.A)
_REASON = (
    r"because|since|as|given|based|due|which|while|although|though|but|than|above|below|over|from|threshold|"
    r"where|when|if|that|is|are|was|were|has|have"
)
BESIDE = re.compile(
    rf"(?:(?!\b(?:{_REASON})\b)(?:[^\n\"'.!?]|(?<=vs)\.)){{1,40}}?(?<![\w.,])"
    r"(?=(?:0?[.,]\d{1,6}|[01][.,]0{1,3}|\d{1,3}(?:[.,]\d{1,3})?[ \t]?%)"
    r"(?![\w%]|[.,]\d|[ \t](?:of|CI|interval)\b))",
    re.I | re.A,
)
TAKEN_BACK = re.compile(
    r"[^\n\"]{0,60}?\b(?:actually|rather|make (?:it|that)|let'?s say|no wait)\W{1,12}"
    r"(?:0?[.,]\d|1[.,]0|\d{1,3}[ \t]?%)|"
    r"[^\n\"]{0,60}?\b(?:revis|updat|adjust|correct(?:ed|ion)|amend|reconsider|lower|rais|chang|increas|decreas|reduc)"
    r"\w{0,6}\W{0,12}(?:(?:back |down |up )?to\W{0,4})?[.,]?\d",
    re.I | re.A,
)
SAME = dict.fromkeys("“”„«»「」", '"') | dict.fromkeys("‘’", "'") | dict.fromkeys("≈∼", "~")
SAME |= (
    dict.fromkeys("≃≅≊", "~") | dict.fromkeys("∶﹕︰ː", ":") | dict.fromkeys("⁄∕", "/") | {"≔": "=", "≝": "="}
)
SAME |= dict.fromkeys("\ufe0e\ufe0f", "")  # which only say how the character before them is drawn
SAME |= {"٫": ".", "٬": ",", "٪": "%", "﹪": "%", "−": "-", "\x85": "\n", "—": " - ", "―": " - "}
OF = {"of", "der", "des", "aller", "von"}
GO_ON = {
    "that",
    "because",
    "since",
    "as",
    "for",
    "given",
    "due",
    "based",
    "and",
    "but",
    "confident",
    "certain",
}
SCALE_AFTER = re.compile(rf"[ \t]?{BRACKET.pattern}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeral:
    """A value in [0, 1], or the reason why there is none; `bare`: a whole number without % or denominator."""

    value: float | None
    reason: Reason | None
    bare: bool


def read(text: str, at: int = 0, *, out_of: int | None = None) -> Numeral:
    """The probability that is written at a position of `text`, whose characters were made plain.

    `out_of` is what a number without its own scale counts up to, where the text has said so before; None: not
    said, and so 1; 0: a scale that cannot be used, as from 1 to 5.
    A number above 1 without a scale is not guessed at: 85 may be out of 100, 8 out of 10.

    >>> [read(text).value for text in ("0.85", "85%", "85/100", "0,85", ".85", "8.5 out of 10", "8.5e-1")]
    [0.85, 0.85, 0.85, 0.85, 0.85, 0.85, 0.85]
    >>> [read(text).reason for text in ("85", "120%", "0.7-0.9", "0.XX", "2026-11-25")]
    ['scale_unknown', 'out_of_range', 'range', 'malformed', 'range']
    """
    first = PERCENT_FIRST.match(text, at)
    at = first.end() if first else at
    match = NUMBER.match(text, at)
    if match is None:
        return _none("malformed")
    if HALVES.match(text, at):
        return Numeral(value=0.5, reason=None, bare=False)
    number, end = _fraction(match), match.end()
    bare, scaled = not set(match[2]) & set(".,") and match[3] is None, True
    if first:
        bare, number = False, number / 100
    elif percent := PERCENT.match(text, end):
        bare, number, end = False, number / 100, percent.end()
        if (word := WORD.match(text, end)) and word[1].lower() in OF:
            return _none("malformed")  # 20% of people
    elif over := OUT_OF.match(text, end):
        below = NUMBER.match(text, over.end())
        if below is None or _fraction(below) <= 0 or _fraction(below).denominator != 1:
            return _none("malformed")
        if number <= 1 and not bare and _fraction(below) == 100:
            return _none("scale_unknown")  # 0.85/100
        if number + _fraction(below) == 100 and _fraction(below) < 100:
            return _none("malformed")  # 60/40 shares something out
        bare, number, end = False, number / _fraction(below), below.end()
        if "/" not in over[0] and not _goes_on(text, end):
            return _none("malformed")  # 9 out of 10 dentists
    elif out_of is None and bare and not _goes_on(text, end):
        return _none("malformed", bare=True)  # 1 source
    else:
        scaled = False
    if (said := SCALE_AFTER.match(text, end)) and (top := scale_of(said[1])) is not None:
        out_of, end = top if out_of is None else out_of, said.end()
    if SECOND.match(text, end):
        return _none("range", bare=bare)
    if GLUED.match(text, end) and not SENTENCE.match(text, end):
        return _none("malformed", bare=bare)
    if bare and (RUNS_ON if out_of is None else SPLIT).match(text, end):
        return _none("malformed", bare=bare)
    if ARROW.match(text, end) or TAKEN_BACK.match(text, end) or _number_follows(text, end, number):
        return _none("several", bare=bare)
    if not scaled and out_of not in (None, 1):
        if not out_of or (number <= 1 and not bare):  # 0.85 where up to 100 was announced
            return _none("scale_unknown", bare=bare)
        number /= out_of
    elif not scaled and 1 < number <= 100:
        return _none("scale_unknown", bare=bare)
    if not 0 <= number <= 1:
        return _none("out_of_range", bare=bare)
    return Numeral(value=float(number), reason=None, bare=bare)


def plain(text: str) -> str:
    """The text with every digit, dash, space and full-width form as in ASCII, and nothing invisible.

    Character by character, which takes linear time: Unicode's own normal forms do not, on hostile text.

    >>> plain("Ｃｏｎｆｉｄｅｎｃｅ：\\u200b０．８５"), plain("٠٫٩–۹۵٪")
    ('Confidence:0.85', '0.9-95%')
    """
    if text.isascii():
        return text
    return text.translate({ord(c): _plain_character(c) for c in set(text) if not c.isascii()})


def _fraction(match: re.Match[str]) -> Fraction:
    sign, digits, exponent = match.groups()
    whole, comma, rest = digits.partition(",")
    thousands = comma and len(rest) == 3 and whole not in ("", "0")  # 1,000 and not 1.000
    number = Fraction(whole + rest if thousands else digits.replace(",", "."))
    return number * Fraction(10) ** int(exponent or 0) * (-1 if sign == "-" else 1)


def _goes_on(text: str, end: int) -> bool:
    """Whether what follows a number can follow one that stands for itself, rather than counts something."""
    word = WORD.match(text, end)
    return word is None or word[1].lower() in GO_ON


def _number_follows(text: str, end: int, number: Fraction) -> bool:
    """Whether another value that could be a confidence stands beside this one."""
    beside = BESIDE.match(text, end)
    if beside is None:
        return False
    second = NUMBER.match(text, beside.end())
    if second is None:
        return False
    value = _fraction(second)
    return (value / 100 if PERCENT.match(text, second.end()) else value) != number


def _none(reason: Reason, *, bare: bool = False) -> Numeral:
    return Numeral(value=None, reason=reason, bare=bare)


def _plain_character(character: str) -> str:
    code = ord(character)
    if 0xFF01 <= code <= 0xFF5E:  # the full-width forms of ASCII
        return chr(code - 0xFF01 + 0x21)
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    if kind == "Cf":
        return ""
    if kind == "So" and not ARROW_SIGN.match(character):
        return " "  # an emoji, a star
    return (
        SAME[character]
        if character in SAME
        else {"Pd": "-", "Zs": " ", "Zl": "\n", "Zp": "\n"}.get(kind, character)
    )
