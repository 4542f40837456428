"""Brings the periods of every stream into a workspace of Evidently: a project with a dashboard for each.

    python dashboards/evidently_workspace.py --config calib.toml --workspace workspace
    DO_NOT_TRACK=1 evidently ui --workspace workspace --port 8050

Run it again after each period: what is there already stays as it is. dashboards/README.md says what it shows.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")  # before Evidently is imported: it would report that it is used

try:
    from evidently.sdk.models import PanelMetric
    from evidently.sdk.panels import counter_panel, line_plot_panel
    from evidently.ui.storage.local.base import LocalState
    from evidently.ui.workspace import Project, Workspace
    from evidently_runs import KEY, Present, StreamRuns, columns_of, count_evaluated
except ImportError as error:
    sys.stderr.write(f"{error}. Run `pip install 'calibwatch[evidently]'`\n")
    raise SystemExit(2) from None

from calib.app import App
from calib.cli import exit_codes
from calib.cli.progress import progress
from calib.errors import CalibError, InvalidInput
from calib.redaction import redacted

SNAPSHOTS = "snapshots"  # the folder of a project's runs
PORT = 8050  # 8000, Evidently's own, is that of `calib web`
PANELS = (
    (
        "ECE",
        "Raw and served at the end of each period, served with its 95% interval.",
        ("raw_ece", "served_ece", "served_ece_low", "served_ece_high"),
    ),
    (
        "Accuracy, and the share at the threshold",
        "Of the period's predictions.",
        ("accuracy", "threshold_share"),
    ),
    (
        "Change test",
        "p, and the smallest rise that the period would have shown with 80% power.",
        ("p", "minimum_detectable_rise"),
    ),
)
DRIFT = (
    (
        "Drift of confidence and segments",
        "Distance of the sample from the baseline's, with weights.",
        "distance",
        "database",
    ),
    (
        "Drift of columns",
        "Distance of the sample from the baseline's, with weights. Hold it against the next panel.",
        "distance",
        "columns",
    ),
    (
        "Drift of columns that chance alone makes",
        "The distance that 95% of samples without any change stay below.",
        "chance",
        "columns",
    ),
)
EPILOG = """\
The first time all evaluated periods are added, then those that are new. Columns of the traffic are compared
where `columns.drift` of a stream names them; they are read from the traffic, so run this while it is there.
Afterwards look at the pages: DO_NOT_TRACK=1 evidently ui --workspace workspace --port 8050

Exit codes: 0 done, 2 bad input or settings, 4 the database or the traffic failed (the rest was added).

Examples:
  python dashboards/evidently_workspace.py
  python dashboards/evidently_workspace.py --config /srv/calib/calib.toml --workspace /srv/evidently
  python dashboards/evidently_workspace.py --stream support-triage --stream billing
"""


class QuickWorkspace(Workspace):
    """Evidently's own workspace in a folder, for projects, dashboards and runs alone.

    Evidently's reads and checks every run when it is opened, for data sets and the like, which are not needed
    here: with two years of thirty streams that takes longer than everything else. Raises `OSError`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.state = LocalState(path)
        self.state.location.makedirs("")


@dataclass(slots=True)
class Added:
    """What one call brought in: how many runs, of how many evaluated periods that stand.

    `lost`: periods whose columns cannot be compared, for the traffic does not hold their rows any more.
    """

    runs: int = 0
    evaluated: int = 0
    lost: list[str] = field(default_factory=list)
    failures: list[tuple[str, CalibError]] = field(default_factory=list)


def add_all(
    app: App, workspace: Workspace, streams: Sequence[str], *, step: Callable[[str], None] = lambda _: None
) -> Added:
    """Add every evaluated period that stands and is not there yet; a stream that fails keeps no other back.

    `step` is called for each stream and each of its periods, with its name.
    """
    projects = {project.name: project for project in workspace.list_projects()}
    added = Added()
    for stream in streams:
        step(stream)
        project = projects.get(stream) or _new_project(workspace, stream)
        runs = StreamRuns(app, stream)
        try:
            _add_stream(runs, workspace, project, added, step)
        except CalibError as error:
            added.failures.append((stream, error))
        added.lost += runs.lost
    return added


def _add_stream(
    runs: StreamRuns, workspace: Workspace, project: Project, added: Added, step: Callable[[str], None]
) -> None:
    present, evaluated = _present(workspace, project), runs.evaluated()
    for window in evaluated:
        step(f"{project.name} {window.period}")
        added.evaluated += 1
        for run in runs.of_database(window, present):
            workspace.add_run(project.id, run, include_data=False)
            added.runs += 1
    for window in evaluated:  # after what does not need the traffic, which may fail
        step(f"{project.name} {window.period}, columns")
        run = runs.of_traffic(window, present)
        if run is not None:
            workspace.add_run(project.id, run, include_data=False)
            added.runs += 1


