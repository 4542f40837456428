"""`calib labels`: labels by file."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json, StreamName

if TYPE_CHECKING:
    from calib.results.setup import LabelsImported
    from calib.review.files import ImportReport

app = typer.Typer(
    no_args_is_help=True, help="Labels: export what waits, import what was answered, list what differs."
)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A CSV, JSON Lines, Parquet or xlsx file with prediction_id and answer[, period, by]."
        ),
    ],
    stream: Annotated[str | None, typer.Option("--stream", help="Default: the only stream there is.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who answered, where the file does not say.")] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Import labels (idempotent). Answers: correct, incorrect, unsure, or 1, 0, true, false, yes, no.

    Exit code 1: no label was taken, or of two answers only one could be read.
    """
    from calib.app import App
    from calib.errors import InvalidInput
    from calib.events import labels_arrived
    from calib.review import files

    opened = App.open(config)
    if stream is None:
        if len(opened.settings.streams) != 1:
            raise InvalidInput("several streams are set: say which with --stream")
        stream = next(iter(opened.settings.streams))
    opened.settings.stream(stream)
    with opened.engine.begin() as conn:
        report = files.import_labels(conn, file, stream=stream, by=by or getpass.getuser(), now=opened.now())
    if report.new or report.corrected:
        labels_arrived(stream)
    if json:
        output.emit(_result(stream, report).to_json())
    else:
        _say(stream, report)
    if not report.taken:
        why = "no row has an answer to a drawn row"
        if report.conflicts:
            why = f"the earlier answers count; `calib labels conflicts {stream}` lists what differs"
        sys.stderr.write(f"calib: no label was taken from {file}: {why}\n")
        raise typer.Exit(exit_codes.FAILED)
    if report.one_sided:
        sys.stderr.write(
            f"calib: every answer that was taken is {report.one_sided}, and {report.not_answers} in other "
            "words were rejected: write correct, incorrect or unsure there and import the file again\n"
        )
        raise typer.Exit(exit_codes.FAILED)


def _result(stream: str, report: ImportReport) -> LabelsImported:
    from calib.results.setup import LabelsImported

    return LabelsImported(
        stream=stream,
        new=report.new,
        same=report.same,
        corrected=report.corrected,
        conflicts=report.conflicts,
        late=report.late,
        unknown=report.unknown,
        rejected_total=report.rejected_total,
        rejected=tuple(report.rejected),
        disputed=tuple(report.disputed),
        changed=tuple(report.changed),
        late_periods=tuple(report.late_periods),
    )


def _say(stream: str, report: ImportReport) -> None:
    sys.stdout.write(
        f"{report.new} new, {report.same} known, {report.corrected} corrected, {report.conflicts} in "
        f"conflict with an earlier answer, {report.late} late, {report.unknown} not in the sample, "
        f"{report.rejected_total} rejected\n"
    )
    for line in (*report.rejected, *report.disputed, *report.changed):
        sys.stdout.write(f"  {output.printable(line)}\n")
    if report.late:
        periods = ", ".join(report.late_periods)
        sys.stdout.write(
            f"The late ones came after {periods} was evaluated. They are kept, and count in the baselines of "
            f"later windows; `calib window reopen {stream} {report.late_periods[0]} --reason …` uses them at "
            "once\n"
        )
    if report.new or report.corrected:
        sys.stdout.write(f"Next: calib evaluate {stream}\n")


@app.command("export")
def export(
    stream: StreamName,
    to: Annotated[Path | None, typer.Option("--to", help="A file; default: standard output.")] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Write the rows that wait for a label as CSV, in the order of the draw. Fill in the column answer."""
    from calib.app import App
    from calib.errors import InvalidInput
    from calib.review import files

    if json and to is None:
        raise InvalidInput("with --json standard output is not for the CSV: name a file with --to")
    opened = App.open(config)
    opened.settings.stream(stream)
    with opened.engine.connect() as conn:
        if to is None:
            n = files.export(conn, stream, sys.stdout)
        else:
            with to.open("w", newline="", encoding="utf-8") as file:
                n = files.export(conn, stream, file)
    sys.stderr.write(f"{n} rows wait for an answer\n")
    if json:
        from calib.results.setup import LabelsExported

        output.emit(LabelsExported(stream=stream, rows=n, to=str(to)).to_json())


@app.command("conflicts")
def conflicts(
    stream: StreamName,
    period: Annotated[
        str | None, typer.Option("--period", help="One period, like 2026-10; default: all.")
    ] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """List predictions with different answers: two people who differ, or an outcome that was changed later.

    The answer that counts comes first: the one that was there first. The others are kept and change nothing.
    """
    from calib.app import App
    from calib.results.setup import LabelConflict, LabelConflicts
    from calib.review.conflicts import of_stream

    opened = App.open(config)
    opened.settings.stream(stream)
    with opened.engine.connect() as conn:
        of_the_stream = of_stream(conn, stream, period=period)
    if json:
        listed = tuple(
            LabelConflict(period=c.period, prediction_id=c.prediction_id, answers=c.answers)
            for c in of_the_stream
        )
        output.emit(LabelConflicts(stream=stream, conflicts=listed).to_json())
        return
    for conflict in of_the_stream:
        counts, *others = conflict.answers
        id_ = output.printable(conflict.prediction_id)
        sys.stdout.write(f"{conflict.period} {id_}: {counts} counts; also {', '.join(others)}\n")
    if not of_the_stream:
        sys.stdout.write("no prediction has different answers\n")
