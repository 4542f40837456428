"""`calib measure`: an answer about a file with its uncertainty, without a server and without settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.file_options import FileOptions, show_read, with_file_options
from calib.cli.options import Json, MaxRise

if TYPE_CHECKING:
    from calib.cli.page import Page
    from calib.results.measure import MeasureResult


@with_file_options()
def measure(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, Parquet, JSON Lines or xlsx with confidence, correct[, weight, segment, cluster].",
        ),
    ],
    *,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="An earlier file: has it got worse since?")
    ] = None,
    bins: Annotated[int, typer.Option("--bins", min=1, max=100, help="Equal-width bins to show.")] = 10,
    files: FileOptions,
    max_rise: MaxRise = 0.03,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Where to draw it; default FILE-reliability.png here.")
    ] = None,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="Write no picture.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the answer as one HTML page here.")
    ] = None,
    json: Json = False,
) -> None:
    """How far stated confidence is from observed accuracy: ECE with its interval, bins, scores, a picture.

    Rows whose confidence is missing, not a number or outside [0, 1], or whose answer is missing, are counted
    and left out; where more than 5% are unreadable, nothing is measured. Columns called `weight`, `segment`
    and `cluster` are used where the file has them, and the output says so.

    With --baseline both files are shown, and the change test says whether accuracy at equal stated confidence
    got worse, and what it could have detected.
    """
    from calib.files.measure import measure_file

    drawn = None if no_picture else picture or Path(f"{file.stem}-reliability.png")
    if drawn is not None:
        output.writable(drawn, "the picture", reads=(file, baseline), ending=".png")
    if html is not None:
        output.writable(html, "the page", reads=(file, baseline), ending=".html")
    steps = 2 + (baseline is not None) + (drawn is not None) + (html is not None)
    with output.progress(file.name, total=steps) as step:
        result = measure_file(
            file,
            baseline=baseline,
            asked=files.asked(),
            reading=files.reading,
            bins=bins,
            max_rise=max_rise,
            step=step,
        )
        if drawn is not None:
            step("drawing")
            result = _drawn(result, drawn)
        if html is not None:
            from calib.report.file_page import measure_page

            step("writing the page")
            result = replace(result, html=str(html))
            output.write_page(html, measure_page(result))
    if json:
        output.emit(result.to_json())
    else:
        _show(result)


def _drawn(result: MeasureResult, path: Path) -> MeasureResult:
    from calib.errors import InvalidInput
    from calib.report.figures import LIGHT, reliability_figure, write_png
    from calib.report.file_page import measure_panels

    try:
        write_png(reliability_figure(measure_panels(result), LIGHT), path)
    except OSError as error:
        raise InvalidInput(f"the picture cannot be written to {path}: {error.strerror}") from None
    return replace(result, picture=str(path))


def _show(result: MeasureResult) -> None:
    from calib.cli.page import Page
    from calib.cli.terminal_picture import bins_picture
    from calib.wording.measured import accuracy_words, information_words
    from calib.wording.numbers import between, interval, number

    page = Page()
    page.title(result.file, f"{result.n:,} of {result.rows:,} rows")
    show_read(page, result)
    page.row("ECE", f"{interval(result)}   (plugin, biased upwards: {number(result.ece_plugin)})")
    page.row("verdict", result.verdict)
    page.row("accuracy", accuracy_words(result))
    page.row("Brier score", between(result.brier, result.brier_low, result.brier_high))
    page.row("log loss", between(result.log_loss, result.log_loss_low, result.log_loss_high))
    page.row("AUROC", between(result.auroc, result.auroc_low, result.auroc_high))
    if words := information_words(result):
        page.row("signal", words)
    _show_bins(page, result)
    _show_segments(page, result)
    _show_change(page, result)
    page.picture(bins_picture(result, width=page.width))
    for what, path in (("Picture:", result.picture), ("Page:", result.html)):
        if path:
            page.say(what)
            page.command(path)


def _show_bins(page: Page, result: MeasureResult) -> None:
    from calib.wording.measured import bin_edges
    from calib.wording.numbers import between, number

    rows = [
        (
            bin_edges(part.lo, part.hi),
            f"{part.n:,}",
            number(part.mean_score),
            between(part.accuracy, part.low, part.high),
        )
        for part in result.bins
        if part.n
    ]
    page.table(("bin", "rows", "stated", "accuracy (95%)"), rows, left=())


def _show_segments(page: Page, result: MeasureResult) -> None:
    """The largest first; the last column is where the whole interval lies by the usual limits."""
    from calib.wording.measured import band_words
    from calib.wording.numbers import interval, number

    if not result.segments:
        return
    rows = [
        (f"{part.n:,}", number(part.accuracy), interval(part), band_words(part))
        for part in result.segments.values()
    ]
    page.named_table(
        ("segment", "rows", "accuracy", "ECE (95%)", "usual limits"), list(result.segments), rows
    )


def _show_change(page: Page, result: MeasureResult) -> None:
    from calib.wording.change import change_words
    from calib.wording.file_read import not_counted_words
    from calib.wording.measured import both_sides

    if result.baseline is None or result.change is None:
        return
    page.title("Baseline", f"{result.baseline.file}: {result.baseline.n:,} of {result.baseline.rows:,} rows")
    if words := not_counted_words(result.baseline):
        page.row("not counted", words)
    page.table(("95%", "baseline", "this file"), list(both_sides(result.baseline, result)), left=(0, 1, 2))
    page.row("change", change_words(result.change))
