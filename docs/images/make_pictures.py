"""Draw the six pictures of `docs/how-to/read-the-report.md`: `python docs/images/make_pictures.py`.

The data is that of `tests/report_values.py`: a stream whose model changes in the ninth month. A test
draws the pictures again and compares them with the files here.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "tests"))

from report_values import segments, window, year  # noqa: E402

from calib.report import figures  # noqa: E402
from calib.report.panels import reliability_panels, routing_panels  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(theme: figures.Theme = figures.LIGHT) -> dict[str, Figure]:
    """The six pictures by the name of their file."""
    months = year()
    last = window(months[-1].period, raw_gap=0.1, served_gap=0.02, segments=segments(12))
    (proven, *others) = last.certificates  # of 80%, which accuracies like these can prove
    last = replace(last, certificates=(replace(proven, target=0.8, accuracy_low=0.806), *others))
    mix = figures.prepare_mix(last, title="Mix of stated confidences, 2026-10")
    assert mix is not None  # noqa: S101
    return {
        "report-reliability": figures.reliability_figure(reliability_panels(last), theme),
        "report-months": figures.months_figure(
            figures.prepare_months(months, title="ECE by month", max_rise=0.03, moved=["2026-03"]), theme
        ),
        "report-routing": figures.routing_figure(routing_panels(last)[0], theme),
        "report-segments": figures.segments_figure(
            figures.prepare_segments(last.segments, title="ECE by segment, 2026-10"), theme
        ),
        "report-mix": figures.mix_figure(mix, theme),
        "report-labels": figures.labels_figure(
            figures.prepare_labels(months, title="What became of the drawn rows"), theme
        ),
    }


if __name__ == "__main__":
    for name, figure in pictures().items():
        figures.write_png(figure, FOLDER / f"{name}.png")
