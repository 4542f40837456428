"""A figure as a file: PNG, or SVG for a page, the same bytes for the same picture."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from calib.report.figures.theme import LIGHT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
SALT = "calibwatch"  # of the ids in an SVG, which are random without one
STYLED = re.compile(r'style="[^"]*"')
COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def png(figure: Figure) -> bytes:
    """The figure as a PNG, without the time at which it was made."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"axes.unicode_minus": False}):  # as all texts: `calib.wording.numbers`
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def write_png(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG; the folder must be there."""
    path.write_bytes(png(figure))


def svg(figure: Figure, *, name: str) -> str:
    """The figure as an `svg` element to put into a page; `name`, a word, makes its ids unique there.

    Draw it in the theme `LIGHT`: each of its colours becomes `var(--ROLE)`, so that the page's style sheet
    decides how the picture looks on dark screens and on paper. Text stays text. The element has no size
    of its own but its proportions, no metadata and no style sheet.
    """
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": SALT, "svg.fonttype": "none", "axes.unicode_minus": False}):
        figure.patch.set_alpha(0.0)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    head, rest = text.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    hidden = 'aria-hidden="true" focusable="false"'  # the page says in words what the picture shows
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} {hidden}'
    rest = re.sub(r'\bfill="([^"]*)"', r'style="fill: \1"', rest.replace("xlink:href", "href"))
    rest = re.sub(r'(\bid="|url\(#|href="#)', lambda at: f"{at[0]}{name}-", rest)
    roles = {colour: role for role, colour in LIGHT.roles.items()}

    def themed(style: re.Match[str]) -> str:
        return COLOUR.sub(lambda c: f"var(--{roles[c[0]]})" if c[0] in roles else c[0], style[0])

    return re.sub(r"\n\s*", "\n", f"{opening}>{STYLED.sub(themed, rest)}").strip()
