"""The pages of files: what `calib measure --html` and `calib gate --html` write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from calib.report import figures, tables
from calib.report.figures.reliability import THIN, ReliabilityData
from calib.report.rendering import render, svg_of
from calib.report.words import GLOSSARY
from calib.results.file_read import FileRead
from calib.results.gate import GateResult
from calib.results.measure import MeasureResult
from calib.results.measured import Measured
from calib.results.pictures import PictureBins
from calib.wording import gate as gate_words
from calib.wording.change import change_words
from calib.wording.file_read import columns_words, not_counted_words
from calib.wording.measured import accuracy_words, band_words, both_sides, information_words
from calib.wording.numbers import between, interval, number

Table = tuple[str, Sequence[str], Sequence[Sequence[Any]], Sequence[int]]
BINS = ("confidence", "labels", "share", "stated", "accuracy", "95% interval")
TONES = {"failed": "bad", "not_proven": "warning", "passed": "good"}
WORDS = {"failed": "Failed", "not_proven": "Not proven", "passed": "Passed"}


def measure_panels(result: MeasureResult) -> list[ReliabilityData]:
    """The file, and beside it the baseline where there is one."""
    panels = [_panel(result, result.points, "raw", Path(result.file).name)]
    if result.baseline is not None:
        title = f"baseline {Path(result.baseline.file).name}"
        panels.append(_panel(result.baseline, result.baseline.points, "baseline", title))
    return panels


def measure_page(result: MeasureResult) -> str:
    """A measured file as a page."""
    page_tables: list[Table] = [
        (
            "Scores",
            ("score", "value (95%)"),
            [
                ("ECE", interval(result)),
                ("plugin ECE, biased upwards", number(result.ece_plugin)),
                ("accuracy", between(result.accuracy, result.accuracy_low, result.accuracy_high)),
                ("stated confidence", number(result.mean_confidence)),
                ("Brier score", between(result.brier, result.brier_low, result.brier_high)),
                ("log loss", between(result.log_loss, result.log_loss_low, result.log_loss_high)),
                ("AUROC", between(result.auroc, result.auroc_low, result.auroc_high)),
            ],
            (),
        ),
        *_bins(Path(result.file).name, result, result.points),
    ]
    sentences = []
    if result.segments:
        rows = [
            (name[:80] or "(no name)", f"{part.n:,}", number(part.accuracy), interval(part), band_words(part))
            for name, part in result.segments.items()
        ]
        heads = ("segment", "rows", "accuracy", "ECE (95%)", "usual limits")
        page_tables.append(("Segments, the largest first", heads, rows, (4,)))
    if result.baseline is not None and result.change is not None:
        sentences.append(f"Since the baseline: {change_words(result.change)}.")
        rows_of_both = list(both_sides(result.baseline, result))
        page_tables.append(("Baseline and this file", ("95%", "baseline", "this file"), rows_of_both, ()))
    words = information_words(result)
    worse = result.change is not None and result.change.state == "degraded"
    return render(
        "file.html",
        title=f"{Path(result.file).name}: ECE {number(result.ece)}",
        heading=Path(result.file).name,
        below=f"{result.n:,} of {result.rows:,} rows.",
        tone="bad" if worse else "plain",
        word=f"ECE {interval(result)}",
        verdict=[_sentence(result.verdict), _sentence(f"Accuracy {accuracy_words(result)}")],
        sentences=[*sentences, *([_sentence(words)] if words else [])],
        pictures=_pictures(measure_panels(result)),
        tables=page_tables,
        read=[_read(part) for part in (result, result.baseline) if part is not None],
        thin=THIN,
        glossary=GLOSSARY,
    )


def gate_page(result: GateResult) -> str:
    """The gate's verdict on two files as a page."""
    names = [Path(file.file).name for file in result.files]
    sides = (result.before, result.after)
    panels = [
        _panel(side, side.points, role, f"{word}: {name}")
        for side, role, word, name in zip(sides, ("baseline", "raw"), ("before", "after"), names, strict=True)
    ]
    page_tables: list[Table] = [
        ("Before and after", ("95%", "before", "after", "difference"), list(gate_words.side_rows(result)), ())
    ]
    sentences = list(gate_words.limit_lines(result))
    if result.segments:
        page_tables.append(("Segments", gate_words.SEGMENT_HEADS, list(gate_words.segment_rows(result)), ()))
    if result.segments or result.segments_of_one_file:
        sentences.append(gate_words.segment_note(result))
    for word, side in zip(("before", "after"), sides, strict=True):
        page_tables += _bins(word, side, side.points)
    if result.pairs is not None:
        sentences.append(f"Compared question by question: {result.pairs:,} pairs.")
    return render(
        "file.html",
        title=f"Calibration gate: {WORDS[result.decision]}",
        heading="Calibration gate",
        below=f"{names[0]} before, {names[1]} after.",
        tone=TONES[result.decision],
        word=WORDS[result.decision],
        verdict=[_sentence(gate_words.verdict_line(result)), _sentence(gate_words.accuracy_line(result))],
        sentences=sentences,
        pictures=_pictures(panels),
        tables=page_tables,
        read=[_read(file) for file in result.files],
        thin=THIN,
        glossary=GLOSSARY,
    )


def _panel(measured: Measured, points: PictureBins | None, role: str, title: str) -> ReliabilityData:
    if points is None:
        return figures.prepare_reliability(measured, role=role, title=title)
    return figures.prepare_reliability(
        measured, role=role, title=title, bins=points.bins, levels=points.levels
    )


def _pictures(panels: Sequence[ReliabilityData]) -> list[Any]:
    drawn = [figures.reliability_figure([panel], figures.LIGHT, legend=False) for panel in panels]
    return [svg_of(figure, f"panel-{i}") for i, figure in enumerate(drawn)]


def _bins(name: str, measured: Measured, points: PictureBins | None) -> list[Table]:
    """The bins of the file, and the levels where the picture shows those."""
    bin_tables: list[Table] = [(f"Bins: {name}", BINS, tables.bin_rows(measured.bins, levels=False), ())]
    if points is not None and points.levels:
        bin_tables.append((f"Levels: {name}", BINS, tables.bin_rows(points.bins, levels=True), ()))
    return bin_tables


def _read(file: FileRead) -> str:
    left_out = not_counted_words(file)
    return f"{file.file}: {columns_words(file)}." + (f" Not counted: {left_out}." if left_out else "")


def _sentence(words: str) -> str:
    """With a capital at the start and a full stop at the end."""
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")
