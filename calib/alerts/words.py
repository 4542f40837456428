"""What a message is made of, whatever its kind: a title, what to do tonight, and labelled parts. Pure.

Each kind of alert has one function from what is stored of it to what is said; `calib.alerts.kinds` has the
table. Texts here are plain: `calib.alerts.message` escapes them, cuts them, and draws them for each surface.
Commands stand between backticks, whole, so that they work as they are copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from calib.json_object import Json

# The labels of the parts, in the order in which a tired person needs them.
HOW_BAD = "How bad"
SINCE_WHEN = "Since when"
HOW_SURE = "How sure"
WHERE = "Where"
ROUTING = "What it means for routing"
INFORMATION = "Information in the confidence"
DONE = "What was done"
TO_DO = "What to do now"
UNDO = "How to undo it"
WHAT = "What happened"

NOTHING_TONIGHT = "Nothing has to be done tonight."
PRODUCTION = "production"  # the channel that commands mean by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is stored of an alert; `facts` are those of its rule."""

    kind: str
    stream: str
    period: str
    facts: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A small table: its heads, and as many cells in each row."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One labelled part of a message: sentences, and perhaps a table below them."""

    label: str
    text: str
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message in plain words.

    `title`: what happened, in a few words. `tonight`: one sentence that says whether anything has to be done
    tonight. `acts_wrongly`: production acts on a wrong confidence now, so that the owner is mentioned.
    `quiet`: one line is all that is said.
    """

    title: str
    tonight: str
    parts: tuple[Part, ...] = ()
    acts_wrongly: bool = False
    quiet: bool = False


Words = Callable[[Told], Said]


@dataclass(frozen=True, slots=True)
class Titled:
    """What is known of a kind before any alert of it: its title in general, and its words."""

    title: str
    words: Words


KindTable = Mapping[str, Titled]


@dataclass(slots=True)
class Parts:
    """Parts as they come together: an empty text leaves its part out."""

    made: list[Part] = field(default_factory=list)

    def add(self, label: str, *sentences: str | None, table: Table | None = None) -> None:
        """A part of the sentences that there are."""
        text = " ".join(sentence for sentence in sentences if sentence)
        if text or table is not None:
            self.made.append(Part(label=label, text=text, table=table))

    def done(self) -> tuple[Part, ...]:
        """The parts, in the order in which they were added."""
        return tuple(self.made)


def sentence(text: str) -> str:
    """A clause as a sentence: a capital at its beginning and a full stop at its end.

    >>> sentence("the labels are not complete yet")
    'The labels are not complete yet.'
    """
    text = text.strip()
    if not text:
        return ""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
