"""Draw the picture of the README: `python docs/images/make_overview.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

BLUE, ORANGE, GREY = ("#eef3f9", "#1f5fa8"), ("#fbf3ea", "#b35806"), "#444444"
WIDTH, HEIGHT = 2.15, 1.05
BOXES = (  # left, bottom, colours, title, text
    (0.2, 2.9, BLUE, "1. Sample", "draws a few hundred of\nthe month's predictions"),
    (2.75, 2.9, BLUE, "2. Label", "people or known outcomes\nsay which were correct"),
    (5.3, 2.9, BLUE, "3. Measure", "ECE with its interval;\nworse than before?"),
    (7.85, 2.9, BLUE, "4. Refit", "a new mapping, if it is\nbetter on unseen labels"),
    (0.2, 0.7, ORANGE, "Your service", "the model states 0.93,\nthe client serves 0.81"),
    (5.3, 0.7, ORANGE, "Slack", "an alert when confidence\nbecame less reliable"),
    (7.85, 0.7, ORANGE, "Object storage", "keeps every version\nof the mapping"),
)
ARROWS = (  # from, to
    ((2.35, 3.42), (2.75, 3.42)),
    ((4.9, 3.42), (5.3, 3.42)),
    ((7.45, 3.42), (7.85, 3.42)),
    ((8.92, 2.9), (8.92, 1.75)),
    ((6.37, 2.9), (6.37, 1.75)),
    ((1.27, 1.75), (1.27, 2.9)),
)
WORDS = (
    (1.4, 2.3, "predictions with\ntheir stated confidence"),
    (9.0, 2.3, "publishes"),
    (6.45, 2.3, "tells people"),
    (3.3, 0.42, "the client reads the current mapping"),
)


def draw(path: Path) -> None:
    """Write the picture as PNG."""
    figure, axes = plt.subplots(figsize=(10.2, 4.3), dpi=150)
    axes.set_xlim(0, 10.2)
    axes.set_ylim(0, 4.3)
    axes.axis("off")
    for left, bottom, (fill, edge), title, text in BOXES:
        shape = "round,pad=0,rounding_size=0.1"
        axes.add_patch(FancyBboxPatch((left, bottom), WIDTH, HEIGHT, shape, facecolor=fill, edgecolor=edge))
        middle = left + WIDTH / 2
        axes.text(middle, bottom + 0.82, title, ha="center", va="center", weight="bold", size=10)
        axes.text(middle, bottom + 0.36, text, ha="center", va="center", size=8)
    style = {"arrowstyle": "-|>", "color": GREY, "lw": 1.5, "shrinkA": 0, "shrinkB": 0}
    for start, end in ARROWS:
        axes.annotate("", xy=end, xytext=start, arrowprops=style)
    axes.plot([8.92, 8.92, 1.27], [0.7, 0.25, 0.25], color=GREY, lw=1.5)
    axes.annotate("", xy=(1.27, 0.7), xytext=(1.27, 0.25), arrowprops=style)
    for x, y, text in WORDS:
        axes.text(x, y, text, va="center", size=9, color=GREY)
    axes.text(0.2, 4.12, "calibwatch: once per month and stream", weight="bold", size=12, va="center")
    figure.savefig(path, bbox_inches="tight", pad_inches=0.05)
    plt.close(figure)


if __name__ == "__main__":
    draw(Path(__file__).with_name("overview.png"))
