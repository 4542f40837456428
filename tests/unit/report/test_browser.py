"""Reports in a real browser: narrow and wide, light, dark and printed."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, axe_core
from matplotlib import image
from report_values import hostile, month, months, year

from calib.report.page import fleet_page, report_page

pytestmark = pytest.mark.slow
EVIL = '<script>document.title = "owned"</script><img src="https://example.invalid/x.png">' + "x" * 200
LOOKS = (("light", "screen"), ("dark", "screen"), ("light", "print"))
PAPER = 718  # pixels between the margins of a sheet of A4
NAMES = ("report", "large", "evil", "fleet")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "report": report_page(months()),
        "large": report_page(months(60, segments_=200)),
        "evil": report_page([month(hostile(EVIL))]),
        "fleet": fleet_page({"triage": months(9), "digits": [month(r) for r in year(8)], "<b>": months(2)}),
    }
    paths = {name: folder / f"{name}.html" for name in made}
    for name, html in made.items():
        paths[name].write_text(html, encoding="utf-8")
    return paths


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_quiet_and_fits_in_every_look(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    """No word on the console, no request but for the page itself, and nothing that sticks out sideways."""
    for scheme, media in LOOKS:
        for width in (PAPER, 1280) if media == "print" else (360, 1280):
            chromium.open(pages[name], width=width, scheme=scheme, media=media)
            assert chromium.complaints() == [], (width, scheme, media)
            assert chromium.requests() == [pages[name].as_uri()], (width, scheme, media)
            assert chromium.run("return document.documentElement.scrollWidth") <= width, (width, media)
    assert chromium.run("return document.title") != "owned"


def test_a_request_and_a_complaint_are_noticed(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    logs = '<script>console.error("no")</script>'
    path.write_text(
        f'<!doctype html><title>x</title><img src="missing.png">{logs}<div style="width:999px">wide'
    )
    chromium.open(path, width=360)
    assert len(chromium.complaints()) == 2
    assert len(chromium.requests()) == 2
    assert chromium.run("return document.documentElement.scrollWidth") > 360


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    axe = axe_core()
    for width, scheme in ((360, "light"), (1280, "dark")):
        chromium.open(pages[name], width=width, scheme=scheme)
        chromium.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert chromium.violations(axe) == [], (width, scheme)


def test_axe_would_find_something(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text("<p style='color:#ccc;background:#fff'>pale</p><img src='data:,'>")
    chromium.open(path, width=360)
    found = " ".join(chromium.violations(axe_core()))
    assert "color-contrast" in found
    assert "image-alt" in found


def test_letters_in_pictures_are_large_enough_on_a_telephone(
    chromium: Browser, pages: dict[str, Path]
) -> None:
    chromium.open(pages["report"], width=360)
    smallest = chromium.run(
        """const size = text => {
             const matrix = text.getScreenCTM();
             return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(matrix.a, matrix.b);
           };
           return Math.min(...[...document.querySelectorAll("figure text")].map(size));"""
    )
    assert smallest >= 8


def test_the_colours_follow_the_scheme_and_the_paper(chromium: Browser, pages: dict[str, Path]) -> None:
    """Dark screens are dark, paper is white; a grey copy still has ink on it."""
    brightness = {}
    for scheme, media in LOOKS:
        chromium.open(pages["report"], width=1280, scheme=scheme, media=media)
        pixels = image.imread(io.BytesIO(chromium.picture()))[:, :, :3]
        grey = pixels @ np.array([0.299, 0.587, 0.114])
        brightness[scheme, media] = float(np.median(grey))
        paper = np.median(grey)
        assert float((np.abs(grey - paper) > 0.3).mean()) > 0.01
    assert brightness["light", "screen"] > 0.95
    assert brightness["light", "print"] > 0.95
    assert brightness["dark", "screen"] < 0.2


def test_the_verdict_is_seen_first(chromium: Browser, pages: dict[str, Path]) -> None:
    for width in (360, 1280):
        chromium.open(pages["report"], width=width)
        bottom = chromium.run("return document.querySelector('.verdict').getBoundingClientRect().bottom")
        assert bottom < 640
