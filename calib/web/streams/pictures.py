"""The pages' pictures as small SVG elements, drawn without a library: a page must not wait for one.

Each is one element with `role="img"` and its numbers in words; its colours are classes of the style sheet, so
that a strict content security policy needs no exception. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from calib.report.figures.months import Estimate, MonthsData
from calib.report.figures.reliability import ReliabilityData
from calib.wording.numbers import number

SPARK_PERIODS = 24
MOST_NAMES = 8  # periods that are named below a picture
APART = 3.5  # pixels: raw and served stand beside each other where they are equal
SVG = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')


class Frame:
    """A rectangle to draw into, and how values become places in it."""

    def __init__(
        self, left: float, top: float, right: float, bottom: float, *, across: int = 1, highest: float = 1.0
    ) -> None:
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self._across, self._highest = max(1, across), highest

    def x(self, at: float) -> str:
        """Where a value between 0 and `across` lies."""
        return _short(self.left + (self.right - self.left) * at / self._across)

    def y(self, value: float) -> str:
        """Where a value between 0 and `highest` lies; what is beyond lies at the border."""
        share = min(1.0, max(0.0, value / self._highest))
        return _short(self.bottom - (self.bottom - self.top) * share)


def spark(data: MonthsData) -> Markup:
    """The served ECE of the last periods as a line in its 95% band, with the rise that matters dashed."""
    last = len(data.periods) - 1
    points = [point for point in data.served if point.at > last - SPARK_PERIODS]
    if not points:
        return Markup("")
    frame = Frame(3, 3, 157, 37, across=max(1, last - points[0].at), highest=data.highest)
    first = points[0].at
    newest = points[-1]
    words = (
        f"Served ECE in {len(points)} periods up to {data.periods[newest.at]}: last {number(newest.value)}, "
        f"95% interval {number(newest.low)} to {number(newest.high)}; lowest "
        f"{number(min(p.value for p in points))}, highest {number(max(p.value for p in points))}"
    )
    parts = [_band(frame, points, first), _limit(frame, data.max_rise)]
    parts += [_line(frame, points, first, "served")]
    parts.append(_mark(frame, newest, first, "served"))
    return SVG.format("spark", 160, 40, words, Markup("").join(parts))


def months(data: MonthsData) -> Markup:
    """The ECE of the raw and of the served confidence by period, each point with its 95% interval."""
    if not data.raw and not data.served:
        return Markup("")
    last = len(data.periods) - 1
    frame = Frame(50, 10, 620, 170, across=max(1, last), highest=data.highest)
    parts = [_scale(frame, data.highest), _limit(frame, data.max_rise)]
    apart = APART * max(1, last) / (frame.right - frame.left)
    for role, points, shift in (("raw", data.raw, apart), ("served", data.served, -apart)):
        parts += [_whisker(frame, point, shift, role) for point in points]
        parts.append(_line(frame, points, shift, role))
        parts += [_mark(frame, point, shift, role) for point in points]
    every = max(1, -(-len(data.periods) // MOST_NAMES))
    for i, period in enumerate(data.periods):
        if (last - i) % every == 0:
            anchor = "end" if i == last and last else "middle"
            text = Markup('<text class="tick" x="{}" y="190" text-anchor="{}">{}</text>')
            parts.append(text.format(frame.x(i), anchor, period))
    words = "ECE by period. " + " ".join(
        f"{role}: {_said(data, points)}." for role, points in (("Served", data.served), ("Raw", data.raw))
    )
    return SVG.format("chart", 640, 200, words, Markup("").join(parts))


def reliability(data: ReliabilityData, *, small: bool = False) -> Markup:
    """The observed accuracy at each stated confidence, with its 95% interval; agreement is dashed."""
    side = 64 if small else 240
    frame = Frame(3, 3, 61, 61) if small else Frame(38, 8, 232, 202)
    parts = [
        Markup('<path class="soft dashed" d="M{} {}L{} {}"/>').format(
            frame.x(0), frame.y(0), frame.x(1), frame.y(1)
        )
    ]
    if not small:
        parts.insert(0, _axes(frame))
    for point in data.points:
        faint = " thin" if point.thin else ""
        parts.append(
            Markup('<path class="{}{}" d="M{} {}V{}"/>').format(
                data.role, faint, frame.x(point.stated), frame.y(point.low), frame.y(point.high)
            )
        )
        radius = (1.2 if small else 2.5) + (2.5 if small else 9.0) * point.mass**0.5
        parts.append(
            Markup('<circle class="{}{}" cx="{}" cy="{}" r="{}"/>').format(
                data.role, faint, frame.x(point.stated), frame.y(point.accuracy), _short(radius)
            )
        )
    if not small:
        parts.append(
            Markup(
                '<text class="tick" x="{}" y="{}" text-anchor="middle">stated confidence</text>'
                '<text class="tick" text-anchor="middle" transform="translate(12 {}) rotate(-90)">'
                "accuracy</text>"
            ).format(
                _short((frame.left + frame.right) / 2), _short(frame.bottom + 30), _short(frame.bottom / 2)
            )
        )
    said = "; ".join(
        f"stated {number(p.stated, 2)}, accuracy {number(p.accuracy, 2)} "
        f"({number(p.low, 2)} to {number(p.high, 2)})"
        for p in data.points
    )
    words = f"Reliability of the {data.title}, {data.numbers}. {said or 'no labels'}"
    return SVG.format(
        "dial" if small else "chart square", side, side if small else 238, words, Markup("").join(parts)
    )


def response(strata: Sequence[tuple[float, float, int, int]]) -> Markup:
    """A bar for each stratum, filled as far as its drawn rows are labelled.

    `strata`: the lower and upper end of its raw confidences, its drawn rows, and those with a label.
    """
    if not strata:
        return Markup("")
    width = 160.0
    step = width / len(strata)
    parts = []
    for i, (_, _, drawn, labelled) in enumerate(strata):
        left, wide = _short(i * step + 1), _short(step - 2)
        full = 34 * (labelled / drawn if drawn else 0.0)
        parts.append(Markup('<rect class="room" x="{}" y="3" width="{}" height="34"/>').format(left, wide))
        parts.append(
            Markup('<rect class="filled" x="{}" y="{}" width="{}" height="{}"/>').format(
                left, _short(37 - full), wide, _short(full)
            )
        )
    said = "; ".join(f"{low:g} to {high:g}: {labelled} of {drawn}" for low, high, drawn, labelled in strata)
    return SVG.format(
        "spark", 160, 40, f"Labels of the drawn rows by raw confidence: {said}", Markup("").join(parts)
    )


def _said(data: MonthsData, points: Sequence[Estimate]) -> str:
    return (
        ", ".join(
            f"{data.periods[p.at]} {number(p.value)} ({number(p.low)} to {number(p.high)})" for p in points
        )
        or "not known"
    )


def _band(frame: Frame, points: Sequence[Estimate], first: int) -> Markup:
    there = [f"{frame.x(p.at - first)},{frame.y(p.high)}" for p in points]
    back = [f"{frame.x(p.at - first)},{frame.y(p.low)}" for p in reversed(points)]
    return Markup('<polygon class="band" points="{}"/>').format(" ".join([*there, *back]))


def _line(frame: Frame, points: Sequence[Estimate], first: float, role: str) -> Markup:
    places = " ".join(f"{frame.x(p.at - first)},{frame.y(p.value)}" for p in points)
    return Markup('<polyline class="{}" points="{}"/>').format(role, places)


def _mark(frame: Frame, point: Estimate, first: float, role: str) -> Markup:
    x, y = frame.x(point.at - first), frame.y(point.value)
    if role == "raw":  # a square, so that the two are told apart without their colours
        return Markup('<rect class="raw mark" x="{}" y="{}" width="6" height="6"/>').format(
            _short(float(x) - 3), _short(float(y) - 3)
        )
    return Markup('<circle class="{} mark" cx="{}" cy="{}" r="3"/>').format(role, x, y)


def _whisker(frame: Frame, point: Estimate, first: float, role: str) -> Markup:
    return Markup('<path class="{} whisker" d="M{} {}V{}"/>').format(
        role, frame.x(point.at - first), frame.y(point.low), frame.y(point.high)
    )


def _limit(frame: Frame, max_rise: float | None) -> Markup:
    if max_rise is None:
        return Markup("")
    return Markup('<path class="soft dashed" d="M{} {}H{}"/>').format(
        _short(frame.left), frame.y(max_rise), _short(frame.right)
    )


def _scale(frame: Frame, highest: float) -> Markup:
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.5) if highest / s <= 6)
    parts = []
    for i in range(int(highest / step) + 1):
        y = frame.y(i * step)
        parts.append(
            Markup(
                '<path class="grid" d="M{} {}H{}"/>'
                '<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>'
            ).format(
                _short(frame.left),
                y,
                _short(frame.right),
                _short(frame.left - 6),
                _short(float(y) + 4),
                f"{i * step:.2f}",
            )
        )
    return Markup("").join(parts)


def _axes(frame: Frame) -> Markup:
    parts = []
    for value in (0.0, 0.5, 1.0):
        x, y = frame.x(value), frame.y(value)
        anchor = {0.0: "start", 0.5: "middle", 1.0: "end"}[value]
        parts.append(
            Markup(
                '<path class="grid" d="M{} {}H{}M{} {}V{}"/>'
                '<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>'
                '<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>'
            ).format(
                *(_short(frame.left), y, _short(frame.right), x, _short(frame.top), _short(frame.bottom)),
                *(_short(frame.left - 6), _short(float(y) + 4), f"{value:g}"),
                *(x, _short(frame.bottom + 15), anchor, f"{value:g}"),
            )
        )
    return Markup("").join(parts)


def _short(value: float) -> str:
    """A place with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")
