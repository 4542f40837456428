"""The `calib` command: thin verbs over the parts. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; every error ends in one sentence and an exit code, never in a traceback."""
    from calib.cli import exit_codes, logs
    from calib.cli.extras import missing_extra
    from calib.cli.output import fail, refuse
    from calib.errors import InvalidInput

    # Fits have two or three parameters: threads of the linear algebra would only wait for one another.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = sys.argv[1:]
    as_json = "--json" in arguments
    try:
        logs.set_up(os.environ.get(logs.VARIABLE))
    except InvalidInput as error:
        fail(error, as_json=as_json)
    if (extra := missing_extra(arguments)) is not None:
        refuse(f"pip install 'calibwatch[{extra}]' is needed for this command", as_json=as_json)
    from calib.cli.app import command
    from calib.cli.arguments import run

    try:
        run(command(), as_json=as_json)
        sys.stdout.flush()  # else a full disk is noticed too late to be said
    except (KeyboardInterrupt, BrokenPipeError):
        raise SystemExit(exit_codes.INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001  the last resort of a command line
        fail(error, as_json=as_json)
