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

NAMED = 10  # lines that are named; the others are counted

app = typer.Typer(
    no_args_is_help=True, help="Labels: export what waits, import what was answered, list what differs."
)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A CSV, JSON Lines, Parquet or xlsx file with prediction_id and label[, by, at, comment]."
        ),
    ],
    stream: Annotated[str | None, typer.Option("--stream", help="Default: the only stream there is.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who answered, where the file does not say.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the other rows where some are rejected.")
    ] = False,
    blind: Annotated[
        bool,
        typer.Option(
            "--blind", help="Nobody saw another's answer: a file of your own then counts for agreement."
        ),
    ] = False,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Import labels (idempotent). Answers: correct, incorrect, unsure, or 1, 0, true, false, yes, no.

    Where a row is rejected nothing is taken, unless --partial. Exit code 1: no label was taken, or of two
    answers only one could be read.
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
    who, now = by or getpass.getuser(), opened.now()
    with opened.engine.begin() as conn:
        report = files.import_labels(conn, file, stream=stream, by=who, now=now, partial=partial, blind=blind)
    if report.new or report.corrected:
        labels_arrived(stream)
    if json:
        output.emit(_result(stream, report).to_json())
    else:
        _say(stream, report)
    if not report.taken:
        why = "no row has an answer to a drawn row"
        if report.refused:
            why = (
                f"{report.rejected_total:,} rows are rejected. Mend them and import the file again, or take "
                f"the other {report.would_take:,} with --partial"
            )
        elif report.conflicts:
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
        refused=report.refused,
        would_take=report.would_take,
        unlabelled_comments=len(report.unlabelled_comments),
    )


def _say(stream: str, report: ImportReport) -> None:
    sys.stdout.write(
        f"{report.new} new, {report.same} known, {report.corrected} corrected, {report.conflicts} in "
        f"conflict with an earlier answer, {report.late} late, {report.unknown} not in the sample, "
        f"{report.rejected_total} rejected\n"
    )
    for line in (*report.rejected, *report.disputed, *report.changed):
        sys.stdout.write(f"  {output.printable(line)}\n")
    if report.unlabelled_comments:
        _say_comments(report.unlabelled_comments)
    if report.late:
        periods = ", ".join(report.late_periods)
        sys.stdout.write(
            f"The late ones came after {periods} was evaluated. They are kept, and count in the baselines of "
            f"later windows; `calib window reopen {stream} {report.late_periods[0]} --reason …` uses them at "
            "once\n"
        )
    if report.new or report.corrected:
        sys.stdout.write(f"Next: calib evaluate {stream}\n")


def _say_comments(lines: list[int]) -> None:
    """Name the rows whose comment has no label beside it."""
    rows = output.counted(len(lines), "row")
    more = f" and {len(lines) - NAMED:,} more" if len(lines) > NAMED else ""
    where = f"line{'' if len(lines) == 1 else 's'} {', '.join(map(str, lines[:NAMED]))}{more}"
    sys.stdout.write(
        f"{rows} with a comment and no label ({where}): a comment is kept with its label only. Write "
        "correct, incorrect or unsure there and import the file again\n"
    )