def _new_project(workspace: Workspace, stream: str) -> Project:
    project = workspace.create_project(stream, description=f"calibwatch: the periods of {stream}")
    latest = [_number(name) for name in ("served_ece", "served_ece_low", "served_ece_high")]
    says = 'With its 95% interval. Evidently writes "no value" where a number is 0.'
    project.dashboard.add_panel(counter_panel("Served ECE of the latest period", latest, description=says))
    for title, says, names in PANELS:
        values = [_number(name) for name in names]
        project.dashboard.add_panel(line_plot_panel(title, values, description=says, size="half"))
    for (
        title,
        says,
        show,
        tag,
    ) in DRIFT:  # a line for each column that a run has, the ones of later settings too
        each = [
            PanelMetric(
                legend="{{column}}", metric="ColumnDrift", metric_labels={"show": show}, tags=["drift", tag]
            )
        ]
        project.dashboard.add_panel(line_plot_panel(title, each, description=says, size="half"))
    return project


def _number(name: str) -> PanelMetric:
    legend = name.replace("_", " ").replace("ece", "ECE")
    return PanelMetric(legend=legend, metric="WindowNumber", metric_labels={"number": name})


def _present(workspace: Workspace, project: Project) -> set[Present]:
    """The runs that are there, by what we wrote into their metadata: nothing else of them is looked at."""
    present = set()
    for id_ in workspace.list_runs(project.id):
        file = Path(workspace.path) / str(project.id) / SNAPSHOTS / f"{id_}.json"
        try:
            metadata = json.loads(file.read_bytes())["metadata"]
        except (ValueError, KeyError, TypeError):
            raise InvalidInput(
                f"{file} is no run of Evidently, perhaps since its writing was cut off: delete the file, and "
                "run this again"
            ) from None
        if KEY in metadata:
            present.add(Present(metadata[KEY], columns_of(metadata)))
    return present


def _told(added: Added, streams: int, folder: Path) -> int:
    """Say what was done, and the next step; the exit code."""
    for place in added.lost:
        sys.stderr.write(
            f"{place}: columns.drift was not compared: the traffic holds none of the rows any more that were "
            "drawn in this period, or in its baseline\n"
        )
    for stream, error in added.failures:
        message = redacted(str(error))
        sys.stderr.write(f"{message if message.startswith(stream) else f'{stream}: {message}'}\n")
    runs = f"{added.runs} run{'s' * (added.runs != 1)} of {streams} stream{'s' * (streams != 1)}"
    sys.stdout.write(f"Added to {folder}: {runs}\n")
    if added.evaluated:
        beside = Path(sys.executable).with_name("evidently")
        program = "evidently" if shutil.which("evidently") else shlex.quote(str(beside))
        show = f"DO_NOT_TRACK=1 {program} ui --workspace {shlex.quote(str(folder))} --port {PORT}"
        sys.stdout.write(f"Next: {show}\n")
    elif not added.failures:
        sys.stdout.write("Next: no period has been evaluated yet; calib run STREAM --period 2026-10\n")
    return max((exit_codes.of_error(error) for _, error in added.failures), default=exit_codes.DONE)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, default=Path("calib.toml"), help="the settings: ./calib.toml")
    parser.add_argument(
        "--workspace",
        type=Path,
        default=Path("workspace"),
        help="the folder of Evidently's pages, made where it is missing: ./workspace",
    )
    parser.add_argument(
        "--stream", action="append", metavar="STREAM", help="only this stream; may be given more than once"
    )
    asked = parser.parse_args(arguments)
    try:
        app = App.open(asked.config)
        streams = [name for given in asked.stream or [None] for name in app.streams(given)]
        if not app.has_database:
            raise InvalidInput(
                "there is no database yet: `calib run STREAM --period 2026-10` makes it, and watches a period"
            )
        streams = list(dict.fromkeys(streams))
        steps = len(streams) + 2 * count_evaluated(
            app, streams
        )  # where the database is down, nothing is made
        try:
            workspace = QuickWorkspace(str(asked.workspace))
        except OSError as error:
            raise InvalidInput(
                f"--workspace {asked.workspace} cannot be used: {error.strerror}. Name a folder that may be "
                "written"
            ) from None
        with progress("evidently", steps) as step:
            added = add_all(app, workspace, streams, step=step)
    except CalibError as error:
        sys.stderr.write(f"{redacted(str(error))}\n")
        return exit_codes.of_error(error)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    return _told(added, len(streams), asked.workspace)


if __name__ == "__main__":
    raise SystemExit(main())
