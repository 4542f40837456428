"""`calib measure`: an honest answer about a file, with no server and no settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.file_options import (
    AllowRejected,
    Answer,
    Confidence,
    Correct,
    Prediction,
    Scale,
    Weight,
    columns_line,
    left_out,
)
from calib.cli.options import Json

if TYPE_CHECKING:
    from calib.json_object import Json as JsonObject
    from calib.measure.sample import Sample
    from calib.tabular.labelled import Labelled

ALPHA = 0.05  # of the change test between two files


def measure(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, Parquet, JSON Lines or xlsx with confidence, correct[, weight, segment, cluster].",
        ),
    ],
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="An earlier file: has it got worse since?")
    ] = None,
    bins: Annotated[int, typer.Option("--bins", min=1, max=100, help="Equal-width bins to show.")] = 10,
    confidence: Confidence = None,
    correct: Correct = None,
    prediction: Prediction = None,
    answer: Answer = None,
    weight: Weight = None,
    segment: Annotated[str | None, typer.Option(help="A column of segments, each measured too.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="A column of what rows have in common, as a conversation or a day.")
    ] = None,
    scale: Scale = 1,
    allow_rejected: AllowRejected = None,
    max_rise: Annotated[float, typer.Option(min=0.001, max=0.5, help="The rise that matters.")] = 0.03,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Where to draw it; default FILE-reliability.png here.")
    ] = None,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="Draw nothing.")] = False,
    json: Json = False,
) -> None:
    """How far stated confidence is from observed accuracy: ECE with its interval, bins, scores, a picture.

    Rows whose confidence is missing, not a number or outside [0, 1], or whose answer is missing, are counted
    and left out; where more than 5% are unreadable, nothing is measured. With --baseline the change test says
    whether it got worse, and what it could have seen.
    """
    from calib.measure import Bins
    from calib.measure import measure as measure_rows
    from calib.measure.ece_verdict import ece_verdict
    from calib.tabular.labelled import Reading, read_labelled
    from calib.tabular.roles import Asked

    asked = Asked(
        confidence=confidence,
        correct=correct,
        weight=weight,
        segment=segment,
        cluster=cluster,
        prediction=prediction,
        answer=answer,
    )
    reading = Reading(scale=scale, allow_rejected=allow_rejected)
    steps = 2 + (baseline is not None) + (not no_picture)
    with output.progress(file.name, total=steps) as step:
        step("reading")
        table = read_labelled(file, asked, reading)
        step("measuring")
        sample = sample_of(table)
        report = measure_rows(
            table.scores,
            table.correct,
            weights=table.weights,
            clusters=sample.cluster_numbers,
            bins=Bins.equal_width(bins),
        )
        result: JsonObject = {"file": str(file)} | table.to_json()
        result |= report.to_json() | {"change": None, "segments": {}, "picture": None}
        result["verdict"] = ece_verdict(report.ece.low, report.ece.high)
        if table.segments is not None:
            for name in sample.segment_names:
                rows = sample.of_segment(name).normalised()
                part = measure_rows(
                    rows.scores, rows.correct, weights=rows.weights, clusters=rows.cluster_numbers
                )
                result["segments"][name] = part.to_json() | {
                    "verdict": ece_verdict(part.ece.low, part.ece.high)
                }
        if baseline is not None:
            step(f"comparing with {baseline.name}")
            result["change"] = _change(sample, sample_of(read_labelled(baseline, asked, reading)), max_rise)
        if not no_picture:
            from calib.report.figures import draw_reliability
            from calib.results import Measured

            step("drawing")
            picture = picture or Path(f"{file.stem}-reliability.png")
            draw_reliability(picture, Measured.of(report), title=file.name)
            result["picture"] = str(picture)
    if json:
        output.emit(result)
    else:
        _show(result)


def sample_of(table: Labelled) -> Sample:
    """The file's rows as statistics take them, with weights that add up to their number."""
    from calib.measure.sample import Sample

    return Sample(table.scores, table.correct, table.weights, table.segments, table.clusters).normalised()


def _change(now: Sample, before: Sample, max_rise: float) -> JsonObject:
    from calib.cycle.comparison import compare_samples

    return compare_samples(now, before, alpha=ALPHA, max_rise=max_rise).to_json()


def _show(result: JsonObject) -> None:
    from calib.cli.page import Page
    from calib.cli.tables import change_words
    from calib.results.window import ChangeResult

    page, n = Page(), output.number
    page.title(result["file"], f"{result['n']:,} of {result['rows']:,} rows")
    page.row("columns", columns_line(result))
    if left_out_line := left_out(result):
        page.row("not counted", left_out_line)
    gap = result["gap"]
    lean = "overconfident" if gap > 0 else "underconfident"
    plugin = n(result["ece_plugin"])
    page.row("ECE", f"{output.interval(result)}   (plugin, biased upwards: {plugin})")
    page.row("verdict", result["verdict"])
    low, high = n(result["accuracy_low"]), n(result["accuracy_high"])
    page.row(
        "accuracy",
        f"{n(result['accuracy'])} ({low} to {high}), "
        f"stated {n(result['mean_confidence'])}: {lean} by {abs(gap):.3f}",
    )
    for key, name in (("brier", "Brier score"), ("log_loss", "log loss"), ("auroc", "AUROC")):
        low, high = n(result[f"{key}_low"]), n(result[f"{key}_high"])
        page.row(name, f"{n(result[key])} ({low} to {high})")
    if not result["informative"]:
        page.row("signal", "no information: this confidence does not tell right answers from wrong ones")
    rows = [
        (
            f"{'(' if part['lo'] else '['}{part['lo']:g}, {part['hi']:g}]",
            f"{part['n']:,}",
            n(part["mean_score"]),
            f"{n(part['accuracy'])} ({n(part['low'])} to {n(part['high'])})",
        )
        for part in result["bins"]
        if part["n"]
    ]
    page.table(("bin", "rows", "stated", "accuracy (95%)"), rows, left=())
    for name, part in result["segments"].items():
        page.say(f"{name}: ECE {output.interval(part)}, {part['n']:,} rows; {part['verdict']}", indent=2)
    if result["change"] is not None:
        page.row("change", change_words(ChangeResult(**result["change"])))
    if result["picture"]:
        page.say("Picture:")
        page.command(result["picture"])
