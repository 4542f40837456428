"""How pictures look: colours by role, for light, dark and grey paper, and a figure without global state.

Colours are told apart by colour-blind readers (ColorBrewer's PuOr and RdBu); marks, line styles and
hatches carry the same distinction without any colour.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONT = 9.0  # points


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """One colour for each role, no two alike, as #rrggbb: pages replace them by colours of their own."""

    raw: str
    served: str
    baseline: str
    bad: str
    good: str
    ink: str
    soft: str
    grid: str
    paper: str

    @property
    def roles(self) -> dict[str, str]:
        """The colour of each role, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


LIGHT = Theme(
    raw="#b35806",
    served="#2166ac",
    baseline="#5f5f5f",
    bad="#b2182b",
    good="#1b7837",
    ink="#1b1b1b",
    soft="#595959",
    grid="#e2e2e2",
    paper="#ffffff",
)
DARK = Theme(
    raw="#f4a259",
    served="#7cb7ee",
    baseline="#b0b0b0",
    bad="#ff8a80",
    good="#7fd19b",
    ink="#f0f0f0",
    soft="#b9b9b9",
    grid="#3a3f45",
    paper="#15191d",
)
GREY = Theme(
    raw="#606060",
    served="#1c1c1c",
    baseline="#8c8c8c",
    bad="#000000",
    good="#303030",
    ink="#101010",
    soft="#505050",
    grid="#dedede",
    paper="#fefefe",
)
MARKS = {"raw": "o", "served": "s", "baseline": "D"}
LINES = {"raw": "-", "served": (0, (6, 2)), "baseline": (0, (1, 1.6))}


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """A figure of this many inches, drawn without pyplot and so without its global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=theme.paper)
    FigureCanvasAgg(figure)
    return figure


def plain(axes: Axes, theme: Theme, *, grid: str = "y") -> None:
    """The axes' frame, ticks and grid in the theme's quiet colours."""
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(theme.soft)
    axes.tick_params(colors=theme.soft, labelcolor=theme.ink, labelsize=FONT)
    if grid != "none":
        axes.grid(
            axis="both" if grid == "both" else "y" if grid == "y" else "x", color=theme.grid, linewidth=0.7
        )
    axes.set_axisbelow(True)
    axes.xaxis.label.set(color=theme.ink, fontsize=FONT)
    axes.yaxis.label.set(color=theme.ink, fontsize=FONT)


def headed(axes: Axes, theme: Theme, title: str, below: str = "") -> None:
    """A bold title at the left, and a line of numbers below it."""
    if below:
        axes.set_title(below, loc="left", fontsize=FONT, color=theme.soft)
        axes.annotate(
            title,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 21),
            textcoords="offset points",
            fontsize=FONT + 2,
            fontweight="bold",
            color=theme.ink,
        )
    else:
        axes.set_title(title, loc="left", fontsize=FONT + 2, fontweight="bold", color=theme.ink)


def legend_below(figure: Figure, axes: Axes, theme: Theme, *, columns: int = 2) -> None:
    """The legend of some axes, outside of them at the figure's foot."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=FONT,
        labelcolor=theme.ink,
    )
