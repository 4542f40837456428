"""`calib gate`: may this model or prompt go out? A verdict for continuous integration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from calib.text import in_backticks

if TYPE_CHECKING:
    from calib.json_object import Json as JsonObject
    from calib.measure.sample import Sample
    from calib.tabular.labelled import Labelled

STATES = {
    "degraded": "DEGRADED: calibration got worse",
    "stable": "stable: a rise of the ECE beyond what is allowed is ruled out",
    "no_change_seen": "no change seen",
}


def gate(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A file of the model or prompt as it is.")],
    after: Annotated[
        Path, typer.Argument(metavar="AFTER", help="The same of the one that would replace it.")
    ],
    max_rise: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The rise of the ECE that matters.")
    ] = 0.03,
    paired_by: Annotated[
        str | None,
        typer.Option("--paired-by", metavar="COLUMN", help="A column that names the question in both files."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Pass only where a rise beyond --max-rise is ruled out.")
    ] = False,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="Write Markdown here, for a pull request.")
    ] = None,
    confidence: Confidence = None,
    correct: Correct = None,
    prediction: Prediction = None,
    answer: Answer = None,
    weight: Weight = None,
    scale: Scale = 1,
    allow_rejected: AllowRejected = None,
    json: Json = False,
) -> None:
    """Has a new model or prompt made stated confidence less true? Fails on evidence that it has.

    Each file's confidences are held against its own answers, so the new one may state others than the old.
    Exit code 1: degraded. 0: not, with the rise that would have been seen. With --strict, 3 unless a rise
    beyond --max-rise is ruled out, with the labels that it would take. If both files answer the same
    questions, --paired-by makes the comparison sharper: rows without a partner are counted and left out.

    Beside the verdict stand accuracy, AUROC and DSC: a prompt that only sounds humbler moves the level of
    the confidence, not the information in it.
    """
    from calib.gate import gate as judge
    from calib.tabular.labelled import Reading, read_labelled
    from calib.tabular.roles import Asked

    # A column of any text is read as segments are; the pairs' names are one.
    asked = Asked(
        confidence=confidence,
        correct=correct,
        weight=weight,
        segment=paired_by,
        prediction=prediction,
        answer=answer,
    )
    reading = Reading(scale=scale, allow_rejected=allow_rejected)
    with output.progress("gate", total=3) as step:
        tables = []
        for file in (before, after):
            step(f"reading {file.name}")
            tables.append(read_labelled(file, asked, reading))
        step("comparing")
        was, now = (_sample(table) for table in tables)
        pairs = None
        if paired_by is not None:
            before_rows, after_rows = _pairs(tables, (before, after), paired_by)
            was, now, pairs = was.take(before_rows), now.take(after_rows), len(before_rows)
        decision = judge(was, now, max_rise=max_rise, paired=pairs is not None)
    result = decision.to_json() | {
        "max_rise": max_rise,
        "strict": strict,
        "pairs": pairs,
        "columns": _files_json(after, tables[1])["columns"],
        "rejected": _counts_of_both(tables),
        "files": [
            {"file": str(file)} | table.to_json() for file, table in zip((before, after), tables, strict=True)
        ],
    }
    result["exit_code"] = code = _exit_code(result)
    if summary is not None:
        _write(summary, _markdown(result))
    if json:
        output.emit(result)
    else:
        _show(result)
    if code:
        raise typer.Exit(code)


def _files_json(file: Path, table: Labelled) -> dict[str, Any]:
    """What is said of a file; the column that names the pairs was read as a segment."""
    read = {"file": str(file)} | table.to_json()
    names = {"paired_by" if role == "segment" else role: name for role, name in table.roles.columns.items()}
    return read | {"columns": names}


def _counts_of_both(tables: list[Labelled]) -> dict[str, int]:
    """Rejected rows by kind, of both files together."""
    kinds = {kind for table in tables for kind in table.rejected}
    return {kind: sum(table.rejected.get(kind, 0) for table in tables) for kind in sorted(kinds)}


def _sample(table: Labelled) -> Sample:
    from calib.measure.sample import Sample

    return Sample(table.scores, table.correct, table.weights)


def _pairs(tables: list[Labelled], files: tuple[Path, Path], column: str) -> tuple[Any, Any]:
    """The rows of both files that answer the same question, in one order."""
    from calib.gate import paired_rows
    from calib.measure.sample import Sample

    before, after = (
        Sample(table.scores, table.correct, segments=table.segments).segments.tolist() for table in tables
    )
    return paired_rows(before, after, column=column, names=(str(files[0]), str(files[1])))


def _exit_code(result: JsonObject) -> int:
    if result["state"] == "degraded":
        return output.FAILED
    return output.NOT_ENOUGH if result["strict"] and not result["proven"] else output.DONE


def _verdict(result: JsonObject) -> str:
    """The first line: what is known of the rise."""
    words = STATES.get(result["state"]) or f"changed: {result['direction']}"
    return (
        f"{words}. ECE {result['rise']:+.3f} ({result['low']:+.3f} to {result['high']:+.3f}), "
        f"allowed {result['max_rise']:+.3f}"
    )


def _limits(result: JsonObject) -> str:
    """What the labels could have seen, and what proof would take."""
    detectable, needed = result["minimum_detectable_rise"], result["labels_needed"]
    sentences = []
    if result["state"] == "no_change_seen":
        sentences.append(
            "These labels could not have seen any rise"
            if detectable is None
            else f"A rise of about {detectable:.3f} would have been seen 4 times in 5"
        )
    if needed:
        sentences.append(f"proof that it is stable would take about {needed:,} labels more in each file")
    return "; ".join(sentences) + "." if sentences else ""


def _rows(result: JsonObject) -> list[tuple[str, str, str, str]]:
    """Before, after and the difference, each with its 95% interval."""
    n = output.number
    was, now = result["before"], result["after"]

    def cell(measured: JsonObject, key: str) -> str:
        low, high = f"{key}_low", f"{key}_high"
        if low not in measured or measured[key] is None:
            return n(measured[key])
        return f"{n(measured[key])} ({n(measured[low])} to {n(measured[high])})"

    def moved(value: float | None, low: float | None, high: float | None) -> str:
        if value is None or low is None or high is None:
            return "–"
        return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"

    def change(key: str) -> str:
        difference = result[f"{key}_change"] or {}
        return moved(difference.get("value"), difference.get("low"), difference.get("high"))

    accuracy = (result["accuracy_change"], result["accuracy_change_low"], result["accuracy_change_high"])
    rise = (result["rise"], result["low"], result["high"])
    return [
        ("ECE", output.interval(was), output.interval(now), moved(*rise)),
        ("accuracy", cell(was, "accuracy"), cell(now, "accuracy"), moved(*accuracy)),
        ("stated confidence", n(was["mean_confidence"]), n(now["mean_confidence"]), change("confidence")),
        ("AUROC", cell(was, "auroc"), cell(now, "auroc"), change("auroc")),
        ("DSC", cell(was, "dsc"), cell(now, "dsc"), change("dsc")),
    ]


def _show(result: JsonObject) -> None:
    from calib.cli.page import Page

    page = Page()
    page.say(_verdict(result))
    for which, word in enumerate(("before", "after")):
        name = result["files"][which]["file"].replace("\n", " ")
        page.row(word, f"{name}: {result[word]['n']:,} labels{_left_out(result, which)}")
        page.row("", f"columns: {columns_line(result['files'][which])}")
    short = {"stated confidence": "stated"}
    rows = [
        (short.get(name, name), was.replace(" to ", "–"), now.replace(" to ", "–"), moved)
        for name, was, now, moved in _rows(result)
    ]
    page.table(("95%", "before", "after", "difference"), rows, left=(0, 1, 2, 3))
    for line in (_limits(result), result["reading"]):
        if line:
            page.say(line)
    if result["exit_code"] == output.NOT_ENOUGH:
        page.say("Not proven stable, and --strict asks for proof.")


def _left_out(result: JsonObject, which: int) -> str:
    file = result["files"][which]
    parts = [left_out_line] if (left_out_line := left_out(file)) else []
    used = file["rows"] - sum(file["rejected"].values())
    if result["pairs"] is not None and used > result["pairs"]:
        parts.append(f"{used - result['pairs']:,} without a partner")
    return f" (not counted: {', '.join(parts)})" if parts else ""


def _markdown(result: JsonObject) -> str:
    """The verdict as a pull request shows it; names of files come from outside and are made harmless."""
    mark = {output.FAILED: "❌", output.NOT_ENOUGH: "⚠️"}.get(result["exit_code"], "✅")
    lines = [f"### {mark} Calibration gate", "", f"**{_verdict(result)}**", ""]
    lines += [line for line in (_limits(result), result["reading"]) if line] + [""]
    lines += ["| | before | after | difference (95%) |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(result)] + [""]
    for which, word in enumerate(("Before", "After")):
        name = in_backticks(result["files"][which]["file"])
        labels = result[word.lower()]["n"]
        lines.append(f"{word}: `{name}`, {labels:,} labels{_left_out(result, which)}.  ")
        lines.append(f"Columns: `{in_backticks(columns_line(result['files'][which]))}`.  ")
    if result["pairs"] is not None:
        lines.append(f"Compared question by question: {result['pairs']:,} pairs.")
    return "\n".join(lines).rstrip() + "\n"


def _write(path: Path, text: str) -> None:
    from calib.errors import InvalidInput

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"the summary cannot be written to {path}: {error.strerror}") from None