@app.command("export")
def export(
    stream: StreamName,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="A .csv, .xlsx, .parquet or .jsonl file; default: CSV on standard output."),
    ] = None,
    second: Annotated[
        str | None,
        typer.Option(
            "--second", metavar="NAME", help="For this person: the rows that wait for a second opinion."
        ),
    ] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Write the rows that wait for a label, in the order of the draw. Fill in the last column, label.

    A sheet carries nobody's answers. A file with answers that were not imported is never overwritten.
    """
    import secrets

    from calib.app import App
    from calib.errors import InvalidInput
    from calib.review import sheets
    from calib.review.guidelines import read_guidelines

    if json and to is None:
        raise InvalidInput("with --json standard output is not for the CSV: name a file with --to")
    opened = App.open(config)
    guidelines = read_guidelines(
        opened.settings.stream(stream).guidelines, base=opened.settings.folder, stream=stream
    )
    with opened.engine.connect() as conn:
        if to is not None:
            sheets.refuse_to_lose_answers(conn, stream, to)
        sheet = sheets.waiting_rows(
            conn, stream, sheet=f"s{secrets.token_hex(3)}", second=second, guidelines=guidelines
        )
    if to is None:
        sheets.write_csv(sheet, sys.stdout)
    else:
        sheets.write(sheet, to)
    n = len(sheet.rows)
    sys.stderr.write(f"{n} rows wait for {'an answer' if second is None else 'a second opinion'}\n")
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

    The answer that counts comes first: the one that was there first, unless somebody decided otherwise with
    `calib labels decide` or on the web page. The others are kept and change nothing.
    """
    from calib.app import App
    from calib.results.setup import LabelConflict, LabelConflicts, LabelOpinion
    from calib.review.conflicts import of_stream

    opened = App.open(config)
    opened.settings.stream(stream)
    with opened.engine.connect() as conn:
        of_the_stream = of_stream(conn, stream, period=period)
    if json:
        listed = tuple(
            LabelConflict(
                period=conflict.period,
                prediction_id=conflict.prediction_id,
                answers=conflict.answers,
                opinions=tuple(LabelOpinion(by=o.by, answer=o.answer) for o in conflict.opinions),
                decided_by=conflict.decided_by,
                open=conflict.open,
            )
            for conflict in of_the_stream
        )
        output.emit(LabelConflicts(stream=stream, conflicts=listed).to_json())
        return
    for conflict in of_the_stream:
        counts, *others = conflict.opinions
        said = ", ".join(f"{opinion.answer} ({opinion.by})" for opinion in others)
        decided = f", as {counts.by} decided" if counts.decision else f" ({counts.by})"
        line = f"{conflict.period} {conflict.prediction_id}: {counts.answer} counts{decided}; also {said}"
        sys.stdout.write(f"{output.printable(line)}\n")
    if not of_the_stream:
        sys.stdout.write("no prediction has different answers\n")
    elif any(conflict.open and conflict.decided_by is None for conflict in of_the_stream):
        sys.stdout.write(f"Next: calib labels decide {stream} ID correct|incorrect|unsure\n")


@app.command("decide")
def decide(
    stream: StreamName,
    prediction: Annotated[str, typer.Argument(metavar="ID", help="The prediction, as `conflicts` lists it.")],
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="correct, incorrect or unsure.")],
    period: Annotated[
        str | None, typer.Option("--period", help="Where several periods drew this prediction.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decides; default: your user name.")] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Decide between different answers to one prediction: this one counts from now on.

    All answers stay in the history, and agreement counts no decisions. It is possible until the window is
    evaluated; then exit code 1.
    """
    from calib.app import App
    from calib.errors import InvalidInput
    from calib.events import labels_arrived
    from calib.results.setup import LabelDecided
    from calib.review import conflicts as differing

    opened = App.open(config)
    opened.settings.stream(stream)
    who = by or getpass.getuser()
    with opened.engine.begin() as conn:
        listed = differing.of_stream(conn, stream, period=period)
        chosen = [conflict for conflict in listed if conflict.prediction_id == prediction]
        if not chosen:
            raise InvalidInput(
                f"{prediction!r:.80} has no different answers; `calib labels conflicts {stream}` lists those "
                "that have"
            )
        if len({conflict.period for conflict in chosen}) > 1:
            periods = ", ".join(conflict.period for conflict in chosen)
            raise InvalidInput(f"{prediction!r:.80} was drawn in {periods}: say which with --period")
        became = differing.decide(conn, item_id=chosen[0].item_id, answer=answer, by=who, at=opened.now())
    if became == "new":
        labels_arrived(stream)
    decided = LabelDecided(
        stream=stream,
        period=chosen[0].period,
        prediction_id=prediction,
        answer=answer,
        by=who,
        outcome=became,
    )
    if json:
        output.emit(decided.to_json())
    elif became != "late":
        sys.stdout.write(f"{answer} counts for {output.printable(prediction)} from now on\n")
    if became == "late":
        sys.stderr.write(
            f"calib: {chosen[0].period} has been evaluated, so that nothing was changed; "
            f"`calib window reopen {stream} {chosen[0].period} --reason …` opens it anew\n"
        )
        raise typer.Exit(exit_codes.FAILED)
