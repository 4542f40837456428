"""What a model is asked to say about its answer, and a question put in several ways."""

from __future__ import annotations

from typing import Literal

from calib.errors import InvalidInput

Size = Literal["large", "small"]

LARGE = """\
Give your answer and the probability that it is correct: a number from 0.00 to 1.00, such that of all \
answers to which you give the same number, that share turns out to be right. Take into account how hard the \
question is, what you know for certain and what you are guessing. Use the whole range and two digits; where \
you guess, say a low number.

End with exactly these two lines and nothing after them:
Answer: <your answer, as short as it can be>
Confidence: <the probability that it is correct>

Example
Question: In which year was the first transatlantic telegraph cable completed?
Answer: 1858
Confidence: 0.82"""

SMALL = """\
End with exactly these two lines:
Answer: <your answer>
Confidence: <a number from 0.00 to 1.00: the probability that your answer is correct>"""

# Each asks for another way of getting to the answer: a model that knows comes to the same one.
FRAMINGS = (
    "",
    "Work through the question below step by step before you commit to an answer.",
    "Put the question below into your own words first, then answer it.",
    "Write down the strongest reason against your first thought, then answer the question below.",
    "Name two answers to the question below that are worth considering, then choose between them.",
    "A colleague asks you the question below and will act on what you say. Answer it.",
    "Recall what is known about the subject of the question below, then answer it from that alone.",
)


def instruction(*, size: Size = "large") -> str:
    """How to state a confidence, to be put after the question.

    Large models do better with the confidence as the numerical probability of being correct and a worked
    example; small ones lose the thread of long instructions and do better with the plain request (Yang, Tsai
    & Yamada 2024, "On Verbalized Confidence Scores for LLMs"). Raises `InvalidInput` for another size.

    >>> instruction(size="small").splitlines()[-1][:26]
    'Confidence: <a number from'
    """
    if size not in ("large", "small"):
        raise InvalidInput(f'size is "large" or "small", not {size!r:.40}')
    return LARGE if size == "large" else SMALL


def framings(question: str, *, n: int = 5, size: Size = "large") -> tuple[str, ...]:
    """The question as `n` prompts that differ in meaning, not in words alone; the first is the plain one.

    The question stands in each of them unchanged. Raises `InvalidInput` unless 1 ≤ n ≤ 7.

    >>> len(framings("What is the capital of Austria?", n=3))
    3
    """
    if not 1 <= n <= len(FRAMINGS):
        raise InvalidInput(f"there are 1 to {len(FRAMINGS)} framings, not {n}")
    ask = instruction(size=size)
    return tuple("\n\n".join(part for part in (lead, question, ask) if part) for lead in FRAMINGS[:n])
