"""What failed on some streams while the others were done: on standard error, in `--json`, as exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from calib.cli import exit_codes, output

if TYPE_CHECKING:
    from calib.app import App
    from calib.cycle import Failure
    from calib.results.work import FailureResult


def results(failures: Sequence[Failure]) -> tuple[FailureResult, ...]:
    """The `failures` of a verb's object; empty where everything was done."""
    from calib.results.work import ErrorResult, FailureResult

    return tuple(
        FailureResult(
            stream=failure.stream,
            period=failure.period,
            error=ErrorResult(**output.error_object(failure.error)),
        )
        for failure in failures
    )


def report(failures: Sequence[Failure]) -> int:
    """Name what failed on standard error, a line each; the worst of the exit codes, 0 where nothing did."""
    worst = exit_codes.DONE
    for failure in failures:
        code, message = output.described(failure.error)
        output.trace(failure.error)
        where = f"{failure.stream} {failure.period}" if failure.period else failure.stream
        sys.stderr.write(f"calib: {where} failed: {output.printable(message)}\n")
        worst = max(worst, code)
    return worst


def record(opened: App, verb: str, failures: Sequence[Failure], *, whole: bool) -> None:
    """Put the alerts about what failed in a run of `verb` into the outbox; see `cycle.record_failures`."""
    from calib import cycle

    cycle.record_failures(opened.engine, failures, now=opened.now, verb=verb, whole=whole)
