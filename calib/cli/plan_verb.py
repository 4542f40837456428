"""`calib plan`: what a budget of labels can see, in words that whoever pays for them understands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.file_options import FileOptions, show_read, with_file_options
from calib.cli.options import CONFIG, Config, Json
from calib.errors import InvalidInput

if TYPE_CHECKING:
    from calib.results.plan import PlannedDetection, PlanResult


@with_file_options(
    "confidence", "correct", "prediction", "answer", "weight", "cluster", "scale", "allow_rejected"
)
def plan(
    stream: Annotated[
        str,
        typer.Argument(metavar="STREAM", help="A stream of calib.toml, or a file of labelled predictions."),
    ],
    *,
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
    files: FileOptions,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """How many labels are needed to detect a rise of the ECE, and to certify each target.

    Simulates the change test on the stream's latest traffic, within its budget of false alarms. "Detect"
    means with 80% power. Nothing is opened, drawn or written.

    If STREAM is the path of a file, the plan uses that file's confidences and answers. This gives a first
    estimate before anything is set up, for 500 labels per window and false alarms in 5% of windows.
    The options that say how rows are read, from --confidence to --allow-rejected, are for a file alone.
    """
    from calib.sampling.planner import RISES

    path = Path(stream)
    if path.is_file():
        if period is not None:
            raise InvalidInput(f"{path} is a file, which has no periods: leave --period out")
        result = _of_file(path, labels=labels, rises=rise or RISES, files=files)
    elif files != FileOptions():
        raise InvalidInput(
            f"{stream} is not a file: how a stream's columns are read is set in calib.toml; leave out "
            "the options from --confidence to --allow-rejected"
        )
    else:
        result = _of_stream(stream, period, labels=labels, rises=rise or RISES, config=config)
    if json:
        output.emit(result.to_json())
    else:
        _show(result)


def _of_file(path: Path, *, labels: int | None, rises: Sequence[float], files: FileOptions) -> PlanResult:
    from calib.files.plan import LABELS, plan_file

    with output.progress(path.name, total=1) as step:
        step("simulating")
        return plan_file(
            path,
            labels=LABELS if labels is None else labels,
            rises=rises,
            asked=files.asked(),
            reading=files.reading,
        )


def _of_stream(
    stream: str, period: str | None, *, labels: int | None, rises: Sequence[float], config: Path
) -> PlanResult:
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


def _show(result: PlanResult) -> None:
    from calib.cli.page import Page
    from calib.wording.plan import plan_lines

    page = Page()
    name = str(result.stream or result.file)
    on = f"planned on {result.period}: " if result.period else ""
    page.title(name, f"{on}{result.population:,} predictions, expected accuracy from {result.accuracy_from}")
    if result.file is not None:
        show_read(page, result)
    if result.design_effect > 1:
        page.row("clusters", f"{result.design_effect:.1f} rows of one cluster count as one")
    for line in plan_lines(result):
        page.say(line, indent=0 if line.startswith("With") else 2)
    page.say("Labels by stratum, now and to see each rise:")
    possible = [detection for detection in result.detections if detection.labels is not None]
    for start, detections in _in_columns(possible, page.width):
        rows = []
        for b, part in enumerate(result.strata):
            known = (f"{part.share:.1%}", f"{part.accuracy:.3f}", f"{result.by_stratum[b]:,}")
            labels = (f"{detection.by_stratum[b]:,}" for detection in detections if detection.by_stratum)
            rows.append((f"{part.from_:g} to {part.to:g}", *(known if start == 0 else ()), *labels))
        heads = ("share", "accuracy", "now") if start == 0 else ()
        page.table(("confidence", *heads, *(f"for {detection.rise:.3f}" for detection in detections)), rows)
    page.say("Next: set `labels` of the stream in calib.toml. To try another number N:")
    page.command(f"calib plan {name} --labels N")


def _in_columns(detections: list[PlannedDetection], width: int) -> list[tuple[int, list[PlannedDetection]]]:
    """As many rises as fit beside each other, with the place of the first: many go into several tables."""
    fixed, each = 46, 11  # columns
    size = max(1, (width - fixed) // each)
    return [(at, detections[at : at + size]) for at in range(0, max(1, len(detections)), size)]
