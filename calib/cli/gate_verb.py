"""`calib gate`: may this model or prompt go out? A verdict for continuous integration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import exit_codes, output
from calib.cli.file_options import FileOptions, with_file_options
from calib.cli.options import Json, MaxRise

if TYPE_CHECKING:
    from calib.results.gate import GateResult


@with_file_options()
def gate(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A file of the model or prompt as it is.")],
    after: Annotated[
        Path, typer.Argument(metavar="AFTER", help="The same of the one that would replace it.")
    ],
    *,
    max_rise: MaxRise = 0.03,
    max_accuracy_fall: Annotated[
        float | None,
        typer.Option(
            "--max-accuracy-fall",
            min=0.001,
            max=0.5,
            help="Fail too where the accuracy fell; default: show it.",
        ),
    ] = None,
    paired_by: Annotated[
        str | None,
        typer.Option("--paired-by", metavar="COLUMN", help="A column that names the question in both files."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Pass only where a larger rise or fall is ruled out.")
    ] = False,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="Write Markdown here, for a pull request.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the verdict as one HTML page.")] = None,
    files: FileOptions,
    json: Json = False,
) -> None:
    """Has a new model or prompt made stated confidence less true? Fails on evidence that it has.

    Each file's confidences are compared with its own answers, so the new one may state others than the old.
    Exit code 1: the ECE rose, or the accuracy fell where --max-accuracy-fall asks. 0: no evidence of it, with
    the rise that would have been detected. With --strict, 3 unless more than what is allowed is ruled out,
    with the labels that this would take. If both files answer the same questions, --paired-by makes the
    comparison sharper: rows without a partner are counted and left out.

    Beside the verdict stand accuracy, AUROC and DSC: a prompt that only sounds humbler moves the level of
    the confidence, not the information in it. Segments are shown and decide nothing.
    """
    from calib.files.gate import gate_files

    if summary is not None:
        output.writable(summary, "the summary", reads=(before, after))
    if html is not None:
        output.writable(html, "the page", reads=(before, after), ending=".html")
    with output.progress("gate", total=3 + (html is not None)) as step:
        result = gate_files(
            before,
            after,
            max_rise=max_rise,
            max_accuracy_fall=max_accuracy_fall,
            strict=strict,
            asked=files.asked(paired_by=paired_by),
            reading=files.reading,
            step=step,
        )
    code = exit_codes.OF_GATE[result.decision]
    result = replace(result, exit_code=code)
    if summary is not None:
        _write(summary, result)
    if html is not None:
        from calib.report.file_page import gate_page

        output.write_page(html, gate_page(result))
    if json:
        output.emit(result.to_json())
    else:
        _show(result, html)
    if code:
        raise typer.Exit(code)


def _show(result: GateResult, html: Path | None) -> None:
    from calib.cli.page import Page
    from calib.wording import gate as words

    page = Page()
    page.say(words.verdict_line(result))
    page.say(words.accuracy_line(result))
    lines = list(words.files_words(result))
    same = len({columns for _, _, columns in lines}) == 1
    for file, (side, labels, columns) in zip(result.files, lines, strict=True):
        page.row(side, f"{file.file}: {labels}".replace("\n", " "))
        if not same:
            page.row("", f"columns: {columns}")
    if same:
        page.row("columns", lines[0][2])
    short = {"stated confidence": "stated"}
    rows = [
        (short.get(name, name), before.replace(" to ", "–"), after.replace(" to ", "–"), moved)
        for name, before, after, moved in words.side_rows(result)
    ]
    page.table(("95%", "before", "after", "difference"), rows, left=(0, 1, 2, 3))
    for line in words.limit_lines(result):
        page.say(line)
    if result.segments:
        cells = [row[1:] for row in words.segment_rows(result)]
        page.named_table(words.SEGMENT_HEADS, list(result.segments), cells)
    if result.segments or result.segments_of_one_file:
        page.say(words.segment_note(result))
    if html is not None:
        page.say("Page:")
        page.command(str(html))


def _write(path: Path, result: GateResult) -> None:
    from calib.errors import InvalidInput
    from calib.wording.gate_markdown import markdown

    try:
        path.write_text(markdown(result), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"the summary cannot be written to {path}: {error.strerror}") from None
