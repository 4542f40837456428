"""The pictures: their data, what is drawn of it, and that they look as those in the documentation."""

from __future__ import annotations

import io
import runpy
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from matplotlib.axes import Axes
from report_values import hostile, numbers, segments, window, year

from calib.report import figures
from calib.report.figures.months import Estimate
from calib.report.figures.segments import MOST
from calib.report.figures.theme import new_figure
from calib.report.figures.writing import DPI
from calib.report.panels import reliability_panels, routing_panels
from calib.results import Measured
from calib.results.measured import Bin
from calib.results.window import AlertState

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("reliability", "months", "routing", "segments", "mix", "labels")
TOLERANCE = (
    0.02  # root mean square of the differences of pixels in [0, 1]: other edges of letters, nothing else
)


@cache
def make() -> Callable[..., dict[str, Any]]:
    """`pictures` of the script that draws those of the documentation."""
    found: Callable[..., dict[str, Any]] = runpy.run_path(str(ROOT / "docs" / "images" / "make_pictures.py"))[
        "pictures"
    ]
    return found


@cache
def pictures(theme: figures.Theme = figures.LIGHT) -> dict[str, Any]:
    return make()(theme)


def axes() -> Axes:
    return new_figure(4, 4, figures.LIGHT).subplots()


def difference(one: Any, other: Any) -> float:
    """The root mean square of the differences; 1 where the sizes differ by more than a pixel."""
    if max(abs(a - b) for a, b in zip(one.shape[:2], other.shape[:2], strict=True)) > 1:
        return 1.0
    height, width = (min(a, b) for a, b in zip(one.shape[:2], other.shape[:2], strict=True))
    gap = one[:height, :width, :3] - other[:height, :width, :3]
    return float(np.sqrt((gap**2).mean()))


def pixels(figure: Any) -> Any:
    return image.imread(io.BytesIO(figures.png(figure)))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_looks_as_in_the_documentation(name: str) -> None:
    """`python docs/images/make_pictures.py` draws them anew: look at each before it is committed."""
    kept = image.imread(ROOT / "docs" / "images" / f"report-{name}.png")
    assert difference(pixels(pictures()[f"report-{name}"]), kept) < TOLERANCE


def test_a_difference_of_one_mark_is_found() -> None:
    months = year()
    months[3] = replace(months[3], raw=Measured(**numbers(0.2)))
    data = figures.prepare_months(months, title="ECE by month", max_rise=0.03, moved=["2026-03"])
    kept = image.imread(ROOT / "docs" / "images" / "report-months.png")
    assert difference(pixels(figures.months_figure(data, figures.LIGHT)), kept) > TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_is_told_apart_without_colour(name: str) -> None:
    """The grey theme has no colour at all, and no two of its greys are equal."""
    drawn = pixels(pictures(figures.GREY)[f"report-{name}"])[:, :, :3]
    assert float(np.abs(drawn.max(axis=2) - drawn.min(axis=2)).max()) < 0.01
    assert len(set(figures.GREY.roles.values())) == len(figures.GREY.roles)


