"""The pages' small pictures: nothing outside the frame, the numbers in words, names that are only text."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from report_values import months as report_months

from calib.report.figures.months import Estimate, MonthsData, prepare_months
from calib.report.figures.reliability import Point, ReliabilityData
from calib.report.panels import reliability_panels
from calib.web.streams import pictures

NUMBER = r"-?\d+(?:\.\d+)?"
SHARE = st.floats(0, 1)
EVIL = '"><script>alert(1)</script>'


def places(svg: str) -> tuple[list[float], list[float], float, float]:
    """All x and y of a picture's elements, and its width and height."""
    root = ET.fromstring(svg)  # noqa: S314  our own
    _, _, width, height = map(float, str(root.get("viewBox")).split())
    across: list[float] = []
    down: list[float] = []
    for element in root.iter():
        if points := element.get("points"):
            for pair in points.split():
                x, y = pair.split(",")
                across.append(float(x))
                down.append(float(y))
        for x_name, y_name, wide, high in (("x", "y", "width", "height"), ("cx", "cy", "", "")):
            if element.get(x_name) is not None:
                across += [float(str(element.get(x_name)))]
                down += [float(str(element.get(y_name)))]
                across[-1] += float(element.get(wide, 0)) if wide else 0.0
                down[-1] += float(element.get(high, 0)) if high else 0.0
        for command, first, second in re.findall(
            rf"([MLHV])({NUMBER})(?: ({NUMBER}))?", element.get("d", "")
        ):
            if command in "MLH":
                across.append(float(first))
            if command == "V" or second:
                down.append(float(second or first))
    return across, down, width, height


@st.composite
def estimates(draw: st.DrawFn, periods: int) -> tuple[Estimate, ...]:
    made = []
    for at in sorted(draw(st.sets(st.integers(0, periods - 1)))):
        low, value, high = sorted(draw(st.tuples(SHARE, SHARE, SHARE)))
        made.append(Estimate(at=at, value=value, low=low, high=high))
    return tuple(made)


@st.composite
def histories(draw: st.DrawFn) -> MonthsData:
    n = draw(st.integers(1, 60))
    return MonthsData(
        title="",
        periods=tuple(f"{2020 + i // 12}-{i % 12 + 1:02d}" for i in range(n)),
        raw=draw(estimates(n)),
        served=draw(estimates(n)),
        events={},
        max_rise=draw(st.none() | SHARE),
        truth={},
    )


FLAT = MonthsData(
    title="",
    periods=("2026-01", "2026-02"),
    raw=(),
    served=(Estimate(at=1, value=0.02, low=0.0, high=0.04),),
    events={},
    max_rise=0.9,  # far above every point
    truth={},
)


@example(FLAT)
@given(histories())
def test_a_history_stays_in_its_frame(data: MonthsData) -> None:
    for picture in (pictures.spark(data), pictures.months(data)):
        if picture:
            across, down, width, height = places(picture)
            assert min(across) >= 0
            assert max(across) <= width
            assert min(down) >= 0
            assert max(down) <= height


@given(st.lists(st.tuples(SHARE, SHARE, SHARE, SHARE, SHARE, st.integers(1, 500)), max_size=12))
def test_a_reliability_stays_in_its_frame(rows: list[tuple[float, float, float, float, float, int]]) -> None:
    points = tuple(
        Point(lo=0, hi=1, stated=stated, accuracy=accuracy, low=low, high=high, mass=mass, n=n)
        for stated, a, b, c, mass, n in rows
        for low, accuracy, high in [sorted((a, b, c))]
    )
    data = ReliabilityData(role="served", title=EVIL, numbers="n = 3", points=points, levels=True)
    for small in (False, True):
        picture = pictures.reliability(data, small=small)
        across, down, width, height = places(picture)
        assert min(across) >= 0
        assert max(across) <= width
        assert min(down) >= 0
        assert max(down) <= height
        assert "<script" not in picture


@given(st.lists(st.tuples(SHARE, SHARE, st.integers(0, 99), st.integers(0, 99)), max_size=12))
def test_bars_are_as_full_as_their_strata_are_labelled(rows: list[tuple[float, float, int, int]]) -> None:
    strata = [(low, high, max(a, b), min(a, b)) for low, high, a, b in rows]
    picture = pictures.response(strata)
    filled = [float(h) for h in re.findall(r'class="filled"[^>]* height="([\d.]+)"', picture)]
    assert len(filled) == len(strata)
    for height, (_, _, drawn, labelled) in zip(filled, strata, strict=True):
        assert height == pytest.approx(34 * labelled / drawn if drawn else 0, abs=0.06)


def test_the_last_point_of_a_line_is_the_last_period_that_was_measured() -> None:
    months = report_months(12)
    data = prepare_months([month.result for month in months], title="", max_rise=0.03)
    last = data.served[-1]
    spark = pictures.spark(data)
    assert f"last {last.value:.3f}, 95% interval {last.low:.3f} to {last.high:.3f}" in spark
    assert f"up to {months[-1].result.period}" in spark
    for point in data.served:
        assert f"{data.periods[point.at]} {point.value:.3f} ({point.low:.3f} to {point.high:.3f})" in (
            pictures.months(data)
        )


def test_a_greater_ece_is_drawn_higher_and_a_wider_interval_longer() -> None:
    months = report_months(2)
    data = prepare_months([month.result for month in months], title="")
    first, second = data.served[:2]
    data = replace(data, raw=(), served=(replace(first, value=0.1), replace(second, value=0.2)))
    line = re.search(r'<polyline class="served" points="([^"]+)"', pictures.months(data))
    assert line is not None
    (_, low), (_, high) = (pair.split(",") for pair in line[1].split())
    assert float(high) < float(low)


def test_a_reliability_says_its_points_in_words() -> None:
    (panel, *_) = reliability_panels(report_months(1)[0].result)
    picture = pictures.reliability(panel)
    point = panel.points[0]
    assert f"stated {point.stated:.2f}, accuracy {point.accuracy:.2f}" in picture
    assert panel.numbers in picture
