"""`calib chain`: what the confidence of a chain of steps is worth, and the mapping of whole chains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.file_options import AllowRejected, Confidence, Scale, columns_line, left_out
from calib.cli.options import Json

if TYPE_CHECKING:
    from calib.json_object import Json as JsonObject
    from calib.tabular.labelled import Steps


def chain(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of steps: trace, confidence, correct.")
    ],
    trace: Annotated[str | None, typer.Option(help="The column that names each step's chain.")] = None,
    confidence: Confidence = None,
    correct: Annotated[
        str | None, typer.Option(help="Whether the whole chain was right, on any one of its rows.")
    ] = None,
    scale: Scale = 1,
    allow_rejected: AllowRejected = None,
    json: Json = False,
) -> None:
    """How far the product of a chain's confidences is from how often the whole chain is right.

    The product holds only where steps fail independently. With 300 labelled chains a mapping of whole chains
    mends it: the output has it, with its ECE on chains that it has not seen.
    """
    from calib.tabular.labelled import Reading, read_steps
    from calib.tabular.roles import Asked

    with output.progress(file.name, total=2) as step:
        step("reading")
        asked = Asked(trace=trace, confidence=confidence, correct=correct)
        read = read_steps(file, asked, Reading(scale=scale, allow_rejected=allow_rejected))
        step("measuring")
        result = {"file": str(file)} | read.to_json() | _measured(file, read)
    if json:
        output.emit(result)
    else:
        _show(result)


def _measured(file: Path, read: Steps) -> JsonObject:
    """The chains' products against their answers; with enough labels, the mapping that mends them."""
    from calib.errors import InvalidInput
    from calib.routing.measured_chains import measure_chains

    try:
        return measure_chains(read.trace.tolist(), read.scores, read.correct).to_json()
    except InvalidInput as error:
        raise InvalidInput(f"{file}: {error}") from None


def _show(result: JsonObject) -> None:
    from calib.cli.page import Page

    page, n = Page(), output.number
    page.title(result["file"], f"{result['chains']:,} chains, {result['labelled']:,} labelled")
    page.row("columns", columns_line(result))
    if left_out_line := left_out(result):
        page.row("not counted", left_out_line)
    if result["contradicted"]:
        page.row("not counted", f"{result['contradicted']:,} chains whose rows disagree on the whole")
    page.row("steps", ", ".join(f"{k}: {count:,}" for k, count in result["steps"].items()))
    product = result["product"]
    low, high = n(product["accuracy_low"]), n(product["accuracy_high"])
    page.row(
        "product",
        f"claims {n(product['mean_confidence'])}, right {n(product['accuracy'])} "
        f"({low} to {high}); ECE {output.interval(product)}",
    )
    if result["calibrated"] is None:
        labels = f"{result['labels_needed']:,}"
        page.say(f"Next: label {labels} more whole chains: then a mapping of them can be fitted")
        return
    page.row("calibrated", f"ECE {output.interval(result['calibrated'])} on chains that it has not seen")
    page.say("Next: `--json` has the mapping; `calib.routing.chain(steps, mapping=…)` applies it")
