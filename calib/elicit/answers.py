"""The answer that a reply gives, and when two answers are the same."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from calib.elicit import words
from calib.elicit.markup import unwrapped
from calib.elicit.parse import Parsed, parse_confidence
from calib.elicit.table import Table, tables
from calib.elicit.thinking import after_thinking

Same = Callable[[str, str], bool]

LONGEST = 1_000  # characters of an answer
LABEL = re.compile(
    r"^[ \t>*_#`|\-\[(]{0,12}(?:\d{1,3}[.)][ \t]{1,4})?(?:(?:the|my)[ \t])?(final[ \t])?answer"
    r"( and confidence(?:[ \t]?\([^()\n]{0,30}\))?)?"
    r"[*_`\"' \t]{0,6}(?:[:=|：]|is\b:?)[*_`\"' \t]{0,6}(.*)$",
    re.I | re.M,
)
_BETWEEN = r"[\s,;|/(\[\-–—·•→⇒>=*_`]"
_LABELS = "|".join(sorted(words.LABELS, key=len, reverse=True))
AFTERWARDS = re.compile(
    rf"{_BETWEEN}{{1,10}}(?:(?:with )?\d{{1,3}}(?:\.\d{{1,4}})?[ \t]?%[ \t]?"
    r"(?:confident|certain|sure|(?:confidence|certainty)[.!]?[ \t]*$)"
    r"|(?:with )?(?:an? )?(?:my )?(?:(?:final|overall|level|nivel|niveau|grado|degré|livello|nível|grau) )?"
    rf"(?:de |di |of )?(?:{_LABELS})(?: of)?[*_` \t]{{0,4}}[:=(|→\-–—]?[*_`$\\ \t]{{0,4}}"
    r"(?:(?:boxed|text|textbf)\{)?%?\d)",
    re.I,
)
HEAD = re.compile(r"(?:(?:the|my|your)[ \t])?(?:final[ \t])?answer", re.I)
WITH_IT = re.compile(r"[,;][ \t]*[\d.,]{1,8}[ \t]?%?[`\"'\])]{0,4}[ \t\r]*$")
BOXED = re.compile(r"\$?\\boxed\{(.*)\}\$?")
NUMBER = re.compile(r"[-+−]?\d{1,30}(?:,\d{3}){0,10}(?:\.\d{1,30})?(?:[eE][-+]?\d{1,3})?")
CHOICE = re.compile(r"(?:option|choice|answer)?[ \t]*[(\[]?([a-z])\b.*", re.S | re.I)
PUNCTUATION = re.compile(r"(?<!\d)[.,/:]|[.,/:](?!\d)|(?<=\w)[-+−]|[-+−](?!\d)|[^\w\s.,/:+\-−]|_")
ARTICLES = re.compile(r"^\s*(?:a|an)\s|\bthe\b")  # not every "a": the A of vitamin A is not an article
CONFIDENCE = re.compile(r"[\W_]{0,12}(?:my |final |overall )?(?:confidence|certainty)\b", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one reply says: its answer, None where none is found, and the confidence that it states."""

    answer: str | None
    confidence: Parsed


def read_reply(text: str | None) -> Reply:
    """Read a reply's answer and confidence; never raises, whatever the text is.

    The answer is what follows the last `Answer:` at the start of a line (a final one before others), the
    key "answer" of a JSON object, or an <answer> tag. Anything else has no answer: nothing is guessed.

    >>> read_reply("It is on the Danube.\\n**Answer:** Vienna\\n**Confidence:** 90%").answer
    'Vienna'
    """
    confidence = parse_confidence(text)
    reply = unwrapped(after_thinking(text or "") or "")
    answer = _from_json(reply) or _from_table(reply) or _from_label(reply) or _from_tag(reply)
    return Reply(answer=_trimmed(answer) if answer else None, confidence=confidence)


def same_text(one: str, other: str) -> bool:
    """Whether two answers are equal but for case, articles, spaces and punctuation.

    Close to SQuAD's rule (Rajpurkar et al. 2016), but points and signs inside numbers count, and so does an
    "a" that is not the first word.

    >>> same_text("The Danube.", "danube"), same_text("1.5", "15")
    (True, False)
    """
    return _canonical(one) == _canonical(other)


def same_number(one: str, other: str) -> bool:
    """Whether the first numbers of two answers are equal to nine digits; text without one equals as text.

    >>> same_number("1,200 km", "1200"), same_number("0.5", "0.51")
    (True, False)
    """
    first_number, second_number = NUMBER.search(one), NUMBER.search(other)
    if first_number is None or second_number is None:
        return first_number is second_number and same_text(one, other)
    return math.isclose(_number(first_number[0]), _number(second_number[0]), rel_tol=1e-9)


def same_choice(one: str, other: str) -> bool:
    """Whether two answers name the same option by its letter: "B", "(b) Paris", "Option B."

    >>> same_choice("B) Paris", "option b"), same_choice("B", "C")
    (True, False)
    """
    first_choice, second_choice = CHOICE.fullmatch(one.strip()), CHOICE.fullmatch(other.strip())
    if first_choice is None or second_choice is None:
        return first_choice is second_choice and same_text(one, other)
    return first_choice[1].lower() == second_choice[1].lower()


def _from_table(text: str) -> str | None:
    """The one cell below a head "Answer"; several rows are several answers, of which none is guessed."""
    for table in tables(text):
        for column, head in enumerate(table.heads):
            if HEAD.fullmatch(head) and len(table.rows) == 1 and (table.ruled or _states(table)):
                return table.rows[0][column]
    return None


def _states(table: Table) -> bool:
    return any(CONFIDENCE.match(head) for head in table.heads)


def _from_label(text: str) -> str | None:
    answer, final = None, False
    for label in LABEL.finditer(text):
        if final and not label[1]:
            continue
        candidate = (WITH_IT.sub("", label[3]) if label[2] else label[3]).strip()
        if not candidate:  # on the next line
            candidate = text[label.end() : label.end() + LONGEST].lstrip().partition("\n")[0]
            if CONFIDENCE.match(candidate):
                continue
        answer, final = candidate, bool(label[1])
    return answer


def _from_tag(text: str) -> str | None:
    end = text.lower().rfind("</answer>")
    start = text.lower().rfind("<answer>", 0, end) if end >= 0 else -1
    return text[start + len("<answer>") : end] if start >= 0 else None


def _from_json(text: str) -> str | None:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start or '"answer"' not in text:
        return None
    try:
        value = json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        return None
    answer = value.get("answer") if isinstance(value, dict) else None
    return str(answer) if isinstance(answer, str | int | float) and not isinstance(answer, bool) else None


def _trimmed(answer: str) -> str | None:
    """The answer without the confidence that follows it on its line, and without markup around it."""
    answer = answer[:LONGEST]
    if later := AFTERWARDS.search(answer):
        answer = answer[: later.start()].rstrip(" \t|;,/([→⇒-–—·•*_>=`")
    answer = answer.strip().removesuffix(" |").strip().strip("*_`").strip()
    if boxed := BOXED.fullmatch(answer):
        answer = boxed[1]
    return answer.strip("\"' \t") or None


def _canonical(answer: str) -> str:
    text = unicodedata.normalize("NFKC", answer[:LONGEST]).casefold()
    return " ".join(ARTICLES.sub(" ", PUNCTUATION.sub(" ", text)).split()) or " ".join(text.split())


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))
