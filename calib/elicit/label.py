"""One mention of confidence in a reply: is it a label, and which number does it carry? Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from calib.elicit import words
from calib.elicit.numerals import ARROW_SIGN, Numeral, Reason, read
from calib.elicit.scales import BRACKET, INLINE, scale_of

REACH = 160  # characters on either side of a mention that are looked at: this keeps the time linear
NUMERAL = 120  # characters that the longest way to write a number takes, with what must not follow it
TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+|[^\w\s]|_")
# with the vowel signs of Devanagari, which are no letters to `re`
WORD = re.compile(r"(?:[^\W\d_]|[\u0900-\u0903\u093a-\u094f])+(?:/[^\W\d_]+)?")
FILL = re.compile(r"[ \t\r*_`\"'\\{}$#]*")
MARK = re.compile(r"->|=>|[\u2190-\u21ff\u2794-\u27be\u27f0-\u27ff\u2b00-\u2b0f]|[:=|~]|-(?=[ \t])")
PERCENT_SIGN = re.compile(r"(?:%|/[ \t]?(?P<top>100|10|1))(?=[ \t*_]*[:=|])")
JOINER = re.compile(r"-(?=[a-z])|,[ \t](?=(?:now|revised|updated|adjusted|corrected|final)\b)", re.I)
TAG_END = re.compile(r"[<>≥≤]=?|\]")
MARKED = re.compile(r"[ \t*_]{0,8}[:=]")
BOUND = re.compile(r"[<>≥≤]=?")
PLACEHOLDER = re.compile(r"<[a-z/]|\[[a-z]", re.I)
DIGITS = re.compile(r"(?:\\?%[ \t]?)?[+\-]?[.,]?\d")
IN_ONE_OPTION = re.compile(r"[ \t](?:(?:in|for|of)[ \t])?(?:option[ \t])?[A-Z][ \t*_]{0,4}$")
GAP = re.compile(r"[\n\t]")
TO = re.compile(r"(?:down |up |back )?to\b", re.I)
FENCE = re.compile(r"```\w{0,12}[ \t\r]*\n[ \t]*")
BULLET = re.compile(r"[-+•*–][ \t]+")
BREAK = re.compile(r"[ \t\r]*\n")
ALONE = re.compile(r"(?:\d{1,6}(?:[.,]\d{1,18})?|[.,]\d{1,18})[ \t]?(?:%|percent|(?:/|out of)[ \t]?\d{1,6})?")
EMPHASIS = set("*_`\"'\\{}$#>|")
STOPS = set(".!?;")
PAIR = ["answer", "and"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBefore:
    """What stands before a mention on its line.

    `opens`: nothing, or a mark that ends something else. `paired`: "Answer and", so that the answer comes
    first. `answered`: the answer itself. `revised`: the author takes an earlier number back.
    `first_person`: the sentence speaks of its author.
    """

    opens: bool
    paired: bool
    alone: bool
    joined: bool
    answered: bool
    own: bool
    final: bool
    revised: bool
    first_person: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What follows a mention; `link` is how its number is tied to it."""

    link: Literal["mark", "copula"] | None
    numeral: Numeral
    of_being_correct: bool
    quoted: bool
    revised: bool
    final: bool


def tokens_before(text: str, start: int) -> list[str]:
    """The line up to a position as lower-case words, numbers and single marks.

    Of at most `REACH` characters: where the line begins before them, a first word stands for what is missing.
    A tab ends what stands before it, as the end of a line does.
    """
    window = text[max(0, start - REACH) : start]
    gap = max((mark.end() for mark in GAP.finditer(window)), default=0)
    whole, line = gap > 0, window[gap:]
    tokens = [token.lower() for token in TOKEN.findall(line)]
    return tokens if whole or start <= REACH else ["etc", *tokens]


