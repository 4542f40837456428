"""The tables of a report: rows of text and of numbers, each number with its exact value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from calib.report.figures.months import EVENTS, prepare_months
from calib.report.months import Month
from calib.results import EceInterval, Measured, WindowResult
from calib.results.history import Ledger
from calib.results.measured import Bin
from calib.results.pictures import Acting, RoutingPoint
from calib.wording.numbers import number, p_value, percent, signed
from calib.wording.window import amount, verdict_word

Cell = str | Markup
Row = list[Cell]
SCORES = (
    ("ece", "low", "high", "ECE"),
    ("accuracy", "accuracy_low", "accuracy_high", "accuracy"),
    ("mean_confidence", None, None, "mean confidence"),
    ("auroc", "auroc_low", "auroc_high", "AUROC"),
    ("brier", "brier_low", "brier_high", "Brier score"),
    ("log_loss", "log_loss_low", "log_loss_high", "log loss"),
    ("mcb", None, None, "Brier score, miscalibration"),
    ("dsc", None, None, "Brier score, discrimination"),
    ("smece", None, None, "smooth ECE (a check without bins)"),
)


def exact(value: float | None, text: str, of: str) -> Cell:
    """A number as people read it, with its exact value and its place in the output of `calib run --json`."""
    if value is None:
        return text
    return Markup('<data value="{}" data-of="{}">{}</data>').format(repr(value), of, text)


def ends(low: float | None, high: float | None, of: str, names: tuple[str, str] = ("low", "high")) -> Cell:
    """The ends of an interval."""
    if low is None or high is None:
        return "–"
    prefix = f"{of}." if of else ""
    first, last = (
        exact(value, number(value), f"{prefix}{name}") for value, name in zip((low, high), names, strict=True)
    )
    return Markup("{} to {}").format(first, last)


def score_rows(window: WindowResult) -> list[Row]:
    """The scores of the raw and of the served confidence; none without labels."""
    if not window.raw.n:
        return []
    rows = []
    for name, low, high, title in SCORES:
        row: Row = [title]
        for side, part in (("raw", window.raw), ("served", window.served)):
            value = getattr(part, name)
            row.append(exact(value, number(value), f"{side}.{name}"))
            if low is None or high is None:
                row.append("")
            else:
                row.append(ends(getattr(part, low), getattr(part, high), side, (low, high)))
        rows.append(row)
    return rows


def change_rows(window: WindowResult) -> list[Row]:
    """The change test; none where there was no baseline."""
    change = window.change
    if change.rise is None:
        return []
    of = "change"
    detectable = change.minimum_detectable_rise
    rows: list[Row] = [
        [
            "rise of the served ECE",
            exact(change.rise, signed(change.rise), f"{of}.rise"),
            ends(change.low, change.high, of),
        ],
        ["p-value", exact(change.p, p_value(change.p, change.draws), f"{of}.p"), ""],
        [
            "minimum detectable rise",
            exact(detectable, number(detectable), f"{of}.minimum_detectable_rise"),
            "",
        ],
    ]
    if change.accuracy_change is not None:
        names = ("accuracy_change_low", "accuracy_change_high")
        rows.append(
            [
                "change of the accuracy at equal stated confidence",
                exact(change.accuracy_change, signed(change.accuracy_change), f"{of}.accuracy_change"),
                ends(change.accuracy_change_low, change.accuracy_change_high, of, names),
            ]
        )
    rows.append(["labels of the baseline", f"{window.baseline.labels:,}", ""])
    return rows


def bin_rows(bins: Sequence[Bin], *, levels: bool) -> list[Row]:
    """The bins or levels that hold labels."""
    return [
        [
            f"{part.mean_score:.3g}"
            if levels and part.mean_score is not None
            else f"{part.lo:.3g} to {part.hi:.3g}",
            f"{part.n:,}",
            percent(part.weight),
            number(part.mean_score),
            number(part.accuracy),
            f"{number(part.low)} to {number(part.high)}",
        ]
        for part in bins
        if part.n
    ]


def month_rows(months: Sequence[Month]) -> list[Row]:
    """The periods, the latest first."""
    results = [month.result for month in months]
    happened = prepare_months(results, title="", moved=moved(results)).events
    rows: list[Row] = []
    for i, result in reversed(list(enumerate(results))):
        events = [name for name in EVENTS if i in happened.get(name, ())]
        rows.append(
            [
                result.period,
                f"{result.labels.n:,}",
                *(cell for part in (result.raw, result.served) for cell in _ece(part)),
                verdict_word(result),
                ", ".join(events),
            ]
        )
    return rows


def moved(results: Sequence[WindowResult]) -> list[str]:
    """The periods in which a person moved the channel."""
    return [
        result.period
        for result in results
        if result.pictures is not None and result.pictures.moved_by_person is not None
    ]


def _ece(part: EceInterval) -> tuple[str, str]:
    if part.ece is None:
        return "–", "–"
    return number(part.ece), f"{number(part.low)} to {number(part.high)}"


def segment_rows(window: WindowResult) -> list[Row]:
    """All segments, the largest served ECE first."""

    def size(name: str) -> float:
        ece = window.segments[name].served.ece
        return -1.0 if ece is None else -ece

    rows: list[Row] = []
    for name in sorted(window.segments, key=lambda name: (size(name), name)):
        part = window.segments[name]
        state = (
            "too few labels to compare" if part.change is None else str(part.change.state).replace("_", " ")
        )
        rows.append(
            [
                name[:80] or "(no name)",
                f"{part.population:,}",
                f"{part.labels:,}",
                *_ece(part.raw),
                *_ece(part.served),
                "DEGRADED" if state == "degraded" else state,
            ]
        )
    return rows


def version_rows(months: Sequence[Month]) -> list[Row]:
    """Which mapping served each period, and which was published, the latest first."""
    rows: list[Row] = []
    for month in reversed(months):
        result = month.result
        served = ", ".join(
            f"{part.mapping[:8] if part.mapping else 'raw confidence'} ({percent(part.share)})"
            for part in result.served.mappings
        )
        refit = result.refit
        published = (
            refit.mapping[:8] if refit.published and refit.mapping else "renewed" if refit.upheld else "–"
        )
        rows.append([result.period, served or "–", published, refit.reason])
    return rows


def effect_rows(ledger: Ledger) -> list[Row]:
    """What was acted on before each mapping and under it, as far as that is known."""

    def cells(part: Acting | None) -> tuple[str, str]:
        if part is None:
            return "–", "–"
        accuracy = (
            "–"
            if part.accuracy is None
            else f"{percent(part.accuracy)} ({percent(part.low)} to {percent(part.high)})"
        )
        return f"{percent(part.share)} ({percent(part.share_low)} to {percent(part.share_high)})", accuracy

    return [
        [
            effect.mapping[:8],
            effect.fitted_on,
            *cells(effect.before),
            *cells(effect.after),
            effect.served_first or "not yet",
        ]
        for effect in reversed(ledger.mappings)
        if effect.before is not None
    ]


def routing_rows(points: Sequence[RoutingPoint]) -> list[Row]:
    """The points of a routing curve."""
    return [
        [
            f"{point.cut:.3g}",
            percent(point.share),
            f"{point.n:,.0f}",
            percent(point.accuracy),
            f"{percent(point.low)} to {percent(point.high)}",
        ]
        for point in points
    ]


def kept_rows(window: WindowResult) -> list[Row]:
    """Whether the certificates of earlier periods were kept."""
    return [
        [
            percent(item.target),
            f"{item.cut:g}",
            item.from_,
            percent(item.accuracy),
            f"{percent(item.low)} to {percent(item.high)}",
            percent(item.share),
            item.kept,
        ]
        for item in window.certificates_kept
    ]


def key_figures(window: WindowResult) -> Iterator[dict[str, Cell]]:
    """The numbers at the top: ECE with its interval, accuracy, share acted on, p, minimum detectable rise."""
    yield from (
        {
            "name": f"{side} ECE",
            "text": exact(part.ece, number(part.ece), f"{side}.ece"),
            "more": _more(part, side),
        }
        for side, part in (("served", window.served), ("raw", window.raw))
        if part.ece is not None
    )
    served: Measured = window.served
    if served.accuracy is not None:
        names = ("accuracy_low", "accuracy_high")
        yield {
            "name": "accuracy",
            "text": exact(served.accuracy, number(served.accuracy), "served.accuracy"),
            "more": ends(served.accuracy_low, served.accuracy_high, "served", names),
        }
    effect = None if window.pictures is None else window.pictures.threshold
    if effect is not None:
        of = "pictures.threshold.served"
        acting = effect.served
        yield {
            "name": f"acted on at {effect.threshold:g}",
            "text": exact(acting.share, percent(acting.share), f"{of}.share"),
            "more": Markup("{} of these correct").format(
                exact(acting.accuracy, percent(acting.accuracy), f"{of}.accuracy")
            )
            if acting.accuracy is not None
            else "",
        }
    change = window.change
    if change.p is not None:
        yield {
            "name": "change test",
            "text": exact(change.p, p_value(change.p, change.draws), "change.p"),
            "more": Markup("rise {}").format(exact(change.rise, signed(change.rise), "change.rise")),
        }
    if change.minimum_detectable_rise is not None:
        value = change.minimum_detectable_rise
        yield {
            "name": "minimum detectable rise",
            "text": exact(value, number(value), "change.minimum_detectable_rise"),
            "more": "with 80% power",
        }


def _more(part: EceInterval, side: str) -> Cell:
    return Markup("{} (95%)").format(ends(part.low, part.high, side))


def avoided(ledger: Ledger) -> tuple[str, str]:
    """Wrong actions avoided per period, and the ends of the interval."""
    if ledger.wrong_avoided is None:
        return "–", "–"
    value, _, rest = amount(ledger.wrong_avoided).partition(" ")
    return value, rest.strip("()")
