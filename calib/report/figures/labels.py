"""The labels ledger: what became of every drawn row, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calib.report.figures.months import MOST_TICKS
from calib.report.figures.theme import Theme, headed, legend_below, new_figure, plain
from calib.results import WindowResult
from calib.text import figure_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PARTS = ("correct", "incorrect", "unsure", "missing")
LOOKS = {  # fill, edge and hatch: distinct on grey paper too
    "correct": ("good", "paper", ""),
    "incorrect": ("", "bad", "////"),
    "unsure": ("baseline", "paper", ""),
    "missing": ("", "soft", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsData:
    """The drawn rows of each period, by what is known of them: four numbers a period."""

    title: str
    periods: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]


def prepare_labels(windows: Sequence[WindowResult], *, title: str) -> LabelsData:
    """The label counts of windows, oldest first."""
    labels = [window.labels for window in windows]
    return LabelsData(
        title=figure_title(title, 90),
        periods=tuple(window.period for window in windows),
        counts={
            "correct": tuple(part.correct for part in labels),
            "incorrect": tuple(part.n - part.correct for part in labels),
            "unsure": tuple(part.unsure for part in labels),
            "missing": tuple(part.missing for part in labels),
        },
    )


def draw_labels(axes: Axes, data: LabelsData, theme: Theme) -> None:
    """Stacked bars: correct, incorrect, unsure, and without an answer."""
    base = [0] * len(data.periods)
    for name in PARTS:
        counts = data.counts[name]
        if not any(counts):
            continue
        fill, edge, hatch = LOOKS[name]
        axes.bar(
            range(len(base)),
            counts,
            bottom=base,
            width=0.72,
            facecolor=theme.roles[fill] if fill else "none",
            edgecolor=theme.roles[edge],
            hatch=hatch,
            linewidth=0.6,
            label="without an answer" if name == "missing" else name,
        )
        base = [low + n for low, n in zip(base, counts, strict=True)]
    every = max(1, -(-len(base) // MOST_TICKS))
    shown = [i for i in range(len(base)) if (len(base) - 1 - i) % every == 0]
    axes.set_xticks(shown, [data.periods[i] for i in shown])
    axes.set_xlim(-0.6, max(0.6, len(base) - 0.4))
    axes.set_ylim(0, max([1, *base]) * 1.06)
    axes.set_ylabel("drawn rows")
    plain(axes, theme)
    headed(axes, theme, data.title)


def labels_figure(data: LabelsData, theme: Theme) -> Figure:
    """One panel, the legend below."""
    figure = new_figure(9.6, 3.4, theme)
    axes = figure.subplots()
    draw_labels(axes, data, theme)
    legend_below(figure, axes, theme, columns=4)
    return figure
