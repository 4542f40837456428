"""The segments of a window as a sorted dot plot: which one is how far off, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calib.report.figures.months import Estimate
from calib.report.figures.theme import FONT, MARKS, Theme, headed, legend_below, new_figure, plain
from calib.results import EceInterval
from calib.results.window import SegmentResult
from calib.text import figure_title, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 30  # rows: more cannot be read; the table below the picture has all
LONGEST = 26  # characters of a segment's name


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """One segment; `worse`: it is called degraded."""

    name: str
    labels: int
    raw: Estimate | None
    served: Estimate | None
    worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentsData:
    """The rows from the largest served ECE down, of `total` segments."""

    title: str
    rows: tuple[SegmentRow, ...]
    total: int


def prepare_segments(segments: Mapping[str, SegmentResult], *, title: str) -> SegmentsData:
    """The `MOST` segments that matter most: degraded ones first, then those with the largest served ECE."""
    rows = [
        SegmentRow(
            name=figure_title(one_line(name), LONGEST) or "(no name)",
            labels=part.labels,
            raw=_estimate(part.raw),
            served=_estimate(part.served),
            worse=part.change is not None and part.change.state == "degraded",
        )
        for name, part in segments.items()
    ]
    rows.sort(key=lambda row: (not row.worse, -_size(row), row.name))
    shown = sorted(rows[:MOST], key=lambda row: (-_size(row), row.name))
    return SegmentsData(title=figure_title(title, 90), rows=tuple(shown), total=len(rows))


def _estimate(part: EceInterval) -> Estimate | None:
    if part.ece is None or part.low is None or part.high is None:
        return None
    return Estimate(at=0, value=part.ece, low=part.low, high=part.high)


def _size(row: SegmentRow) -> float:
    return -1.0 if row.served is None else row.served.value


def draw_segments(axes: Axes, data: SegmentsData, theme: Theme) -> None:
    """A row for each segment: served and raw ECE with 95% intervals, and the number of labels in its name."""
    for role, shift in (("raw", 0.16), ("served", -0.16)):
        points = [(i + shift, getattr(row, role)) for i, row in enumerate(data.rows)]
        known = [(at, point) for at, point in points if point is not None]
        axes.errorbar(
            [point.value for _, point in known],
            [at for at, _ in known],
            xerr=[
                [max(0.0, point.value - point.low) for _, point in known],
                [max(0.0, point.high - point.value) for _, point in known],
            ],
            linestyle="none",
            marker=MARKS[role],
            markersize=5,
            markerfacecolor="none" if role == "raw" else theme.roles[role],
            color=theme.roles[role],
            elinewidth=1,
            capsize=2,
            label=f"{role} ECE (95% interval)",
            zorder=3 if role == "served" else 2,
        )
    worse = [i for i, row in enumerate(data.rows) if row.worse]
    if worse:
        axes.barh(
            worse, [1] * len(worse), height=0.86, color=theme.bad, alpha=0.13, label="DEGRADED", zorder=0
        )
    highest = max((p.high for row in data.rows for p in (row.raw, row.served) if p is not None), default=0.1)
    axes.set_xlim(0, max(0.1, highest) * 1.05)
    axes.set_yticks(range(len(data.rows)), [f"{row.name} ({row.labels:,})" for row in data.rows])
    for tick, row in zip(axes.get_yticklabels(), data.rows, strict=True):
        tick.set_fontweight("bold" if row.worse else "normal")
    axes.set_ylim(len(data.rows) - 0.4, -0.6)
    axes.set_xlabel("ECE")
    plain(axes, theme, grid="x")
    shown = f"the {len(data.rows)} that stand out of {data.total}" if data.total > len(data.rows) else ""
    headed(axes, theme, data.title, shown)


def segments_figure(data: SegmentsData, theme: Theme) -> Figure:
    """As high as there are rows, the legend below."""
    figure = new_figure(5.0, 1.7 + 0.26 * max(1, len(data.rows)), theme)
    axes = figure.subplots()
    draw_segments(axes, data, theme)
    axes.tick_params(axis="y", labelsize=FONT)
    legend_below(figure, axes, theme, columns=2)
    return figure
