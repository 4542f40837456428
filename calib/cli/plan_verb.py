"""`calib plan`: what a budget of labels can see, in words that whoever pays for them understands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from calib.cli import output
from calib.cli.file_options import AllowRejected, Confidence, Correct, Scale, columns_line, left_out
from calib.cli.options import CONFIG, Config, Json
from calib.errors import InvalidInput
from calib.json_object import Json as JsonObject


def plan(
    stream: Annotated[
        str,
        typer.Argument(metavar="STREAM", help="A stream of calib.toml, or a file of labelled predictions."),
    ],
    labels: Annotated[
        int | None, typer.Option("--labels", min=20, help="A window's budget. Default: the stream's.")
    ] = None,
    rise: Annotated[
        list[float] | None,
        typer.Option("--rise", min=0.005, max=0.9, help="A rise of the ECE to see; may be repeated."),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option("--period", help="Whose traffic to plan on. Default: the latest that is over."),
    ] = None,
    confidence: Confidence = None,
    correct: Correct = None,
    scale: Scale = 1,
    allow_rejected: AllowRejected = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """How many labels are needed to detect a rise of the ECE, and to certify each target.

    Simulates the change test on the stream's latest traffic, within its budget of false alarms. "Detect"
    means with 80% power. Nothing is opened, drawn or written.

    If STREAM is the path of a file, the plan uses that file's confidences and answers. This gives a first
    estimate before anything is set up, for 500 labels per window and false alarms in 5% of windows.
    --confidence, --correct, --scale and --allow-rejected are for a file alone.
    """
    from calib.sampling.planner import RISES

    path = Path(stream)
    if path.is_file():
        if period is not None:
            raise InvalidInput(f"{path} is a file, which has no periods: leave --period out")
        from calib.cli.plan_file import planned_on_file
        from calib.tabular.labelled import Reading
        from calib.tabular.roles import Asked

        with output.progress(path.name, total=1) as step:
            step("simulating")
            result = planned_on_file(
                path,
                labels=labels,
                rises=rise or RISES,
                asked=Asked(confidence=confidence, correct=correct),
                reading=Reading(scale=scale, allow_rejected=allow_rejected),
            )
    elif (confidence, correct, scale, allow_rejected) != (None, None, 1, None):
        raise InvalidInput(
            f"{stream} is no file: how a stream's columns are read is set in calib.toml; leave out "
            "--confidence, --correct, --scale and --allow-rejected"
        )
    else:
        result = _of_stream(stream, period, labels=labels, rises=rise or RISES, config=config)
    if json:
        output.emit(result)
    else:
        _show(result)


def _of_stream(
    stream: str, period: str | None, *, labels: int | None, rises: Sequence[float], config: Path
) -> JsonObject:
    from calib.app import App
    from calib.cycle import latest_due
    from calib.cycle.planning import plan_labels
    from calib.period import Period

    opened = App.open(config)
    watch, ports = opened.watch(stream), opened.ports(stream)
    on = latest_due(watch, ports.now()) if period is None else Period.parse(period, watch.kind)
    with output.progress(stream, total=1) as step:
        step("simulating")
        return plan_labels(watch, ports, on, labels=labels, rises=rises)


def _show(result: JsonObject) -> None:
    from calib.cli.page import Page

    page = Page()
    name = result["stream"] or result["file"]
    on = f"planned on {result['period']}: " if result["period"] else ""
    page.title(
        name, f"{on}{result['population']:,} predictions, expected accuracy from {result['accuracy_from']}"
    )
    if result.get("file"):
        page.row("columns", columns_line(result))
        if left_out_line := left_out(result):
            page.row("not counted", left_out_line)
    detectable = result["minimum_detectable_rise"]
    budget = f"With {result['labels']:,} labels per window"
    if detectable is None:
        page.say(f"{budget} no rise is detected with 80% power, not even a total loss of accuracy.")
    else:
        page.say(
            f"{budget} a rise of the ECE by {detectable:.3f} or more is detected with 80% power. "
            "A smaller rise would usually not be detected: a window without a finding does not rule it out."
        )
    for detection in result["detections"]:
        if detection["labels"] is None:
            page.say(f"a rise of {detection['rise']:.3f}: more labels than can be had", indent=2)
        else:
            page.say(
                f"a rise of {detection['rise']:.3f}: about {detection['labels']:,} labels per window",
                indent=2,
            )
    for detection in result["certifications"]:
        target = f"to certify {detection['target']:.0%}"
        if detection["labels"] is None:
            page.say(f"{target}: no number of labels; expected accuracy is too low", indent=2)
        else:
            page.say(
                f"{target}: about {detection['labels']:,} labels per window, for a cut at "
                f"{detection['cut']:.3f} that keeps {detection['share']:.0%} of predictions",
                indent=2,
            )
    page.say("Labels by stratum, now and to see each rise:")
    possible = [detection for detection in result["detections"] if detection["labels"] is not None]
    for at, detections in _in_columns(possible, page.width):
        rows = []
        for b, part in enumerate(result["strata"]):
            known = (f"{part['share']:.1%}", f"{part['accuracy']:.3f}", f"{result['by_stratum'][b]:,}")
            labels = (f"{detection['by_stratum'][b]:,}" for detection in detections)
            rows.append((f"{part['from']:g} to {part['to']:g}", *(known if at == 0 else ()), *labels))
        heads = ("share", "accuracy", "now") if at == 0 else ()
        page.table(
            ("confidence", *heads, *(f"for {detection['rise']:.3f}" for detection in detections)), rows
        )
    page.say("Next: set `labels` of the stream in calib.toml. To try another number N:")
    page.command(f"calib plan {name} --labels N")


def _in_columns(detections: list[Any], width: int) -> list[tuple[int, list[Any]]]:
    """As many rises as fit beside each other, with the place of the first: many go into several tables."""
    fixed, column_width = 46, 11  # columns
    size = max(1, (width - fixed) // column_width)
    return [(at, detections[at : at + size]) for at in range(0, max(1, len(detections)), size)]
