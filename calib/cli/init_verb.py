"""`calib init`: a working folder to start from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.options import Json

if TYPE_CHECKING:
    from calib.init import Folder
    from calib.init.steps import Step
    from calib.results.setup import InitResult

# Jobs that miss one of these work on another database or store, and no error says so.
DECIDE_WHERE = ("CALIB_DATABASE", "CALIB_SCHEMA", "CALIB_STORE")


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder; default: this one.")] = Path(),
    traffic: Annotated[
        str | None,
        typer.Option(
            "--traffic",
            help="Your predictions: a CSV or Parquet file, or a URL like parquet:traffic/*.parquet. "
            "The meaning of its columns is guessed, and said.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a working folder: settings, Prefect flows with their deployments, a crontab, and the database.

    Writes `calib.toml` with every key explained, `flows/`, `prefect.yaml`, `crontab` and `.gitignore`. A file
    that is there is kept as it is, so calling it again changes nothing. Uses no network. Then it says what to
    do next.

    Example: `calib init calibration --traffic log.csv`
    """
    from calib.init import prepare
    from calib.init.folder import SETTINGS
    from calib.init.steps import schedule_it, try_it
    from calib.redaction import shown
    from calib.scheduled import open_and_migrate
    from calib.settings import load

    cwd = Path.cwd()
    existing = cwd / folder / SETTINGS
    if existing.is_file():
        load(existing)  # settings that cannot be read are said before anything is written
    prepared = prepare(folder, traffic=traffic, cwd=cwd)
    opened = open_and_migrate(str(prepared.path / SETTINGS), None)
    stream = prepared.stream or next(iter(opened.settings.streams), None)
    database = shown(opened.settings.database_url)
    steps = {
        "try": try_it(opened, stream, folder=prepared.path, cwd=cwd),
        "schedule": schedule_it(folder=prepared.path, cwd=cwd),
    }
    if json:
        output.emit(_result(prepared, database, steps).to_json())
    else:
        sys.stdout.write(output.printable(_as_text(prepared, database, steps)))


def _result(prepared: Folder, database: str, steps: dict[str, list[Step]]) -> InitResult:
    from calib.results.setup import InitResult

    guess = prepared.guess
    return InitResult(
        folder=str(prepared.path),
        written=tuple(prepared.written),
        kept=tuple(prepared.kept),
        differs=tuple(prepared.differs),
        database=database,
        stream=prepared.stream,
        traffic=prepared.traffic,
        columns=None if guess is None else guess.columns,
        outcome=None if guess is None else guess.outcome,
        outcome_at=None if guess is None else guess.outcome_at,
        not_found=None if guess is None else tuple(guess.missing),
        next={
            part: tuple(step.command for step in listed if step.command is not None)
            for part, listed in steps.items()
        },
    )


def _as_text(prepared: Folder, database: str, steps: dict[str, list[Step]]) -> str:
    lines = [f"folder: {prepared.path}"]
    lines += [f"  written  {name}" for name in prepared.written]
    for name in prepared.kept:
        differs = name in prepared.differs
        lines.append(f"  kept     {name}" + (" (not what this version writes)" if differs else ""))
    if prepared.differs:
        lines.append("To have a kept file as this version writes it, remove it and call calib init again.")
    lines.append(f"database: {database}, ready")
    if names := [name for name in DECIDE_WHERE if name in os.environ]:
        lines += [
            f"  The environment sets {', '.join(names)}. Set it for the Prefect worker and in the installed "
            "crontab too:",
            "  without it the jobs use what calib.toml says.",
        ]
    if prepared.guess is not None:
        lines += _guessed(prepared)
    lines += ["", "Next, to try it:", *_numbered(steps["try"])]
    lines += ["", "Next, on a schedule with Prefect:", *_numbered(steps["schedule"])]
    lines += ["", "Or with plain cron: add the file `crontab` to your own, as its first lines say."]
    return "\n".join(lines) + "\n"


def _guessed(prepared: Folder) -> list[str]:
    guess = prepared.guess
    assert guess is not None  # noqa: S101  the caller has looked
    if "calib.toml" in prepared.kept:
        return [f"calib.toml was there and is kept: the traffic {prepared.traffic} was not added to it"]
    lines = [
        f"stream {prepared.stream}: guessed from {prepared.traffic}; please check it in calib.toml.",
        "  Rename the stream there before its first run: a renamed stream is a new stream.",
    ]
    for key, column in guess.columns.items():
        shown = ", ".join(column) if isinstance(column, list) else column
        lines.append(f"  columns.{key} = {shown}")
    if guess.outcome is not None:
        lines.append(f"  review.column = {guess.outcome} (labels arrive by themselves)")
        if guess.outcome_at is not None:
            lines.append(f"  review.at = {guess.outcome_at} (when each outcome was known)")
        else:
            lines.append(
                "  review.at: no column looks like it; an outcome counts as known whenever it is there"
            )
    lines += [
        f"  columns.{key}: no column looks like it; write its name into calib.toml" for key in guess.missing
    ]
    return lines


def _numbered(steps: list[Step]) -> list[str]:
    lines = []
    for number, step in enumerate(steps, 1):
        lines.append(f"  {number}. {step.says}")
        lines += [] if step.command is None else [f"       {step.command}"]
    return lines