def before(text: str, start: int) -> TextBefore:
    """Look back from a mention."""
    tokens = tokens_before(text, start)
    own = final = revised = False
    while tokens and (
        tokens[-1] in words.MODIFIER | words.REVISED | words.REVISION | words.LATEX
        or (tokens[-1] in EMPHASIS and not _separates(tokens))
    ):
        word = tokens.pop()
        own |= word in words.OWN
        final |= word in words.FINAL
        revised |= word in words.REVISED | words.REVISION
    last = tokens[-1] if tokens else ""
    return TextBefore(
        opens=opens(tokens),
        paired=tokens[-2:] == PAIR,
        alone=not any(token[0].isalpha() for token in tokens),
        joined=last in words.JOIN,
        answered=answered(tokens),
        own=own,
        final=final,
        revised=revised or revises(tokens),
        first_person=_of_its_author(tokens),
    )


def answered(tokens: list[str]) -> bool:
    """Whether a line begins with the answer, as in "Final answer: Vienna, with 90% confidence"."""
    return "answer" in tokens[:4] and not {":", "=", "is"}.isdisjoint(tokens[:7])


def _separates(tokens: list[str]) -> bool:
    """Whether the last token is a bar between two statements, as in "Answer: Vienna | Confidence: 0.9"."""
    return tokens[-1] == "|" and any(token[0].isalnum() for token in tokens[:-1])


def revises(tokens: list[str]) -> bool:
    """Whether the sentence before a mention takes something back: "after review", "I would revise"."""
    for place in range(len(tokens) - 1, -1, -1):
        word = tokens[place]
        if word in STOPS:
            return False
        if word in words.REVISES or (
            word in words.REVISION
            and not {"after", "on", "upon"}.isdisjoint(tokens[max(0, place - 3) : place])
        ):
            return True
    return False


def opens(tokens: list[str]) -> bool:
    """Whether a statement may begin after these tokens of its line: after none, or after a mark."""
    return not tokens or not (tokens[-1][0].isalnum() or tokens[-1] == "%")


def after(
    text: str, end: int, *, tagged: bool, alone: bool, paired: bool, revised: bool = False
) -> After | None:
    """Look on from a mention; None if it is not a label.

    `tagged`: it is the name of an XML tag. `revised`: what stands before it takes an earlier number back, so
    that "to 0.9" states one.
    """
    window = text[end : end + REACH + NUMERAL]
    link: Literal["mark", "copula"] | None = None
    correct, final, moved, scale, at = False, False, False, None, 0
    while link != "mark":
        at = _skip(JOINER, window, _skip(FILL, window, at))
        if mark := MARK.match(window, at) or (TAG_END.match(window, at) if tagged else None):
            link, at = "mark", mark.end()
        elif bracket := BRACKET.match(window, at):
            top = scale_of(bracket[1])
            inside = set(bracket[1].lower().replace("-", " ").split())
            if top is None and any(c.isdecimal() for c in bracket[1]) and "v2" not in inside:
                if MARKED.match(window, bracket.end()):
                    top = 0  # the number stands behind the bracket, on a scale that is not understood
                else:
                    at += 1
                    break  # "confidence (95%)"
            scale, at = scale if top is None else top, bracket.end()
            final |= not words.FINAL.isdisjoint(inside)
            correct |= not words.CORRECT.isdisjoint(inside)
            revised |= not (words.REVISED | words.REVISION).isdisjoint(inside)
        elif sign := PERCENT_SIGN.match(window, at):
            scale, at = int(sign["top"] or 100), sign.end()
        elif revised and (to := TO.match(window, at)):
            link, at = "copula", to.end()
        elif inline := INLINE.match(window, at):
            scale, at = scale_of(inline[0]), inline.end()
        elif (word := WORD.match(window, at)) and word[0].lower() in words.BETWEEN | words.AFTERWARDS:
            at = word.end()
            revised |= word[0].lower() in words.REVISION | words.REVISED
            correct |= word[0].lower() in words.CORRECT
            final |= word[0].lower() in words.FINAL
            moved |= word[0].lower() in words.MOVES
            link = "copula" if word[0].lower() in words.COPULA else link
        elif word and link is None:
            return None
        else:
            break
    if moved and link is None:
        return None  # "confidence dropped 10%"
    if link == "mark" and IN_ONE_OPTION.search(window[: at - 1]):
        return None  # "Confidence in A: 0.9" speaks of an option
    if link is None and not (DIGITS.match(window, at) or (alone and BREAK.match(window, at))):
        return None
    if paired:
        at = _past_the_answer(window, at)
    numeral = _numeral(window, at, scale, across=alone or link == "mark")
    if numeral is None:
        return None
    quoted = window[:1] in ('"', "'")
    return After(
        link=link, numeral=numeral, of_being_correct=correct, quoted=quoted, revised=revised, final=final
    )


