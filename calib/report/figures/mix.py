"""The mix of stated confidences: which share of the predictions states what, now and in the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calib.report.figures.theme import FONT, Theme, headed, legend_below, new_figure, plain
from calib.results import WindowResult
from calib.text import figure_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TICKS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class MixData:
    """The shares by stratum of confidence (`names`); `before` is empty where there is no baseline."""

    title: str
    names: tuple[str, ...]
    now: tuple[float, ...]
    before: tuple[float, ...]


def prepare_mix(window: WindowResult, *, title: str) -> MixData | None:
    """The mix of a window beside its baseline's; without one the window's own bins; None without labels."""
    mix, response = window.score_mix, window.response
    if mix is not None and response is not None and len(response.strata) == len(mix.now):
        names = tuple(f"{part.above:.4g} to {part.to:.4g}" for part in response.strata)
        return MixData(title=figure_title(title, 90), names=names, now=mix.now, before=mix.before)
    bins = [part for part in window.raw.bins if part.n]
    if not bins:
        return None
    names = tuple(f"{part.lo:.3g} to {part.hi:.3g}" for part in bins)
    now = tuple(part.weight for part in bins)
    return MixData(title=figure_title(title, 90), names=names, now=now, before=())


def draw_mix(axes: Axes, data: MixData, theme: Theme) -> None:
    """Bars side by side: this period filled, the baseline hatched."""
    width = 0.42 if data.before else 0.7
    at = [i - (width / 2 if data.before else 0) for i in range(len(data.names))]
    axes.bar(at, data.now, width=width, color=theme.raw, label="this period", linewidth=0)
    if data.before:
        axes.bar(
            [i + width / 2 for i in range(len(data.names))],
            data.before,
            width=width,
            facecolor="none",
            edgecolor=theme.baseline,
            hatch="////",
            linewidth=0.8,
            label="baseline",
        )
    every = max(1, -(-len(data.names) // MOST_TICKS))
    shown = range(0, len(data.names), every)
    crowded = len(data.names) > 4
    axes.set_xticks(
        list(shown),
        [data.names[i] for i in shown],
        rotation=35 if crowded else 0,
        ha="right" if crowded else "center",
    )
    highest = max([*data.now, *data.before, 0.01])
    axes.set_ylim(0, highest * 1.1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("stated confidence (above … to)")
    axes.set_ylabel("share of the predictions")
    plain(axes, theme)
    headed(axes, theme, data.title)


def mix_figure(data: MixData, theme: Theme) -> Figure:
    """One panel, the legend below."""
    figure = new_figure(5.0, 3.7, theme)
    axes = figure.subplots()
    draw_mix(axes, data, theme)
    axes.tick_params(labelsize=FONT)
    legend_below(figure, axes, theme, columns=2)
    return figure
