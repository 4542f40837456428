"""What to do next in a working folder: commands that work as they are typed."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from calib.app import App
from calib.cycle import latest_due
from calib.errors import CalibError
from calib.period import Period

API = "http://127.0.0.1:4200/api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command with what it does; `command` is None where a file has to be edited."""

    says: str
    command: str | None = None


def try_it(opened: App, stream: str | None, *, folder: Path, cwd: Path) -> list[Step]:
    """The way from the new folder to a first result."""
    calib = program("calib")
    steps = [] if folder == cwd else [Step(says="go to the folder", command=f"cd {shlex.quote(str(folder))}")]
    if stream is None or stream not in opened.settings.streams:
        steps.append(Step(says="name your traffic and its columns in calib.toml"))
        return [*steps, Step(says="try every connection and column", command=f"{calib} check")]
    steps.append(Step(says="try every connection and column", command=f"{calib} check"))
    review = opened.settings.stream(stream).review.kind
    span = _span(opened, stream)
    if span is None:
        return steps
    first, last = span
    if review == "outcomes":
        backfill = f"{calib} backfill {stream} --from {first.name} --to {last.name}"
        return [*steps, Step(says="measure the periods that are over", command=backfill)]
    run = f"{calib} run {stream} --period {last.name}"
    return [
        *steps,
        Step(says="draw the sample of the last period", command=run),
        Step(
            says="label on the page of `calib web`, or write what is to be labelled into a file",
            command=f"{calib} labels export {stream} --to todo.csv",
        ),
        Step(says="fill in its empty column, then read it", command=f"{calib} labels import todo.csv"),
        Step(says="measure, decide and refit", command=run),
    ]


def schedule_it(*, folder: Path, cwd: Path) -> list[Step]:
    """From the folder to runs that start by themselves, by Prefect."""
    prefect = program("prefect")
    steps = [
        Step(
            says="start a Prefect server in a terminal of its own, unless you have one",
            command=f"PREFECT_SERVER_ANALYTICS_ENABLED=false {prefect} server start",
        ),
        Step(says="say where the server is", command=f"export PREFECT_API_URL={API}"),
        Step(
            says="make the work pool, once",
            command=f"{prefect} work-pool create calibwatch --type process",
        ),
        Step(says="deploy the flows", command=f"{prefect} --no-prompt deploy --all"),
        Step(
            says="start a worker, of at most four runs at a time, and leave it running",
            command=f"{prefect} worker start --pool calibwatch --limit 4",
        ),
    ]
    if folder != cwd:
        steps.insert(3, Step(says="go to the folder", command=f"cd {shlex.quote(str(folder))}"))
    return steps


def program(name: str, *, which: Callable[[str], str | None] = shutil.which) -> str:
    """How to call a program that is installed beside this Python: by name if that finds it, else by path."""
    beside = Path(sys.executable).parent / name
    path = which(name)
    if path is not None and (not beside.exists() or Path(path).resolve() == beside.resolve()):
        return name
    return shlex.quote(str(beside)) if beside.exists() else f"{shlex.quote(sys.executable)} -m {name}"


def _span(opened: App, stream: str) -> tuple[Period, Period] | None:
    """The first and the last period with rows that are over; None where there is none."""
    try:
        report = opened.ports(stream).traffic.check()
    except CalibError:
        return None  # `calib check` says why
    if report["first"] is None:
        return None
    watch = opened.watch(stream)
    due = latest_due(watch, opened.now())
    ends = [
        Period.containing(datetime.fromisoformat(report[end]), watch.kind, watch.timezone)
        for end in ("first", "last")
    ]
    first, last = ends[0], min(ends[1], due)
    return (first, last) if first <= last else None
