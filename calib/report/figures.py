"""Pictures: reliability of one window, and the months of a stream. `prepare_*` gives data, `draw_*` draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calib.results import Measured, WindowResult
from calib.text import figure_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RAW, SERVED, TRUE, BAD = "#b35806", "#2166ac", "#1a1a1a", "#b2182b"  # also for colour-blind readers
GREY = "#6b6b6b"
LONGEST = 90  # characters of a title


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """One line of a reliability diagram: the bins that hold rows."""

    name: str
    colour: str
    stated: list[float]
    accuracy: list[float]
    low: list[float]
    high: list[float]
    share: list[float]
    edges: list[tuple[float, float]]


def prepare_reliability(measured: Measured, *, name: str, colour: str) -> Points:
    """The bins with rows of a measurement, as a line of a reliability diagram."""
    bins = [bin_ for bin_ in measured.bins if bin_.n]
    ece = f"ECE {measured.ece:.3f} ({measured.low:.3f} to {measured.high:.3f})"
    return Points(
        name=f"{name}: {ece}",
        colour=colour,
        stated=[float(bin_.mean_score or 0.0) for bin_ in bins],
        accuracy=[float(bin_.accuracy or 0.0) for bin_ in bins],
        low=[float(bin_.low or 0.0) for bin_ in bins],
        high=[float(bin_.high or 0.0) for bin_ in bins],
        share=[bin_.weight for bin_ in bins],
        edges=[(bin_.lo, bin_.hi) for bin_ in bins],
    )


def draw_reliability(path: Path, raw: Measured, served: Measured | None = None, *, title: str) -> None:
    """Accuracy against stated confidence, with 95% intervals, and where the rows lie, as a PNG."""
    lines = [prepare_reliability(raw, name="raw" if served else "stated", colour=RAW)]
    if served is not None:
        lines.append(prepare_reliability(served, name="served", colour=SERVED))
    figure = _figure(7.2, 7.6)
    top, strip = figure.subplots(2, 1, height_ratios=[5, 1], sharex=True)
    top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    top.annotate("as stated", (0.13, 0.145), color=GREY, ha="center", va="bottom", fontsize=9, rotation=44)
    width = 0.8 / len(lines)
    for i, line in enumerate(lines):
        below = [max(0.0, a - b) for a, b in zip(line.accuracy, line.low, strict=True)]
        above = [max(0.0, b - a) for a, b in zip(line.accuracy, line.high, strict=True)]
        top.errorbar(
            line.stated,
            line.accuracy,
            yerr=[below, above],
            color=line.colour,
            marker="os"[i],
            markersize=6,
            linewidth=1.4,
            elinewidth=1.1,
            capsize=2.5,
            label=line.name,
            zorder=3 + i,
        )
        for (lo, hi), share in zip(line.edges, line.share, strict=True):
            step = (hi - lo) * width
            left = lo + (hi - lo) * 0.1 + i * step
            strip.bar(left, share, width=step, align="edge", color=line.colour, linewidth=0)
    top.set_ylabel("accuracy observed")
    top.set_ylim(0, 1.02)
    top.set_xlim(0, 1)
    top.legend(loc="upper left", frameon=False, fontsize=10)
    top.set_title(figure_title(title, LONGEST), loc="left", fontsize=12, fontweight="bold")
    strip.set_ylabel("share of rows")
    strip.set_xlabel("confidence stated")
    for axes in (top, strip):
        _plain(axes)
    figure.savefig(path, dpi=150)


def draw_months(
    path: Path,
    windows: Sequence[WindowResult],
    *,
    title: str,
    true_served: Sequence[float | None] | None = None,
    true_raw: Sequence[float | None] | None = None,
) -> None:
    """Raw and served ECE by period with 95% intervals, alerts and new mappings marked, as a PNG."""
    figure = _figure(11, 5.2)
    axes = figure.subplots()
    x = list(range(len(windows)))
    highest = 0.1
    for name, parts, colour, marker, shift, truth in (
        ("raw", [window.raw for window in windows], RAW, "o", -0.07, true_raw),
        ("served", [window.served for window in windows], SERVED, "s", 0.07, true_served),
    ):
        points = list(_with_ece(parts))
        highest = max([highest, *(high for _, _, _, high in points)])
        axes.errorbar(
            [i + shift for i, _, _, _ in points],
            [ece for _, ece, _, _ in points],
            yerr=[[ece - low for _, ece, low, _ in points], [high - ece for _, ece, _, high in points]],
            color=colour,
            marker=marker,
            markersize=5.5,
            linewidth=1.5,
            elinewidth=1.1,
            capsize=2.5,
            label=f"{name} confidence, measured on the labelled sample (95%)",
            zorder=3,
        )
        if truth is not None:
            known = [(i + shift, value) for i, value in enumerate(truth) if value is not None]
            axes.plot(
                [i for i, _ in known],
                [value for _, value in known],
                linestyle="none",
                marker="_",
                markersize=11,
                markeredgewidth=1.6,
                color=TRUE,
                label="truth, over every row" if name == "raw" else None,
                zorder=4,
            )
    for i, window in enumerate(windows):
        kinds = {alert.kind for alert in window.alerts}
        if "degraded" in kinds:
            axes.axvspan(i - 0.45, i + 0.45, color=BAD, alpha=0.12, linewidth=0)
            axes.annotate(
                "alert", (i, highest * 1.11), color=BAD, ha="center", fontsize=10, fontweight="bold"
            )
        elif "recovered" in kinds:
            axes.annotate("recovered", (i, highest * 1.11), color=SERVED, ha="center", fontsize=10)
        if window.refit.published:
            axes.annotate("▲", (i, 0), color=SERVED, ha="center", va="bottom", fontsize=8)
    axes.plot([], [], linestyle="none", marker="^", color=SERVED, markersize=6, label="new mapping published")
    axes.set_xticks(x, [window.period for window in windows])
    axes.set_ylim(0, highest * 1.2)
    axes.set_xlim(-0.6, len(windows) - 0.4)
    axes.set_ylabel("ECE")
    axes.set_title(figure_title(title, LONGEST), loc="left", fontsize=12, fontweight="bold")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    _plain(axes)
    figure.savefig(path, dpi=150)


def _with_ece(parts: Sequence[Measured]) -> Iterator[tuple[int, float, float, float]]:
    """Place, ECE and its interval of the periods that have one."""
    for i, part in enumerate(parts):
        if part.ece is not None and part.low is not None and part.high is not None:
            yield i, part.ece, part.low, part.high


def _figure(width: float, height: float) -> Figure:
    """A figure without pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
