"""Reading confidences and grouping answers, on any text and in any order."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from calib.elicit import (
    Parsed,
    Reply,
    aggregate,
    parse_confidence,
    read_reply,
    same_choice,
    same_number,
    same_text,
)
from calib.elicit.parse import MENTION, SAID

ANY = st.text(st.characters(), max_size=300)
# text that comes near: the pieces of which statements are made
PIECES = (
    *("Confidence", "confidence", "certainty", ":", "=", " ", "\n", "0.8", "85", "%", "1", "-", "/100", "("),
    *(
        "I am",
        "sure",
        "confident",
        "my",
        "final",
        "is",
        "about",
        "high",
        "to",
        '"',
        "**",
        "</think>",
        "<",
        ">",
    ),
    *("Answer", "{", "}", "|", "out of", "10", ",", ".", "n/a", "９", "％", "信心", "not", "95%", "of", ")"),
)
NEAR = st.lists(st.sampled_from([*PIECES, "\u200b"]), max_size=30).map("".join)
TEXTS = st.one_of(ANY, NEAR)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_any_text_has_a_value_or_a_reason(text: str) -> None:
    found = parse_confidence(text)
    assert (found.value is None) == (found.source is None) == (found.reason is not None)
    assert found.value is None or 0 <= found.value <= 1
    assert read_reply(text).confidence == found


WAYS: dict[str, Callable[[int], str]] = {
    "decimal": lambda k: f"{k / 1000:.3f}",
    "shortest": lambda k: f"{k / 1000:g}" if k else "0",
    "comma": lambda k: f"{k / 1000:.3f}".replace(".", ",") if k < 1000 else "1,0",
    "no zero": lambda k: f"{k / 1000:.3f}".removeprefix("0"),
    "percent": lambda k: f"{k / 10:g}%",
    "spaced percent": lambda k: f"{k / 10:.1f} %",
    "word": lambda k: f"{k / 10:g} percent",
    "hundred": lambda k: f"{k / 10:g}/100",
    "thousand": lambda k: f"{k}/1000",
    "ten": lambda k: f"{k / 100:g} out of 10",
    "full-width": lambda k: f"{k / 1000:.3f}".translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789."}),
    "arabic": lambda k: f"{k / 1000:.3f}".translate(str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")),
}
LABELS = [
    "Confidence: {}",
    "**Confidence**: {}",
    '{{"confidence": "{}"}}',
    "(confidence: {})",
    "| Confidence | {} |",
]
LABELS += [
    "<confidence>{}</confidence>",
    "My confidence: {}",
    "## Confidence\n{}",
    "confidence={}",
    "Certainty — {}",
]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(LABELS))
def test_a_number_is_the_same_float_however_it_is_written(
    way: Callable[[int], str], k: int, label: str
) -> None:
    parsed = parse_confidence(label.format(way(k)))
    if re.fullmatch(r"0\.\d/100", way(k)):  # is 0.9/100 meant as 0.9, or as 0.009?
        assert (parsed.value, parsed.reason) == (None, "scale_unknown")
    else:
        assert parsed.value == k / 1000


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        ANY,
        st.lists(st.sampled_from(["85%", "0.9", "step 3", "9 out of 10", " ", "\n", "1.", "Answer: "])).map(
            "".join
        ),
    )
)
def test_no_number_is_a_confidence_without_a_word_that_says_so(text: str) -> None:
    assume(not MENTION.search(text) and not SAID.search(text) and not re.search("(?i)conf|cert|sure", text))
    assert parse_confidence(text).value is None


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cf"]), max_size=200), st.integers(0, 100))
def test_what_else_a_reply_says_does_not_change_what_it_states(noise: str, k: int) -> None:
    assume(not re.search(r"(?i)conf|cert|sure|prob|likel|chance|[信確자신확]|</think>|p\(", noise))
    assert parse_confidence(f"{noise}\n\nConfidence: {k}%").value == k / 100
    assert parse_confidence(f"Confidence: {k}%\n\n{noise}").value == k / 100


@pytest.mark.parametrize("filler", [" ", "*", "\n", " about"])
@pytest.mark.parametrize("separator", [":", " is", ""])
def test_a_number_far_away_is_read_whole_or_not_at_all(filler: str, separator: str) -> None:
    found = {parse_confidence(f"My confidence{separator}{filler * n} 0.123456").value for n in range(400)}
    assert found <= {0.123456, None}
    assert None in found


REPLIES = st.lists(
    st.builds(
        Reply,
        answer=st.one_of(
            st.none(), st.sampled_from(["Vienna", "vienna.", "The Vienna", "Graz", "1.5", "15", ""])
        ),
        confidence=st.one_of(
            st.just(Parsed(value=None, source=None, reason="absent")),
            st.floats(0, 1).map(lambda value: Parsed(value=value, source="label", reason=None)),
        ),
    ),
    max_size=9,
)


@settings(max_examples=150, deadline=None)
@given(REPLIES, st.randoms())
def test_the_order_of_replies_does_not_matter(replies: list[Reply], random: object) -> None:
    shuffled = sorted(replies, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert aggregate(replies) == aggregate(shuffled)


@settings(max_examples=150, deadline=None)
@given(REPLIES)
def test_the_numbers_of_an_aggregate_agree(replies: list[Reply]) -> None:
    found = aggregate(replies)
    assert sum(group.replies for group in found.groups) == found.answered <= found.replies
    assert (found.answer is None) == (found.answered == 0) == (found.agreement is None)
    if found.agreement is not None and found.confidence is not None:
        assert 0 <= found.confidence <= found.agreement <= 1
    if found.disagreement is not None:
        assert -1e-12 <= found.disagreement <= 1
        assert (found.disagreement < 1e-12) == (len(found.groups) == 1)


@pytest.mark.parametrize("same", [same_text, same_number, same_choice])
@settings(max_examples=80, deadline=None)
@given(TEXTS, TEXTS)
def test_equality_is_symmetric_and_reflexive(same: Callable[[str, str], bool], one: str, other: str) -> None:
    assert same(one, one)
    assert same(one, other) == same(other, one)
