"""The routing curve: accuracy and share of the traffic at and above a cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calib.report.figures.theme import FONT, LINES, Theme, headed, legend_below, new_figure, plain
from calib.results.pictures import RoutingPoint
from calib.results.window import ProvenCut
from calib.text import figure_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST = 60  # characters of a title
CLOSE = 0.06  # of the axis: two names nearer than this would overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingData:
    """One panel: `role` is raw or served; `proven` are cuts on the raw confidence, `threshold` is in use."""

    role: str
    title: str
    points: tuple[RoutingPoint, ...]
    threshold: float | None
    proven: tuple[ProvenCut, ...]


def prepare_routing(
    points: Sequence[RoutingPoint],
    *,
    role: str,
    title: str,
    threshold: float | None = None,
    proven: Sequence[ProvenCut] = (),
) -> RoutingData:
    """A panel of the points of a curve, by ascending cut."""
    return RoutingData(
        role=role,
        title=figure_title(title, LONGEST),
        points=tuple(sorted(points, key=lambda point: point.cut)),
        threshold=threshold,
        proven=tuple(sorted(proven, key=lambda item: item.target)),
    )


def draw_routing(axes: Axes, data: RoutingData, theme: Theme) -> None:
    """Accuracy with its 95% band, the share that is acted on, the threshold in use, and certificates."""
    colour = theme.roles[data.role]
    cuts = [point.cut for point in data.points]
    axes.fill_between(
        cuts,
        [point.low for point in data.points],
        [point.high for point in data.points],
        color=colour,
        alpha=0.18,
        linewidth=0,
    )
    axes.plot(
        cuts,
        [point.accuracy for point in data.points],
        color=colour,
        linewidth=1.8,
        marker="." if len(cuts) < 25 else None,
        label="accuracy at and above the cut (95% band)",
    )
    axes.plot(
        cuts,
        [point.share for point in data.points],
        color=theme.baseline,
        linewidth=1.4,
        linestyle=LINES["served"],
        label="share of the traffic at and above the cut",
    )
    if data.threshold is not None:
        axes.axvline(
            data.threshold,
            color=theme.ink,
            linewidth=1.2,
            linestyle=(0, (1, 1.4)),
            label=f"threshold in use: {data.threshold:g}",
        )
    if data.proven:
        axes.plot(
            [item.cut for item in data.proven],
            [item.target for item in data.proven],
            linestyle="none",
            marker="*",
            markersize=11,
            color=theme.good,
            markeredgecolor=theme.ink,
            markeredgewidth=0.6,
            label="certificate: proven accuracy above the cut",
            zorder=5,
        )
    last = -1.0
    for item in data.proven:
        if item.target - last >= CLOSE:
            last = item.target
            left = item.cut > 0.75  # below the star: what is proven lies below the curve of what was seen
            axes.annotate(
                f"{item.target:.0%} from {item.cut:g}",
                (item.cut, item.target),
                xytext=(14 if left else -14, -8),
                textcoords="offset points",
                ha="right" if left else "left",
                va="top",
                fontsize=FONT,
                color=theme.ink,
                bbox={"facecolor": theme.paper, "alpha": 0.8, "edgecolor": "none", "pad": 1},
                zorder=6,
            )
    axes.set_xlim(min([0.5, *cuts]) - 0.02, 1.02)
    axes.set_ylim(0, 1.05)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(f"cut on the {data.role} confidence")
    plain(axes, theme, grid="both")
    headed(axes, theme, data.title)


def routing_figure(data: RoutingData, theme: Theme) -> Figure:
    """One panel with its legend below."""
    figure = new_figure(4.8, 4.4, theme)
    axes = figure.subplots()
    draw_routing(axes, data, theme)
    legend_below(figure, axes, theme, columns=1)
    return figure
