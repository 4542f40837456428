"""Numbers for people: with their intervals, their signs and their nouns.

A minus is the character - of a keyboard on every surface: copied from a terminal, a message or a page, a
number stays one for a spreadsheet and for a program.
"""

from __future__ import annotations

import math
from typing import Protocol

MOST_ODDS = 1_000  # to 1: larger evidence is shown as more than this


class Interval(Protocol):
    """What has an ECE with its 95% interval."""

    @property
    def ece(self) -> float | None:
        """The ECE."""

    @property
    def low(self) -> float | None:
        """The lower end."""

    @property
    def high(self) -> float | None:
        """The upper end."""


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "entry", "entries"), counted(2, "entry", "entries"), counted(0, "channel")
    ('1 entry', '2 entries', '0 channels')
    """
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def number(value: float | None, digits: int = 3) -> str:
    """A number; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """A difference with its sign.

    >>> signed(0.0312), signed(None)
    ('+0.031', 'an unknown amount')
    """
    return "an unknown amount" if value is None else f"{value:+.3f}"


def percent(value: float | None) -> str:
    """A share.

    >>> percent(0.8125), percent(None)
    ('81.2%', 'unknown')
    """
    return "unknown" if value is None else f"{value:.1%}"


def between(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """A number with the ends of its interval, where it has one.

    >>> between(0.75, 0.7, 0.8), between(0.75, None, None), between(None, None, None)
    ('0.750 (0.700 to 0.800)', '0.750', '–')
    """
    if value is None or low is None or high is None:
        return number(value, digits)
    return f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"


def difference(value: float | None, low: float | None, high: float | None) -> str:
    """A difference with its interval.

    >>> difference(0.02, -0.01, 0.05), difference(None, None, None)
    ('+0.020 (-0.010 to +0.050)', '–')
    """
    if value is None or low is None or high is None:
        return "–"
    return f"{signed(value)} ({signed(low)} to {signed(high)})"


def interval(measured: Interval | None, digits: int = 3) -> str:
    """`0.091 (0.062 to 0.120)` from what has an ece, low and high; a dash where there is none."""
    if measured is None or measured.ece is None:
        return "–"
    return between(measured.ece, measured.low, measured.high, digits)


def p_value(p: float | None, draws: int | None = None) -> str:
    """A p-value; one at the end of what `draws` simulated draws can give is said to be that.

    >>> p_value(0.0123), p_value(0.0004), p_value(0.001, draws=999), p_value(0.002, draws=999)
    ('p = 0.012', 'p < 0.001', 'p ≤ 1/1000', 'p = 0.002')
    """
    if p is None:
        return "p unknown"
    if draws is not None and p * (draws + 1) < 1.5:
        return f"p ≤ 1/{draws + 1}"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def odds(e_value: float) -> str:
    """Evidence as people may weigh it: beyond a thousand to one the number says nothing more.

    >>> odds(143.2), odds(31_318_242.0)
    ('143 to 1', 'more than 1,000 to 1')
    """
    return "more than 1,000 to 1" if e_value > MOST_ODDS else f"{e_value:,.0f} to 1"
