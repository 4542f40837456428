"""What numbers count up to, where a reply says so beside a label or a number: "(0-100)", "out of 10"."""

from __future__ import annotations

import re

BRACKET = re.compile(r"[(\[]([^()\[\]\n]{0,60}(?:[(\[][^()\[\]\n]{0,20}[)\]])?[^()\[\]\n]{0,20})[)\]]")
_ENDS = (
    r"([01])(?:[.,]0{1,3})?[ \t]?%?[ \t]?(?:-|to|and|bis|à|a|al?|~|\.\.\.?|…|[,;])[ \t]?"
    r"(100|10|5|1)(?:[.,]0{1,3})?"
)
SCALE = re.compile(rf"(?:.*[^\d.,])?{_ENDS}[ \t]?%?[)\]]?(?:[ \t](?:scale|range|interval|points|percent))?")
NAMED_ENDS = re.compile(
    r"([01])[ \t]?(?:=|:|-|is|means)[ \t]?[^\d,;/]{1,24}[,;/][ \t]?"
    r"(100|10|5|1)[ \t]?(?:=|:|-|is|means)[ \t]?[^\d,;/]{1,24}"
)
INLINE = re.compile(
    r"[01](?:[.,]0{1,3})?[ \t]?(?:-|to)[ \t]?(?:100|10|5|1)(?:[.,]0{1,3})?[ \t]?%?(?=[ \t]?[:=])"
)
TOP = re.compile(r"(?:.*\s)?(?:out of|of|/|von|sur|de|su|sobre|max\.?|maximum)[ \t]?(100|10|5|1)(?:\.0)?")
PER_HUNDRED = {
    "%",
    "in %",
    "en %",
    "em %",
    "w %",
    "в %",
    "percent",
    "in percent",
    "percentage",
    "as a percentage",
}
PER_HUNDRED |= {"as %", "as a %", "as percentage", "in prozent", "prozent", "en porcentaje", "en pourcentage"}


def scale_of(inside: str) -> int | None:
    """What numbers count up to, as a bracket beside a label says; 0 for a scale that does not begin at 0.

    >>> [scale_of(text) for text in ("0-1", "0 to 100", "%", "out of 10", "1-5", "high")]
    [1, 100, 100, 10, 0, None]
    """
    text = inside.strip().lower()
    if match := SCALE.fullmatch(text) or NAMED_ENDS.fullmatch(text):
        return int(match[2]) if match[1] == "0" else 0
    if match := TOP.fullmatch(text):
        return int(match[1])
    return 100 if text in PER_HUNDRED else None
