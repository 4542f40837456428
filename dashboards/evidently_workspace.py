"""Brings the periods of every stream into a workspace of Evidently: a project with a dashboard for each.

    python dashboards/evidently_workspace.py --config calib.toml --workspace workspace
    DO_NOT_TRACK=1 evidently ui --workspace workspace

Run it again after each period: what is there already stays as it is. dashboards/README.md says what it shows.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("DO_NOT_TRACK", "1")  # before Evidently is imported: it would report that it is used

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from evidently.sdk.models import PanelMetric
from evidently.sdk.panels import counter_panel, line_plot_panel
from evidently.ui.workspace import Project, Workspace

from calib.app import App
from calib.cycle.evaluation import stored_result
from calib.cycle.load import load_window
from calib.db import windows
from calib.db.windows import Window
from calib.errors import CalibError
from calib.evidently_metrics import WINDOW, ReliabilityDiagram, WindowNumber
from calib.measure.sample import Sample
from calib.redaction import redacted
from calib.results import WindowResult

KEY = "calibwatch"  # in a run's metadata: stream/period/revision/what
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


@dataclass(frozen=True, slots=True)
class Added:
    """What one call brought in: how many runs, of how many streams."""

    runs: int
    streams: int


def add_all(app: App, workspace: Workspace) -> Added:
    """Add every evaluated period that stands and is not there yet."""
    projects = {project.name: project for project in workspace.list_projects()}
    runs = 0
    for stream in app.settings.streams:
        project = projects.get(stream) or _new_project(workspace, stream)
        present = _keys(workspace, project)
        for window in _evaluated(app, stream):
            for run in _runs(app, window, present):
                workspace.add_run(project.id, run, include_data=False)
                runs += 1
    return Added(runs, len(app.settings.streams))


def _new_project(workspace: Workspace, stream: str) -> Project:
    project = workspace.create_project(stream, description=f"calibwatch: the periods of {stream}")
    served = [PanelMetric(legend="served ECE", metric="WindowNumber", metric_labels={"number": "served_ece"})]
    project.dashboard.add_panel(counter_panel("Served ECE of the latest period", served, size="half"))
    for title, says, numbers in PANELS:
        values = [
            PanelMetric(legend=name.replace("_", " "), metric="WindowNumber", metric_labels={"number": name})
            for name in numbers
        ]
        project.dashboard.add_panel(line_plot_panel(title, values, description=says, size="half"))
    drift = [PanelMetric(legend="raw confidence", metric="ValueDrift", metric_labels={"column": "raw"})]
    says = "Of the sample against the baseline's."
    project.dashboard.add_panel(line_plot_panel("Drift of the confidence", drift, description=says))
    return project


def _keys(workspace: Workspace, project: Project) -> set[str]:
    runs = (workspace.get_run(project.id, id_) for id_ in workspace.list_runs(project.id))
    return {str(run.metadata.get(KEY)) for run in runs if run is not None}


def _evaluated(app: App, stream: str) -> list[Window]:
    with app.reading.connect() as conn:
        known = windows.of_stream(conn, stream)
    return [window for window in known if window.standing and window.result is not None]


def _runs(app: App, window: Window, present: set[str]) -> Iterator[Any]:
    """The runs of a period that are not there: its numbers, and its sample against the baseline's."""
    key = f"{window.stream}/{window.period}/r{window.revision}"
    if {f"{key}/numbers", f"{key}/drift"} <= present:
        return
    result = stored_result(window)
    data = load_window(window, engine=app.engine, store=app.store)
    if not len(data.sample):
        return
    rows = _frame(data.sample).assign(served=data.cohort.served[data.cohort.labelled])
    if f"{key}/numbers" not in present:
        metrics: list[Any] = [WindowNumber(number=name) for name in numbers(result)]
        metrics += [ReliabilityDiagram(confidence=kind, weight="weight") for kind in ("raw", "served")]
        yield Report(metrics).run(
            _dataset(rows),
            additional_data={WINDOW: Dataset.from_pandas(pd.DataFrame([numbers(result)]))},
            timestamp=window.ends_at,
            metadata={KEY: f"{key}/numbers"},
            tags=["numbers", result.change.state or result.state],
            name=f"{window.period} numbers",
        )
    if f"{key}/drift" not in present and data.baselines is not None:
        before = _frame(data.baselines.pooled)
        columns = ["raw", *(["segment"] if rows["segment"].notna().any() else [])]
        yield Report([ValueDrift(column=name) for name in columns]).run(
            _dataset(as_population(rows)),
            _dataset(as_population(before)),
            timestamp=window.ends_at,
            metadata={KEY: f"{key}/drift"},
            tags=["drift"],
            name=f"{window.period} drift",
        )


def numbers(result: WindowResult) -> dict[str, float]:
    """The numbers of a period by name, as `calib run --json` shows them; without those that are not known."""
    threshold = None if result.pictures is None else result.pictures.threshold
    named = {
        "raw_ece": result.raw.ece,
        "served_ece": result.served.ece,
        "served_ece_low": result.served.low,
        "served_ece_high": result.served.high,
        "accuracy": result.raw.accuracy,
        "threshold_share": None if threshold is None else threshold.served.share,
        "p": result.change.p,
        "minimum_detectable_rise": result.change.minimum_detectable_rise,
    }
    return {name: float(value) for name, value in named.items() if value is not None}


def as_population(rows: pd.DataFrame) -> pd.DataFrame:
    """As many rows, each repeated as often as its weight says, in equal steps along the summed weights.

    The steps go along the confidence, so that its distribution is that of the population. Evidently's drift
    methods know no weights: they take the rows for independent ones, although some are repeated.
    """
    rows = rows.sort_values("raw", kind="stable")
    summed = np.cumsum(rows["weight"].to_numpy())
    steps = (np.arange(len(rows)) + 0.5) / len(rows) * summed[-1]
    return rows.iloc[np.searchsorted(summed, steps)].reset_index(drop=True)


def _frame(sample: Sample) -> pd.DataFrame:
    columns = {"raw": sample.scores, "correct": sample.correct, "weight": sample.weights}
    return pd.DataFrame(columns | {"segment": sample.segments})


def _dataset(rows: pd.DataFrame) -> Dataset:
    numerical = [name for name in ("raw", "served", "correct", "weight") if name in rows]
    definition = DataDefinition(numerical_columns=numerical, categorical_columns=["segment"])
    return Dataset.from_pandas(rows, data_definition=definition)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, default=Path("calib.toml"))
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    asked = parser.parse_args(arguments)
    try:
        added = add_all(App.open(asked.config), Workspace.create(str(asked.workspace)))
    except CalibError as error:
        sys.stderr.write(f"{redacted(str(error))}\n")
        return 2
    sys.stdout.write(f"{added.runs} runs of {added.streams} streams were added to {asked.workspace}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
