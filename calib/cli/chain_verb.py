"""`calib chain`: what the confidence of a chain of steps is worth, and the mapping of whole chains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.file_options import FileOptions, show_read, with_file_options
from calib.cli.options import Json

if TYPE_CHECKING:
    from calib.results.chain import ChainResult


@with_file_options("confidence", "correct", "scale", "allow_rejected")
def chain(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of steps: trace, confidence, correct.")
    ],
    *,
    trace: Annotated[str | None, typer.Option(help="The column that names each step's chain.")] = None,
    files: FileOptions,
    json: Json = False,
) -> None:
    """How far the product of a chain's confidences is from how often the whole chain is right.

    `correct` says whether the whole chain was right, on any one of its rows. The product holds only where
    steps fail independently. With 300 labelled chains a mapping of whole chains corrects it: the output has
    it, with its ECE on chains that it has not seen.
    """
    from calib.files.chain import measure_chain_file

    with output.progress(file.name, total=2) as step:
        result = measure_chain_file(file, asked=files.asked(trace=trace), reading=files.reading, step=step)
    if json:
        output.emit(result.to_json())
    else:
        _show(result)


def _show(result: ChainResult) -> None:
    from calib.cli.page import Page
    from calib.wording.measured import product_words
    from calib.wording.numbers import interval

    page = Page()
    page.title(result.file, f"{result.chains:,} chains, {result.labelled:,} labelled")
    show_read(page, result)
    if result.contradicted:
        page.row("not counted", f"{result.contradicted:,} chains whose rows disagree on the whole")
    page.row("steps", ", ".join(f"{length}: {count:,}" for length, count in result.steps.items()))
    page.row("product", product_words(result.product))
    if result.calibrated is None:
        page.say(
            f"Next: label {result.labels_needed:,} more whole chains: then a mapping of them can be fitted"
        )
        return
    page.row("calibrated", f"ECE {interval(result.calibrated)} on chains that it has not seen")
    page.say("Next: `--json` has the mapping; `calib.routing.chain(steps, mapping=…)` applies it")
