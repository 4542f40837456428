"""A window's report, and that of all streams: one HTML file each, with its pictures inside and no script.

The same months give the same bytes. Whatever a name or a reason holds is escaped by jinja2, and characters
that nobody sees are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from calib.report import figures, tables
from calib.report.figures.months import Estimate
from calib.report.figures.reliability import THIN
from calib.report.ledger import ledger_of
from calib.report.months import Month
from calib.report.notes import episode_notes, notes
from calib.report.panels import reliability_panels, routing_panels
from calib.report.rendering import render, svg_of
from calib.report.words import GLOSSARY
from calib.results import WindowResult
from calib.wording.ledger import ledger_sentences
from calib.wording.numbers import number, percent
from calib.wording.window import done_sentences, routing_sentences, tone, verdict, verdict_word

MOST_MONTHS = 60  # that a page shows: the last ones
SHOWN_IN_FLEET = 24
SPARK = (128, 28)  # width and height of a small line


def report_page(months: Sequence[Month]) -> str:
    """The report of the last of a stream's windows, oldest first, each as of when that one closed."""
    months = months[-MOST_MONTHS:]
    last = months[-1]
    window = last.result
    ledger = ledger_of(months)
    return render(
        "report.html",
        title=f"{window.stream} {window.period}: {verdict_word(window)}",
        window=window,
        as_of=f"{last.closed_at:%Y-%m-%d %H:%M} UTC",
        word=verdict_word(window),
        tone=tone(window),
        verdict=verdict(window),
        key=list(tables.key_figures(window)),
        routing=routing_sentences(window),
        done=done_sentences(window),
        notes=[*notes(window), *episode_notes([month.result for month in months])],
        thin=THIN,
        bins=bin_tables(window),
        month_rows=tables.month_rows(months),
        change_rows=tables.change_rows(window),
        score_rows=tables.score_rows(window),
        routing_tables=routing_tables(window),
        mix_caption=_mix_caption(window),
        segment_rows=tables.segment_rows(window),
        version_rows=tables.version_rows(months),
        kept_rows=tables.kept_rows(window),
        ledger=ledger_sentences(ledger),
        effect_rows=tables.effect_rows(ledger),
        rejected=", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in window.rejected.items()),
        glossary=GLOSSARY,
        **_pictures(months),
    )


def _pictures(months: Sequence[Month]) -> dict[str, Any]:
    """The pictures as `svg` elements; None or none where there is nothing to draw."""
    results = [month.result for month in months]
    window, light = results[-1], figures.LIGHT
    mix = figures.prepare_mix(window, title="Mix of stated confidences")
    by_month = figures.prepare_months(
        results, title="ECE by period", max_rise=months[-1].max_rise, moved=tables.moved(results)
    )
    return {
        "reliability": [
            svg_of(figures.reliability_figure([panel], light, legend=False), f"r-{panel.role}")
            for panel in reliability_panels(window)
        ],
        "months": svg_of(figures.months_figure(by_month, light), "months")
        if by_month.raw or by_month.served
        else None,
        "routing_pictures": [
            svg_of(figures.routing_figure(panel, light), f"acting-{panel.role}")
            for panel in routing_panels(window)
        ],
        "mix": None if mix is None else svg_of(figures.mix_figure(mix, light), "mix"),
        "segments": svg_of(
            figures.segments_figure(figures.prepare_segments(window.segments, title="ECE by segment"), light),
            "segments",
        )
        if window.segments
        else None,
        "labels": svg_of(
            figures.labels_figure(figures.prepare_labels(results, title="Drawn rows by period"), light),
            "labels",
        ),
    }


def bin_tables(window: WindowResult) -> list[tuple[str, list[tables.Row]]]:
    """The bins or levels of the reliability pictures, each table with its name."""
    pictures = window.pictures
    if pictures is None:
        sides = (("raw", window.raw), ("served", window.served))
        return [(name, tables.bin_rows(part.bins, levels=False)) for name, part in sides if part.n]
    named_tables = [
        ("raw confidence", tables.bin_rows(pictures.raw.bins, levels=pictures.raw.levels)),
        ("served confidence", tables.bin_rows(pictures.served.bins, levels=pictures.served.levels)),
    ]
    if pictures.baseline is not None:
        bins = pictures.baseline.bins
        named_tables.append(
            ("raw confidence, in the baseline", tables.bin_rows(bins.bins, levels=bins.levels))
        )
    return named_tables


