"""The picture of an alert: its window's reliability diagram, drawn from the stored result when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calib.db import windows
from calib.json_object import Json
from calib.outbox.place import Picture
from calib.wording.numbers import interval, number

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.results import WindowResult

PICTURED = ("degraded", "above_limit")


def picture_of(engine: Engine, payload: Json) -> Picture | None:
    """The picture of an alert's payload; None where its kind has none, or its window has no labels."""
    if payload["kind"] not in PICTURED or "probe" in payload["facts"]:
        return None
    with engine.connect() as conn:
        revision = int(payload.get("revision", 1))
        window = windows.find(conn, payload["stream"], payload["period"], revision=revision)
    if window is None or window.result is None:
        return None
    # the statistics and the drawing take long to import, and most runs have nothing to draw
    from calib.cycle.evaluation import stored_result
    from calib.report.panels import reliability_panels

    result = stored_result(window)
    panels = reliability_panels(result)
    if not panels:
        return None
    from calib.report.figures import LIGHT, png, reliability_figure

    return Picture(
        png=png(reliability_figure(panels, LIGHT)),
        name=f"{result.stream}-{result.period}-reliability.png",
        title=f"{result.stream} {result.period}: reliability diagram",
        alt=alt_text(result),
    )


def alt_text(result: WindowResult) -> str:
    """What the picture shows, for who cannot see it."""
    raw, served = result.raw, result.served
    text = (
        f"Reliability diagram of {result.stream} in {result.period}: observed accuracy against "
        "stated confidence. "
        f"The raw confidence is off by {interval(raw)} on average, the served one by {interval(served)}. The "
        f"accuracy is {number(served.accuracy)}, the served confidence states "
        f"{number(served.mean_confidence)}."
    )
    before = None if result.pictures is None else result.pictures.baseline
    if before is None:
        return text
    measured = before.measured
    return f"{text} In the baseline the raw confidence was off by {interval(measured)}."
