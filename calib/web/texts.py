"""Texts of people and models on a page: what steers a display is shown as a sign, and does nothing.

Escaping is the templates' work, and what Markdown may become is said in `calib.web.markdown`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

LONGEST_RENDERED = 20_000  # characters of one text that a page shows; the rest is a link away
PREVIEW = 900  # characters that are seen of a longer text before it is unfolded

# Controls but for tab and line end, what turns the direction of a line round, halves of surrogate pairs, and
# the invisible letters of the tag block.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with every character that would steer the display shown as a sign for it.

    >>> visible("paid\\u202e!\\x1b[31m\\r\\nnext")
    'paid[U+202E]![U+001B][31m\\nnext'
    """
    return _STEERING.sub(_sign, text.replace("\r\n", "\n"))


def _sign(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A text as a page shows it. `preview`: its beginning, None where it is short enough to be shown whole.

    `text` is at most `LONGEST_RENDERED` characters of it; `length` counts all of them.
    """

    name: str
    text: str
    preview: str | None
    length: int

    @property
    def cut(self) -> bool:
        """Whether the page shows less than there is."""
        return self.length > len(self.text)


def shown_text(name: str, value: Any) -> Shown:
    """A value of an item's context, ready to be rendered; what is no text becomes JSON in a code block."""
    text = plain(value)
    if not isinstance(value, str) and value is not None:
        text = f"```json\n{text}\n```"
    return Shown(
        name=name,
        text=text[:LONGEST_RENDERED],
        preview=_beginning(text) if len(text) > PREVIEW + PREVIEW // 2 else None,
        length=len(text),
    )


def plain(value: Any) -> str:
    """All of a value as text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _beginning(text: str) -> str:
    """The beginning of a long text, up to the end of a paragraph, a line or a word where one is near."""
    for end in ("\n\n", "\n", " "):
        at = text.rfind(end, PREVIEW // 2, PREVIEW)
        if at > 0:
            return text[:at] + " …"
    return text[:PREVIEW] + "…"