def number_in(cell: str, scale: int | None) -> Numeral:
    """The number in a cell of a table, which stands for itself; the reason `words` where there is none."""
    if not any(character.isdecimal() for character in cell):
        numeral = read(cell, out_of=scale)
        return numeral if numeral.value is not None else _none("words")
    return _numeral(cell[: REACH + NUMERAL], 0, scale, across=False) or _none("words")


def _numeral(window: str, at: int, scale: int | None, *, across: bool) -> Numeral | None:
    """The number that a label carries, past words such as "about" and "high"; None at a placeholder."""
    level = bound = False
    while True:
        at = _skip(FILL, window, at)
        if at >= REACH:  # what begins here may be cut off
            return _none("words")
        if DIGITS.match(window, at):
            numeral = read(window, at, out_of=scale)
            if level and numeral.bare:  # "high. 1 source says so"
                return _none("words")
            return _none("range") if bound and numeral.reason in (None, "several") else numeral
        if across and not (level or bound) and (line := BREAK.match(window, at)):
            return _on_a_line(window[line.end() :], scale)
        if PLACEHOLDER.match(window, at):
            return None
        if mark := BOUND.match(window, at):
            bound, at = True, mark.end()
        elif word := WORD.match(window, at):
            latex = window[at - 1 : at] == "\\"
            name, at = word[0].lower(), word.end()
            if latex and name in words.LATEX:
                continue
            if name in words.DECLINED and not (level or bound):
                return _none("declined")
            level |= name in words.LEVEL
            bound |= name in words.BOUND
            if name not in words.BESIDE:
                return _none("words")
        elif window[at : at + 1] and window[at] in "([,.;:~|=-/":
            at += 1
        elif arrow := ARROW_SIGN.match(window, at):
            at = arrow.end()
        else:
            return _none("words")


def _past_the_answer(window: str, at: int) -> int:
    """Behind the last comma of the line, as in "Answer and confidence: Vienna, 85%"; else as it was."""
    end = window.find("\n", at)
    line = window[at : end if end >= 0 else len(window)]
    return at + max(line.rfind(","), line.rfind(";")) + 1


def _on_a_line(rest: str, scale: int | None) -> Numeral:
    """A number below its label has the line to itself: "1. Vienna" below it is a list."""
    below = FENCE.sub("", rest.lstrip(" \t\r\n"), count=1)
    line, ended, _ = below.partition("\n")
    line = BULLET.sub("", line.strip(" \t\r*_`\"'{}$#|>")).strip(" \t*_`\"'")
    whole = ended or len(rest) < NUMERAL
    return read(line, out_of=scale) if whole and ALONE.fullmatch(line) else _none("words")


def _of_its_author(tokens: list[str]) -> bool:
    for word in reversed(tokens):
        if word in STOPS:
            return False
        if word in words.PERSON or word in words.OWN:
            return True
    return False


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _none(reason: Reason) -> Numeral:
    return Numeral(value=None, reason=reason, bare=False)
