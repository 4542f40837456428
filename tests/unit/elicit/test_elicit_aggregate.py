"""Answers found, grouped and weighed."""

from __future__ import annotations

import pytest

from calib.elicit import aggregate, framings, instruction, read_reply, same_choice, same_number, same_text
from calib.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: Vienna\nConfidence: 0.9", "Vienna"),
        ("**Answer:** Vienna", "Vienna"),
        ("**Answer: Vienna**", "Vienna"),
        ("- Answer: `B`", "B"),
        ("3. Answer: B", "B"),
        ("### Answer\nIt is Vienna", None),
        ("Answer:\n\nVienna\nConfidence: 0.9", "Vienna"),
        ("Answer: A\nNo, wait.\nAnswer: B", "B"),
        ("Final answer: A\nAnswer: B", "A"),
        ("The answer is 42.", "42."),
        ("Answer: Paris (95% confident)", "Paris"),
        ("[Answer: C, Confidence: 70%]", "C"),
        ("Answer: loss of confidence", "loss of confidence"),
        ("Answer: \\boxed{42}", "42"),
        ("Answer: $\\boxed{42}$", "42"),
        ('{"answer": "Vienna", "confidence": 0.9}', "Vienna"),
        ('```json\n{"answer": 42, "confidence": 0.9}\n```', "42"),
        ('{"answer": ["a"]}', None),
        ('{"answer": ' + "[" * 5000 + "}", None),
        ("<think>Answer: A</think>\n<answer>B</answer>", "B"),
        ("<think>Answer: A</think>", None),
        ("Answer and Confidence (0-100): B, 85%", "B"),
        ("```Answer and Confidence (0-100): loss of yeast; 90%```", "loss of yeast"),
        ("Answer and confidence: 1,200, 70", "1,200"),
        ("Answer:\n**Confidence:** 0.9", None),
        ("Answer:\nConfidence: 0.9\nAnswer: B", "B"),
        ("It must be Vienna, I think.", None),
        ("Questions and answers: see below", None),
        ("", None),
        (None, None),
    ],
)
def test_answers_are_found_where_they_are_given(text: str | None, answer: str | None) -> None:
    assert read_reply(text).answer == answer


def test_a_long_answer_is_cut() -> None:
    assert len(read_reply("Answer: " + "x" * 100_000).answer or "") == 1_000


@pytest.mark.parametrize(
    ("same", "one", "other", "equal"),
    [
        (same_text, "The Danube", "danube.", True),
        (same_text, "Saint-Émilion", "saint émilion", True),
        (same_text, "a dog", "Dog!", True),
        (same_text, "capital of the Netherlands", "Capital of Netherlands", True),
        (same_text, "vitamin A", "vitamin", False),
        (same_text, "A", "the", False),
        (same_text, "1.5", "15", False),
        (same_text, "-3", "3", False),
        (same_text, "1/2", "12", False),
        (same_text, "!", "?", False),
        (same_text, "９", "9", True),
        (same_number, "1,200 km", "1200", True),
        (same_number, "about 0.50", "0.5", True),
        (same_number, "−3", "-3", True),
        (same_number, "3", "-3", False),
        (same_number, "none", "None.", True),
        (same_number, "none", "0", False),
        (same_choice, "B", "(b) Paris", True),
        (same_choice, "Option B.", "b)", True),
        (same_choice, "B", "C", False),
        (same_choice, "Paris", "paris", True),
    ],
)
def test_when_two_answers_are_one(same: object, one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal  # type: ignore[operator]


def reply(answer: str, confidence: float | None = None) -> str:
    return f"Answer: {answer}" + ("" if confidence is None else f"\nConfidence: {confidence}")


def test_agreement_and_stated_values_make_the_confidence() -> None:
    found = aggregate([reply("Vienna", 0.9), reply("vienna", 0.7), reply("Graz", 0.8), "I do not know."])
    assert (found.answer, found.replies, found.answered, found.stated) == ("Vienna", 4, 3, 3)
    assert found.agreement == pytest.approx(2 / 3)
    assert found.confidence == pytest.approx((0.9 + 0.7) / 3)  # another answer adds nothing
    assert found.disagreement == pytest.approx(2 / 3)  # two of the three pairs differ
    assert [(g.answer, g.replies, g.confidence) for g in found.groups] == [
        ("Vienna", 2, pytest.approx(0.8)),
        ("Graz", 1, 0.8),
    ]


def test_replies_that_state_nothing_count_for_agreement_alone() -> None:
    found = aggregate([reply("A", 0.6), reply("A"), reply("B")])
    assert found.agreement == pytest.approx(2 / 3)
    assert found.confidence == pytest.approx(2 / 3 * 0.6)
    assert aggregate([reply("A"), reply("A")]).confidence is None


def test_of_equal_groups_the_surer_one_is_taken() -> None:
    assert aggregate([reply("A", 0.3), reply("B", 0.9)]).answer == "B"
    assert aggregate([reply("B", 0.5), reply("A", 0.5)]).answer == "A"


def test_equality_is_carried_along_a_chain() -> None:
    def near(one: str, other: str) -> bool:
        return abs(float(one) - float(other)) <= 1

    assert [
        g.replies for g in aggregate([reply("1"), reply("3"), reply("2"), reply("9")], same=near).groups
    ] == [3, 1]


def test_one_reply_and_none() -> None:
    one = aggregate([reply("A", 0.6)])
    assert (one.answer, one.confidence, one.agreement, one.disagreement) == ("A", 0.6, 1.0, None)
    none = aggregate([])
    assert (none.answer, none.confidence, none.agreement, none.disagreement) == (None, None, None, None)


def test_framings_differ_and_carry_the_question_unchanged() -> None:
    question = 'What is {x} in "{0}"? %s'
    found = framings(question, n=7, size="small")
    assert len(set(found)) == 7
    assert all(question in prompt and prompt.endswith(instruction(size="small")) for prompt in found)
    assert found[0] == f"{question}\n\n{instruction(size='small')}"
    for n in (0, 8):
        with pytest.raises(InvalidInput, match="1 to 7"):
            framings(question, n=n)
    with pytest.raises(InvalidInput, match='"large" or "small"'):
        instruction(size="medium")  # type: ignore[arg-type]


def test_what_the_instructions_ask_for_is_what_the_reader_reads() -> None:
    for size in ("large", "small"):
        asked = instruction(size=size)  # type: ignore[arg-type]
        assert "Answer:" in asked
        assert "Confidence:" in asked
    example = instruction(size="large").partition("Example")[2]
    assert read_reply(example).answer == "1858"
    assert read_reply(example).confidence.value == 0.82
