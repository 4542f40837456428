"""The reliability diagram: observed accuracy against stated confidence, and where the predictions lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calib.report.figures.theme import FONT, LINES, MARKS, Theme, headed, legend_below, new_figure, plain
from calib.results import Measured
from calib.results.measured import Bin
from calib.text import figure_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

THIN = 20  # labels: the interval of fewer is so wide that the eye must not follow the point
LONGEST = 60  # characters of a title
SMALLEST, WHOLE = (
    8.0,
    700.0,
)  # marker's area in square points: the smallest, and for all predictions in one bin


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A bin or a level that holds labels; `thin`: fewer than `THIN` of them."""

    lo: float
    hi: float
    stated: float
    accuracy: float
    low: float
    high: float
    mass: float
    n: int

    @property
    def thin(self) -> bool:
        """Whether the point is too weak to be joined to its neighbours."""
        return self.n < THIN


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityData:
    """One panel: `role` is raw, served or baseline; `levels`: the points are stated levels, not bins."""

    role: str
    title: str
    numbers: str
    points: tuple[Point, ...]
    levels: bool

    @property
    def joined(self) -> list[list[Point]]:
        """The runs of neighbouring points that a line joins: none of them is thin."""
        runs: list[list[Point]] = [[]]
        for point in self.points:
            if point.thin:
                runs.append([])
            else:
                runs[-1].append(point)
        return [run for run in runs if len(run) > 1]


def prepare_reliability(
    measured: Measured, *, role: str, title: str, bins: Sequence[Bin] | None = None, levels: bool = False
) -> ReliabilityData:
    """A panel of a measurement; `bins` in the place of its own, which are `levels` or not."""
    points = tuple(
        Point(
            lo=part.lo,
            hi=part.hi,
            stated=part.mean_score,
            accuracy=part.accuracy,
            low=part.low,
            high=part.high,
            mass=part.weight,
            n=part.n,
        )
        for part in (measured.bins if bins is None else bins)
        if part.n
        and part.mean_score is not None
        and part.accuracy is not None
        and part.low is not None
        and part.high is not None
    )
    return ReliabilityData(
        role=role,
        title=figure_title(title, LONGEST),
        numbers=_numbers(measured),
        points=points,
        levels=levels,
    )


def _numbers(measured: Measured) -> str:
    if measured.ece is None or measured.low is None or measured.high is None:
        return f"n = {measured.n:,}"
    auroc = "" if measured.auroc is None else f", AUROC {measured.auroc:.2f}"
    return f"n = {measured.n:,}, ECE {measured.ece:.3f} ({measured.low:.3f} to {measured.high:.3f}){auroc}"


def draw_reliability(axes: Axes, data: ReliabilityData, theme: Theme) -> None:
    """The diagonal, and each point with its 95% interval; a marker's area is its share of the predictions."""
    colour, mark = theme.roles[data.role], MARKS[data.role]
    axes.plot([0, 1], [0, 1], color=theme.soft, linewidth=1, linestyle=(0, (4, 3)), label="exactly as stated")
    for run in data.joined:
        axes.plot(
            [point.stated for point in run],
            [point.accuracy for point in run],
            color=colour,
            linewidth=1.2,
            linestyle=LINES[data.role],
            zorder=3,
        )
    for thin in (False, True):
        points = [point for point in data.points if point.thin is thin]
        if not points:
            continue
        stated, accuracy = [p.stated for p in points], [p.accuracy for p in points]
        faint = 0.45 if thin else 1.0
        below = [max(0.0, p.accuracy - p.low) for p in points]
        above = [max(0.0, p.high - p.accuracy) for p in points]
        axes.errorbar(
            stated,
            accuracy,
            yerr=[below, above],
            fmt="none",
            ecolor=colour,
            elinewidth=1.1,
            capsize=2,
            alpha=faint,
            zorder=4,
        )
        if not data.levels:
            axes.hlines(
                accuracy,
                [p.lo for p in points],
                [p.hi for p in points],
                color=colour,
                linewidth=0.8,
                alpha=0.5 * faint,
                zorder=2,
            )
        what = "level" if data.levels else "bin"
        axes.scatter(
            stated,
            accuracy,
            s=[max(SMALLEST, WHOLE * p.mass) for p in points],
            marker=mark,
            facecolor="none" if thin else colour,
            edgecolor=colour,
            linewidth=1,
            alpha=faint if thin else 0.6,
            zorder=3,
            clip_on=False,
            label=f"{what} with fewer than {THIN} labels" if thin else f"{what} with its 95% interval",
        )
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("observed accuracy")
    plain(axes, theme, grid="both")
    headed(axes, theme, data.title, data.numbers)


def draw_masses(axes: Axes, data: ReliabilityData, theme: Theme) -> None:
    """The share of the predictions in each bin or at each level."""
    colour = theme.roles[data.role]
    if data.levels:
        axes.vlines(
            [p.stated for p in data.points], 0, [p.mass for p in data.points], color=colour, linewidth=4
        )
    else:
        for point in data.points:
            width = (point.hi - point.lo) * 0.86
            axes.bar((point.lo + point.hi) / 2, point.mass, width=width, color=colour, linewidth=0)
    highest = max((point.mass for point in data.points), default=1.0)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(0, highest * 1.15)
    axes.set_yticks([0, highest], ["0", f"{highest:.0%}"])
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axes.set_xlabel("stated confidence")
    axes.set_ylabel("share")
    plain(axes, theme, grid="none")


def reliability_figure(panels: Sequence[ReliabilityData], theme: Theme, *, legend: bool = True) -> Figure:
    """Panels side by side, each above the histogram of its predictions; the legend below them all."""
    columns = max(1, len(panels))
    figure = new_figure(4.5 * columns, 5.5 + 0.35 * legend, theme)
    grid = figure.subplots(2, columns, height_ratios=[5, 1], squeeze=False, sharex=True)
    for i, data in enumerate(panels):
        draw_reliability(grid[0][i], data, theme)
        draw_masses(grid[1][i], data, theme)
        if i:
            grid[0][i].set_ylabel("")
            grid[1][i].set_ylabel("")
    if legend and panels:
        widest = max(range(len(panels)), key=lambda i: len({p.thin for p in panels[i].points}))
        legend_below(figure, grid[0][widest], theme, columns=3 if columns > 1 else 1)
    for axes in grid[0]:
        axes.tick_params(labelsize=FONT)
    return figure
