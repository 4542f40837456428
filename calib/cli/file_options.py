"""What every verb on files has in common: its options, defined once, and lines on a file that was read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from calib.cli.page import Page
    from calib.tabular.labelled import Reading
    from calib.tabular.roles import Asked
    from calib.wording.file_read import Read


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """How a labelled file is to be read, as the command line was given it.

    A verb that takes one of these gets, by `with_file_options`, an option for each field.
    """

    confidence: Annotated[str | None, typer.Option(help="The column of confidences in [0, 1].")] = None
    correct: Annotated[
        str | None, typer.Option(help="The column of answers, 1 or 0; with --answer, of right answers.")
    ] = None
    prediction: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The predicted class: right where it is the same as `label`."),
    ] = None
    answer: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The model's answer: right where it is what `correct` holds."),
    ] = None
    weight: Annotated[str | None, typer.Option(help="A column of weights; default `weight`.")] = None
    segment: Annotated[
        str | None, typer.Option(help="A column of segments, each shown too; default `segment`.")
    ] = None
    cluster: Annotated[
        str | None,
        typer.Option(help="What rows have in common, as a conversation or a day; default `cluster`."),
    ] = None
    scale: Annotated[float, typer.Option(help="What confidences are out of: 100 for percent.")] = 1.0
    allow_rejected: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="The share of rows that may be unreadable; default 0.05."),
    ] = None

    def asked(self, *, trace: str | None = None, paired_by: str | None = None) -> Asked:
        """The columns that were named, and those of a verb's own."""
        from calib.tabular.roles import Asked

        return Asked(
            confidence=self.confidence,
            correct=self.correct,
            weight=self.weight,
            segment=self.segment,
            cluster=self.cluster,
            prediction=self.prediction,
            answer=self.answer,
            trace=trace,
            paired_by=paired_by,
        )

    @property
    def reading(self) -> Reading:
        """How the rows are read. Raises `InvalidInput` for a scale or a share that is out of range."""
        from calib.tabular.labelled import Reading

        return Reading(scale=self.scale, allow_rejected=self.allow_rejected)


Verb = Callable[..., None]


def with_file_options(*names: str) -> Callable[[Verb], Verb]:
    """Give a verb the options of `FileOptions`, all of them or those of these `names`.

    They take the place of its parameter `files`, which it is called with.
    """
    hints = get_type_hints(FileOptions, include_extras=True)
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(FileOptions)
        if not names or field.name in names
    ]

    def decorate(verb: Verb) -> Verb:
        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(verb, eval_str=True).parameters.values():
            parameters += shared if parameter.name == "files" else [parameter]

        @wraps(verb)
        def with_files(**values: Any) -> None:
            files = FileOptions(**{option.name: values.pop(option.name) for option in shared})
            verb(**values, files=files)

        with_files.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        with_files.__dict__["__signature__"] = inspect.Signature(parameters)
        return with_files

    return decorate


def show_read(page: Page, read: Read) -> None:
    """The columns that are used, and the rows that are not counted."""
    from calib.wording.file_read import columns_words, not_counted_words

    page.row("columns", columns_words(read))
    if words := not_counted_words(read):
        page.row("not counted", words)
