"""Pictures: `prepare_*` makes plain data of results, `draw_*` draws it on some axes in a theme.

`*_figure` puts the parts of a picture together; `writing` makes a file of it. Nothing is imported from
matplotlib before something is drawn.
"""

from __future__ import annotations

from calib.report.figures.labels import draw_labels, labels_figure, prepare_labels
from calib.report.figures.mix import draw_mix, mix_figure, prepare_mix
from calib.report.figures.months import draw_events, draw_months, months_figure, prepare_months
from calib.report.figures.reliability import (
    draw_masses,
    draw_reliability,
    prepare_reliability,
    reliability_figure,
)
from calib.report.figures.routing import draw_routing, prepare_routing, routing_figure
from calib.report.figures.segments import draw_segments, prepare_segments, segments_figure
from calib.report.figures.theme import DARK, GREY, LIGHT, Theme
from calib.report.figures.writing import png, svg, write_png

__all__ = [
    "DARK",
    "GREY",
    "LIGHT",
    "Theme",
    "draw_events",
    "draw_labels",
    "draw_masses",
    "draw_mix",
    "draw_months",
    "draw_reliability",
    "draw_routing",
    "draw_segments",
    "labels_figure",
    "mix_figure",
    "months_figure",
    "png",
    "prepare_labels",
    "prepare_mix",
    "prepare_months",
    "prepare_reliability",
    "prepare_routing",
    "prepare_segments",
    "reliability_figure",
    "routing_figure",
    "segments_figure",
    "svg",
    "write_png",
]
