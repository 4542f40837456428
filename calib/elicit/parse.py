"""The confidence that a reply states, or the reason why it states none: a total function of hostile text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from calib.elicit import label, words
from calib.elicit.markup import unmarked, unwrapped
from calib.elicit.numerals import Reason, plain, read
from calib.elicit.scales import BRACKET, scale_of
from calib.elicit.table import Table, tables
from calib.elicit.thinking import after_thinking

Source = Literal["label", "json", "prose"]

MOST = 1_000  # mentions of confidence; a text with more of them is not a reply
_NAMES = "|".join((*words.LABELS, *words.CHANCES))
# Konfidenzwert, Konfidensnivå, luottamustaso
_COMPOUND = r"(?:(?-i:s?(?:wert|niveau|grad|score|level|nivå|taso|prozent|graad|percentage|index)))?"
_EDGELESS = "|".join(sorted(words.EDGELESS, key=len, reverse=True))
MENTION = re.compile(
    rf"(?<![^\W_])(?<!\w-)(?i:(?:{_NAMES}){_COMPOUND})(?![^\W_A-Z])"
    rf"|(?<!\w)(?i:p\((?:correct|true)\))|{_EDGELESS}"
)
_SHARE = r"\d{1,3}(?:[.,]\d{1,6})?[ \t]?\\?(?:%|percent\b|per cent\b)"
SAID = re.compile(
    rf"(?<![\w.,/%+-])(?P<share>{_SHARE})[ \t]{{1,4}}(?:(?!not\b|less\b|never\b)\w{{1,12}}[ \t]{{1,4}})?"
    r"(?:(?P<sure>confident|certain|sure)|confidence|certainty)\b(?:[ \t]{1,4}(?P<next>\w{1,12}))?"
    rf"|\b(?:confident|certain|sure)[ \t]{{0,4}}\([ \t]?(?:\w{{1,13}}[ \t]|~)?(?P<after>{_SHARE})[ \t]?\)",
    re.I | re.A,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """`value` in [0, 1] with the `source` that it was read from, or None with the `reason` for it.

    Reasons: `empty` no text · `unfinished` thinking that does not end · `absent` no confidence stated ·
    `words` a label without a number · `declined` n/a, unknown · `several` different values, none called final
    or revised · `range` a range or a bound · `out_of_range` below 0 or above 1 · `scale_unknown` above 1
    without % or denominator · `malformed` digits that are not a number.
    """

    value: float | None
    source: Source | None
    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    at: int  # its place in the text
    rank: int  # 0 a final label, 1 a label, 2 prose
    revised: bool  # it takes earlier ones back
    source: Source
    value: float | None
    reason: Reason | None


def parse_confidence(text: str | None) -> Parsed:
    """Read the confidence that a reply states about itself.

    Never raises; takes time linear in the text; never clamps, averages or guesses. Labels (JSON, tables, tags
    and `Confidence: 0.85`) go before prose (`I am 85% sure`), and one that is called final or overall before
    others; of one rank, different values are `several`. One that takes earlier ones back (revised, updated,
    after review) counts instead of them. What a model wrote while it was thinking is not a reply yet.

    >>> parse_confidence("Answer: Vienna\\nConfidence: 85%")
    Parsed(value=0.85, source='label', reason=None)
    >>> parse_confidence("Answer: 0.85").reason, parse_confidence("Confidence: high").reason
    ('absent', 'words')
    """
    spoken = after_thinking(text or "")
    if spoken is None:
        return Parsed(value=None, source=None, reason="unfinished")
    reply = plain(unmarked(unwrapped(spoken)))
    if not reply.strip():
        return Parsed(value=None, source=None, reason="empty")
    statements: list[_Statement] = []
    for table in tables(reply):
        statements += _tabled(table)
    for pattern, of in ((MENTION, _labelled), (SAID, _statement)):
        for count, mention in enumerate(pattern.finditer(reply)):
            if count == MOST:
                return Parsed(value=None, source=None, reason="several")
            if (statement := of(reply, mention)) is not None:
                statements.append(statement)
    return _decide(_not_taken_back(statements))


def _not_taken_back(statements: list[_Statement]) -> list[_Statement]:
    """Without what stands before the last statement that takes earlier ones back."""
    revisions = [statement.at for statement in statements if statement.revised]
    return (
        [statement for statement in statements if statement.at >= max(revisions)] if revisions else statements
    )


def _tabled(table: Table) -> list[_Statement]:
    """What the columns of a table say that are headed by a label."""
    statements = []
    for column, head in enumerate(table.heads):
        scale, name = None, head
        if (bracket := BRACKET.search(head)) is not None:
            scale, name = scale_of(bracket[1]), head[: bracket.start()]
        words_of_it = name.replace("%", "").lower().split()
        mention = MENTION.search(name)
        if mention is None or len(words_of_it) > 4 or mention[0].lower() in words.CHANCES:
            continue
        scale = 100 if scale is None and "%" in name else scale
        for row in table.rows:
            numeral = label.number_in(row[column], scale)
            statements.append(
                _Statement(
                    at=table.start,
                    rank=0 if not words.FINAL.isdisjoint(words_of_it) else 1,
                    revised=not words.REVISED.isdisjoint(words_of_it),
                    source="label",
                    value=numeral.value,
                    reason=numeral.reason,
                )
            )
    return statements


def _decide(statements: list[_Statement]) -> Parsed:
    """The value of the best rank that has one; a number that cannot be used hides those of lower ranks."""
    outcome: Reason = "absent"
    for rank in range(3):
        candidates = [statement for statement in statements if statement.rank == rank]
        stated = [statement for statement in candidates if statement.value is not None]
        divided = stated and any(statement.reason == "several" for statement in candidates)
        if divided or len({statement.value for statement in stated}) > 1:
            return Parsed(value=None, source=None, reason="several")
        if stated:
            return Parsed(value=stated[0].value, source=stated[0].source, reason=None)
        reasons: list[Reason] = [statement.reason for statement in candidates if statement.reason is not None]
        numeric = [reason for reason in reasons if reason not in ("words", "declined")]
        if numeric:
            return Parsed(value=None, source=None, reason=numeric[-1])
        if reasons and outcome == "absent":
            outcome = reasons[-1]
    return Parsed(value=None, source=None, reason=outcome)


def _labelled(text: str, mention: re.Match[str]) -> _Statement | None:
    """What a label says, if this mention is one: of the reply itself, not of a detector or of consumers."""
    start, end = mention.span()
    name, mark_before = mention[0].lower(), text[max(0, start - 1) : start]
    back = label.before(text, start)
    on = label.after(
        text,
        end,
        tagged=mark_before in ("<", "["),
        alone=back.alone,
        paired=back.paired,
        revised=back.revised,
    )
    if on is None or (name in words.CHANCES and not on.of_being_correct):
        return None
    value, reason = on.numeral.value, on.numeral.reason
    if on.link == "mark" or (on.link is None and back.alone and not on.numeral.bare):
        if not (back.opens or back.joined or mention[0] in words.EDGELESS):
            return None
        source: Source = "json" if on.quoted and mark_before in ('"', "'") else "label"
        rank = 0 if back.final or on.final else 1
        return _Statement(at=start, rank=rank, revised=on.revised, source=source, value=value, reason=reason)
    of_the_answer = back.joined and back.answered
    if not (back.opens or back.own or back.first_person or of_the_answer or mention[0] in words.EDGELESS):
        return None
    if on.link is None and value is None and reason != "several":
        return None
    return _Statement(at=start, rank=2, revised=on.revised, source="prose", value=value, reason=reason)


def _statement(text: str, mention: re.Match[str]) -> _Statement | None:
    """What "95% sure" says, if it is the author who says it of themselves: at the start, or after "I am"."""
    tokens = label.tokens_before(text, mention.start())
    while tokens and (tokens[-1] in words.ADVERB or tokens[-1] in label.EMPHASIS or tokens[-1] == "~"):
        tokens.pop()
    of_the_answer = tokens[-1:] == ["with"] and label.answered(tokens)
    if not (label.opens(tokens) or of_the_answer or _of_oneself(tokens, mention)):
        return None
    if mention["share"] and not mention["sure"] and (mention["next"] or "").lower() in words.STATISTICS:
        return None
    numeral = read(mention["share"] or mention["after"])
    return _Statement(
        at=mention.start(),
        rank=2,
        revised=label.revises(tokens),
        source="prose",
        value=numeral.value,
        reason=numeral.reason,
    )


def _of_oneself(tokens: list[str], mention: re.Match[str]) -> bool:
    sure = mention["sure"] or mention["after"]
    person, verbs = (words.PERSON, words.BE) if sure else ({"i", "i'd"}, words.HAVE)
    verb_found = False
    for token in reversed(tokens):
        if token in person and (verb_found or "'" in token):
            return True
        if token not in verbs and token not in words.ADVERB:
            return False
        verb_found |= token in verbs
    return False
