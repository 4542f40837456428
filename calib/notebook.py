"""Results as notebooks show them: a title and rows of text, escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """A small HTML table of names and values.

    >>> table("ECE", [("value <95%>", "0.1")])
    '<table><caption>ECE</caption><tr><th>value &lt;95%&gt;</th><td>0.1</td></tr></table>'
    """
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table><caption>{escape(title)}</caption>{cells}</table>"


def spread(value: float | None, low: float | None, high: float | None, *, sign: bool = False) -> str:
    """A number with its 95% interval; a dash where there is none.

    >>> spread(0.1, 0.05, 0.15), spread(0.1, -0.05, 0.15, sign=True), spread(None, None, None)
    ('0.100 (0.050 to 0.150)', '+0.100 (-0.050 to +0.150)', '–')
    """
    if value is None or low is None or high is None:
        return "–"
    form = "+.3f" if sign else ".3f"
    return f"{value:{form}} ({low:{form}} to {high:{form}})"