def routing_tables(window: WindowResult) -> list[tuple[str, list[tables.Row]]]:
    """The points of the routing curves, each table with its name."""
    pictures = window.pictures
    if pictures is None:
        return []
    return [
        ("raw confidence", tables.routing_rows(pictures.routing_raw)),
        ("served confidence", tables.routing_rows(pictures.routing_served)),
    ]


def _mix_caption(window: WindowResult) -> str:
    mix = window.score_mix
    if mix is None:
        return "The share of the predictions by stated confidence; there is no baseline to compare with."
    usual = "" if mix.usual is None else f", at most {percent(mix.usual)} between earlier periods"
    return (
        f"The share of the predictions by stated confidence, now and in the baseline: {percent(mix.moved)} "
        f"moved to another stated confidence{usual}."
    )


def fleet_page(streams: Mapping[str, Sequence[Month]]) -> str:
    """One page for all streams, by name, each with its windows that are over, oldest first."""
    known = {name: months for name, months in streams.items() if months}
    ledgers = {name: ledger_of(months) for name, months in known.items()}
    order = sorted(known, key=lambda name: (_urgency(known[name][-1].result), name))
    points = {
        name: _served([month.result for month in months[-SHOWN_IN_FLEET:]]) for name, months in known.items()
    }
    highest = max([0.1, *(point.value for line in points.values() for point in line)])
    rows = [
        _fleet_row(known[name][-1], name, _spark(points[name], highest, known[name][-1].max_rise))
        for name in order
    ]
    ledger_rows = [
        [
            name,
            f"{ledger.windows:,}",
            f"{ledger.labels:,}",
            "–" if ledger.hours is None else number(ledger.hours, 1),
            str(ledger.changes),
            str(ledger.versions),
            *tables.avoided(ledger),
        ]
        for name in order
        for ledger in (ledgers[name],)
    ]
    return render(
        "fleet.html",
        title="calibwatch: all streams",
        rows=rows,
        shown=SHOWN_IN_FLEET,
        ledger_rows=ledger_rows,
        assumption=next((ledger.assumption for ledger in ledgers.values() if ledger.assumption), ""),
        empty=sorted(set(streams) - set(known)),
    )


def _urgency(window: WindowResult) -> int:
    return ("bad", "warning", "plain", "good").index(tone(window))


def _fleet_row(month: Month, name: str, spark: Markup) -> list[Any]:
    window = month.result
    served = window.served
    effect = None if window.pictures is None else window.pictures.threshold
    between = "–" if served.ece is None else f"{number(served.low)} to {number(served.high)}"
    return [
        name,
        window.period,
        verdict_word(window),
        number(served.ece),
        between,
        spark,
        f"{window.labels.n:,}",
        "–" if effect is None else percent(effect.served.share),
        "–" if effect is None else percent(effect.served.accuracy),
        ", ".join(alert.kind.replace("_", " ") for alert in window.alerts) or "none",
    ]


def _served(results: Sequence[WindowResult]) -> tuple[Estimate, ...]:
    return figures.prepare_months(results, title="").served


def _spark(points: Sequence[Estimate], highest: float, max_rise: float) -> Markup:
    """A small line of the served ECE, with `max_rise` as a dashed one."""
    width, height = SPARK
    if not points:
        return Markup("–")

    def y(value: float) -> str:
        return f"{(height - 2) * (1 - value / highest) + 1:.1f}"

    last = max(1, points[-1].at)
    x = [f"{2 + (width - 6) * point.at / last:.1f}" for point in points]
    line = " ".join(f"{at},{y(point.value)}" for at, point in zip(x, points, strict=True))
    words = (
        f"served ECE from {number(points[0].value)} to {number(points[-1].value)} over {len(points)} periods"
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">'
        '<line x1="0" x2="{w}" y1="{limit}" y2="{limit}"/><polyline points="{line}"/>'
        '<circle cx="{cx}" cy="{cy}" r="2.2"/></svg>'
    ).format(
        w=width,
        h=height,
        words=words,
        limit=y(min(highest, max_rise)),
        line=line,
        cx=x[-1],
        cy=y(points[-1].value),
    )
