"""The `calib` command: thin verbs over the parts. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every error ends in one sentence and an exit code, never in a traceback."""
    from calib.cli.app import app
    from calib.cli.output import fail

    as_json = "--json" in sys.argv[1:]
    try:
        app(prog_name="calib")
    except (KeyboardInterrupt, BrokenPipeError):
        raise SystemExit(130) from None
    except Exception as error:  # noqa: BLE001  the last resort of a command line
        fail(error, as_json=as_json)
