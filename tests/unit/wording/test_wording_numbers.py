"""A number that has a sign is written by one function, with one minus, wherever people read it."""

from __future__ import annotations

import re
from pathlib import Path

from calib.report.figures import LIGHT
from calib.report.figures.theme import new_figure, plain
from calib.report.figures.writing import svg
from calib.wording.numbers import difference, number, signed

CALIB = Path(__file__).resolve().parents[3] / "calib"
SIGNED = re.compile(r":\+[\d.,]*[fg%]")  # a format that shows the sign
MINUS = "\N{MINUS SIGN}"


def test_a_minus_is_the_character_of_the_keyboard() -> None:
    shown = [signed(-0.0241), number(-0.024), difference(-0.02, -0.051, 0.011)]
    assert shown == ["-0.024", "-0.024", "-0.020 (-0.051 to +0.011)"]
    assert float(shown[0]) == -0.024  # a program reads what a person copies


def test_no_other_place_writes_a_signed_number() -> None:
    places = {
        path.relative_to(CALIB).as_posix()
        for path in CALIB.rglob("*")
        if path.suffix in (".py", ".html") and SIGNED.search(path.read_text("utf-8"))
    }
    assert places == {"wording/numbers.py"}


def test_the_ticks_of_a_picture_have_the_same_minus() -> None:
    figure = new_figure(3, 2, LIGHT)
    axes = figure.subplots()
    axes.plot([-1.0, 1.0], [-1.0, 1.0])
    plain(axes, LIGHT)
    drawn = svg(figure, name="a")
    assert MINUS not in drawn
    assert re.search(r">-[\d.]+<", drawn)
