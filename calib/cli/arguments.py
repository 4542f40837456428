"""Running the table of verbs, so that a wrong argument too is one JSON object where JSON was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from calib.cli import output
from calib.redaction import redacted


def run(command: Callable[..., Any], *, as_json: bool) -> None:
    """Run the verb that the command line names.

    Raises `SystemExit` with the code of the verb, and what the verb raises.
    """
    if not as_json:
        command(prog_name="calib")
        return
    try:
        code = command(prog_name="calib", standalone_mode=False)
    except Exception as error:
        if not isinstance(error, _wrong_arguments()):
            raise
        wrong: Any = error
        says = redacted(wrong.format_message())
        output.emit({"error": {"kind": "WrongArguments", "message": says, "exit_code": wrong.exit_code}})
        wrong.show()
        raise SystemExit(wrong.exit_code) from None
    if isinstance(code, int):
        raise SystemExit(code)


def _wrong_arguments() -> type[Exception]:
    """What typer raises for a missing argument, an unknown option, an unknown verb: it has no public name."""
    name = "UsageError"
    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == name)
