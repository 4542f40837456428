"""The ECE over the periods of a stream, with what happened in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calib.alerts.alert import FOR_REVIEWERS
from calib.report.figures.theme import FONT, LINES, MARKS, Theme, headed, legend_below, new_figure, plain
from calib.results import EceInterval, WindowResult
from calib.text import figure_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST = 100  # characters of a title
MOST_TICKS = 13
BAD = ("degraded", "above_limit", "certificate_broken")
EVENTS = {  # what happened: its mark and its role
    "alert: got worse": ("v", "bad"),
    "other alert": ("X", "soft"),
    "recovered": ("P", "good"),
    "new mapping": ("^", "served"),
    "moved by a person": ("<", "raw"),
    "new scope": ("D", "baseline"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A point with its 95% interval, at a place on the time axis."""

    at: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthsData:
    """The periods, oldest first; `truth` is known of simulated traffic alone, one value a period."""

    title: str
    periods: tuple[str, ...]
    raw: tuple[Estimate, ...]
    served: tuple[Estimate, ...]
    events: dict[str, tuple[int, ...]]
    max_rise: float | None
    truth: dict[str, tuple[float | None, ...]]

    @property
    def highest(self) -> float:
        """The end of the ECE's axis."""
        return max([0.1, *(point.high for point in (*self.raw, *self.served))]) * 1.08


def prepare_months(
    windows: Sequence[WindowResult],
    *,
    title: str,
    max_rise: float | None = None,
    moved: Sequence[str] = (),
    truth: dict[str, Sequence[float | None]] | None = None,
) -> MonthsData:
    """The pictures' data of windows, oldest first.

    `moved`: the periods in which a person moved the channel. `truth`: for raw and served, one value for
    each window.
    """
    kinds = [{alert.kind for alert in window.alerts} for window in windows]
    other = [bool(of - {*BAD, "recovered", "scope_changed", *FOR_REVIEWERS}) for of in kinds]
    happened = {
        "alert: got worse": [bool(of & {*BAD}) for of in kinds],
        "other alert": other,
        "recovered": ["recovered" in of for of in kinds],
        "new mapping": [window.refit.published for window in windows],
        "moved by a person": [window.period in moved for window in windows],
        "new scope": ["scope_changed" in of for of in kinds],
    }
    return MonthsData(
        title=figure_title(title, LONGEST),
        periods=tuple(window.period for window in windows),
        raw=_estimates([window.raw for window in windows]),
        served=_estimates([window.served for window in windows]),
        events={
            name: tuple(i for i, true in enumerate(marks) if true)
            for name, marks in happened.items()
            if any(marks)
        },
        max_rise=max_rise,
        truth={role: tuple(values) for role, values in (truth or {}).items()},
    )


def _estimates(parts: Sequence[EceInterval]) -> tuple[Estimate, ...]:
    return tuple(
        Estimate(at=i, value=part.ece, low=part.low, high=part.high)
        for i, part in enumerate(parts)
        if part.ece is not None and part.low is not None and part.high is not None
    )


def draw_months(axes: Axes, data: MonthsData, theme: Theme) -> None:
    """Raw and served ECE by period with 95% intervals, and the rise that matters as a line."""
    if data.max_rise is not None:
        axes.axhline(data.max_rise, color=theme.soft, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
        axes.annotate(
            f"max_rise\n{data.max_rise:g}",
            (1, data.max_rise),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=FONT,
            color=theme.soft,
        )
    for role, points, shift in (("raw", data.raw, -0.09), ("served", data.served, 0.09)):
        axes.errorbar(
            [p.at + shift for p in points],
            [p.value for p in points],
            yerr=[
                [max(0.0, p.value - p.low) for p in points],
                [max(0.0, p.high - p.value) for p in points],
            ],
            color=theme.roles[role],
            marker=MARKS[role],
            markersize=5,
            linestyle=LINES[role],
            linewidth=1.4,
            elinewidth=1,
            capsize=2,
            label=f"{role} confidence (95% interval)",
            zorder=3,
        )
        known = [(i + shift, value) for i, value in enumerate(data.truth.get(role, ())) if value is not None]
        if known:
            axes.plot(
                [i for i, _ in known],
                [value for _, value in known],
                linestyle="none",
                marker="_",
                markersize=11,
                markeredgewidth=1.6,
                color=theme.ink,
                label="truth, over every prediction" if role == "raw" else None,
                zorder=4,
            )
    axes.set_ylim(0, data.highest)
    axes.set_ylabel("ECE")
    _time_axis(axes, data)
    plain(axes, theme)
    headed(axes, theme, data.title)


def draw_events(axes: Axes, data: MonthsData, theme: Theme) -> None:
    """A row for each kind of event, a mark in each period in which it happened."""
    names = [name for name in EVENTS if name in data.events]
    for row, name in enumerate(names):
        mark, role = EVENTS[name]
        at = data.events[name]
        axes.plot(
            at,
            [row] * len(at),
            linestyle="none",
            marker=mark,
            markersize=7,
            color=theme.roles[role],
            clip_on=False,
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(0.5, len(names) - 0.5), -0.5)
    _time_axis(axes, data)
    plain(axes, theme, grid="y")
    axes.spines[["left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _time_axis(axes: Axes, data: MonthsData) -> None:
    every = max(1, -(-len(data.periods) // MOST_TICKS))
    shown = [i for i in range(len(data.periods)) if (len(data.periods) - 1 - i) % every == 0]
    axes.set_xticks(shown, [data.periods[i] for i in shown])
    axes.set_xlim(-0.6, max(0.6, len(data.periods) - 0.4))


def months_figure(data: MonthsData, theme: Theme) -> Figure:
    """The ECEs above the events, the legend below."""
    rows = len(data.events)
    figure = new_figure(9.6, 4.0 + 0.27 * rows, theme)
    if rows:
        top, below = figure.subplots(2, 1, height_ratios=[3.0, 0.27 * rows], sharex=True)
        draw_events(below, data, theme)
        draw_months(top, data, theme)
        top.tick_params(labelbottom=False)
    else:
        top = figure.subplots()
        draw_months(top, data, theme)
    legend_below(figure, top, theme, columns=3)
    return figure