@pytest.mark.parametrize("theme", [figures.LIGHT, figures.DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_the_paper(theme: figures.Theme) -> None:
    """The contrast that WCAG 2.1 demands: 4.5 for text, 3 for what else must be seen."""
    for role, colour in theme.roles.items():
        if role not in ("paper", "grid"):
            assert contrast(colour, theme.paper) >= (4.5 if role in ("ink", "soft", "bad", "good") else 3), (
                role
            )


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.slow
def test_an_svg_is_the_same_bytes_and_takes_the_colours_of_its_page() -> None:
    one, other = (figures.svg(make()()["report-months"], name="months") for _ in range(2))
    assert one == other
    root = ET.fromstring(one)  # noqa: S314  our own picture
    assert root.attrib["viewBox"]
    assert "width" not in root.attrib
    assert "var(--raw)" in one
    assert not set(figures.LIGHT.roles.values()) & set(one.replace('"', " ").replace(";", " ").split())
    for part in ("<metadata", "<style", "<script", "http://purl", "xlink"):
        assert part not in one
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    assert all(name.startswith("months-") for name in ids)
    used = {e.attrib["href"].removeprefix("#") for e in root.iter() if "href" in e.attrib}
    assert used
    assert used <= set(ids)


@pytest.mark.slow
def test_a_png_is_the_same_bytes() -> None:
    one, other = (figures.png(make()()["report-mix"]) for _ in range(2))
    assert one == other
    assert b"Software" not in one
    assert DPI >= 120


def part(stated: float, n: int, mass: float) -> Bin:
    return Bin(
        lo=stated - 0.05, hi=stated, n=n, weight=mass, mean_score=stated, accuracy=0.5, low=0.3, high=0.7
    )


def test_a_marker_is_as_large_as_its_mass_and_thin_bins_are_faint_and_unjoined() -> None:
    bins = [part(0.3, 300, 0.3), part(0.4, 300, 0.3), part(0.5, 1, 0.001), part(0.6, 300, 0.2)]
    bins += [part(0.7, 100, 0.199), replace(part(0.9, 0, 0.0), mean_score=None, accuracy=None)]
    data = figures.prepare_reliability(Measured(**numbers(0.1)), role="raw", title="t", bins=bins)
    assert [[p.stated for p in run] for run in data.joined] == [[0.3, 0.4], [0.6, 0.7]]
    assert len(data.points) == 5
    at = axes()
    figures.draw_reliability(at, data, figures.LIGHT)
    solid, faint = [c for c in at.collections if c.get_label().startswith("bin")]
    sizes = solid.get_sizes()
    assert sizes[0] / sizes[2] == pytest.approx(0.3 / 0.2)
    assert faint.get_sizes()[0] < sizes.min() / 10
    assert faint.get_alpha() < solid.get_alpha()
    lines = [line.get_xdata() for line in at.lines if len(line.get_xdata()) == 2]
    assert [0.5] not in [list(x) for x in lines]
    assert data.numbers == "n = 500, ECE 0.100 (0.070 to 0.130), AUROC 0.74"


def test_levels_are_drawn_as_levels() -> None:
    """A bin shows its width by a line; a level has none."""
    raw, served, baseline = reliability_panels(window())
    assert (raw.levels, served.levels, baseline.levels) == (True, False, True)
    assert (raw.role, served.role, baseline.role) == ("raw", "served", "baseline")
    widths = []
    for data in (raw, served):
        at = axes()
        figures.draw_reliability(at, data, figures.LIGHT)
        segments_ = [s for c in at.collections if hasattr(c, "get_segments") for s in c.get_segments()]
        widths.append(sum(1 for s in segments_ if len(s) == 2 and s[0][1] == s[1][1] and s[0][0] != s[1][0]))
    assert widths == [0, 7]


def test_a_window_of_an_earlier_version_has_its_bins() -> None:
    panels = reliability_panels(window(pictures=None))
    assert [(data.role, data.levels) for data in panels] == [("raw", False), ("served", False)]
    assert routing_panels(window(pictures=None)) == []
    assert reliability_panels(window(raw=Measured())) == []


def test_the_months_show_what_happened_in_each() -> None:
    months = year()
    to_label = AlertState(kind="cohort_opened", id="1", delivered=True)
    months = [replace(month, alerts=(*month.alerts, to_label)) for month in months]
    data = figures.prepare_months(months, title="t", max_rise=0.03, moved=["2026-03"])
    assert {name: [data.periods[i] for i in at] for name, at in data.events.items()} == {
        "alert: got worse": ["2026-07"],
        "other alert": ["2026-04"],
        "recovered": ["2026-08"],
        "new mapping": ["2025-11", "2026-07"],
        "moved by a person": ["2026-03"],
        "new scope": ["2026-03"],
    }
    assert data.raw[0] == Estimate(
        at=0, value=months[0].raw.ece, low=months[0].raw.low, high=months[0].raw.high
    )
    assert data.highest > max(point.high for point in data.raw)


def test_many_months_keep_their_axis_readable() -> None:
    data = figures.prepare_months(year(60), title="t")
    at = axes()
    figures.draw_months(at, data, figures.LIGHT)
    names = [tick.get_text() for tick in at.get_xticklabels()]
    assert 8 <= len(names) <= 13
    assert names[-1] == data.periods[-1]


def test_the_segments_that_matter_are_shown_with_their_number_and_sorted() -> None:
    data = figures.prepare_segments(segments(200), title="t")
    assert (len(data.rows), data.total) == (MOST, 200)
    assert [row.name for row in data.rows if row.worse] == ["refunds"]
    values = [row.served.value for row in data.rows if row.served]
    assert values == sorted(values, reverse=True)
    at = axes()
    figures.draw_segments(at, data, figures.LIGHT)
    assert "of 200" in at.get_title(loc="left")
    assert at.get_yticklabels()[0].get_fontweight() == "bold"


def test_a_routing_panel_shows_the_threshold_and_the_certificates() -> None:
    raw, served = routing_panels(window())
    assert (raw.threshold, len(raw.proven), len(served.proven)) == (0.9, 1, 0)
    at = axes()
    figures.draw_routing(at, raw, figures.LIGHT)
    labels = at.get_legend_handles_labels()[1]
    assert "threshold in use: 0.9" in labels
    assert any("certificate" in label for label in labels)


def test_without_a_baseline_the_mix_is_the_windows_own() -> None:
    found = figures.prepare_mix(window(score_mix=None), title="t")
    assert found is not None
    assert found.before == ()
    assert sum(found.now) == pytest.approx(1)
    assert figures.prepare_mix(window(score_mix=None, raw=Measured()), title="t") is None


def test_names_are_text_and_nothing_else() -> None:
    """matplotlib takes $…$ for mathematics, which a name must not be able to break or to write."""
    name = "$\\frac{1}{$ <script>alert(1)</script>\n" + "x" * 500
    data = figures.prepare_segments(hostile(name).segments, title=name)
    text = figures.svg(figures.segments_figure(data, figures.LIGHT), name="s")
    ET.fromstring(text)  # noqa: S314  our own picture
    assert "<script" not in text
    assert "frac{1}{$" in text
    assert "x" * 60 not in text
