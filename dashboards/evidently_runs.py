"""The runs of a period for Evidently: its numbers, the drift of what the database holds, that of columns."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from sqlalchemy import func, select

from calib.app import App
from calib.connections import traffic
from calib.cycle.baseline import Baseline
from calib.cycle.clustering import Clustering
from calib.cycle.cohort_sample import cohort_sample
from calib.cycle.evaluation import stored_result
from calib.db import tables, windows
from calib.db.windows import Window
from calib.errors import InvalidInput
from calib.evidently_metrics import WINDOW, ColumnDrift, NotCompared, ReliabilityDiagram, WindowNumber
from calib.evidently_metrics.drift import comparable, values_of
from calib.results import WindowResult
from calib.review import queue
from calib.review.cohort import Cohort
from calib.traffic import Interval

KEY, COLUMNS = (
    "calibwatch",
    "drift of columns",
)  # in a run's metadata: stream/period/revision/what, and which columns
WEIGHT, STRATUM = "calibwatch weight", "calibwatch stratum"  # beside columns of the traffic, of any name
WINDOWS_KEPT = 8  # in memory: a baseline has six


@dataclass(frozen=True, slots=True)
class Present:
    """The key of a run that is in the workspace, and the columns of the traffic that it was made with."""

    key: str
    columns: tuple[str, ...] = ()


class StreamRuns:
    """Makes the runs of one stream's periods; each window's rows are read once for all that need them."""

    def __init__(self, app: App, stream: str) -> None:
        settings = app.settings.stream(stream)
        self._app, self._stream, self._columns = app, stream, settings.columns.drift
        self._segment, self._judge = settings.columns.segment or "segment", settings.columns.judge or "judge"
        self._of_database = ("raw confidence", "served confidence", self._judge, self._segment)
        self._traffic = traffic(stream, settings, app.settings.folder)
        self.lost: list[str] = []
        self._cohort = lru_cache(WINDOWS_KEPT)(self._read_cohort)
        self._of_traffic = lru_cache(WINDOWS_KEPT)(self._read_traffic)

    def evaluated(self) -> list[Window]:
        """The periods that stand and have a result, oldest first."""
        with self._app.reading.connect() as conn:
            known = windows.of_stream(conn, self._stream)
        return [window for window in known if window.standing and window.result is not None]

    def of_database(self, window: Window, present: Collection[Present]) -> Iterator[Any]:
        """Those runs that the database is enough for, as far as they are not there: numbers, and drift."""
        keys, key = {run.key for run in present}, _key(window)
        if f"{key}/numbers" not in keys and (numbers_run := self._numbers(window)) is not None:
            yield numbers_run
        if f"{key}/drift" in keys or not (before := self._baseline(window)):
            return
        now, earlier = self._rows(window), pd.concat([self._rows(each) for each in before])
        names = [
            name for name in self._of_database if now[name].notna().any() and earlier[name].notna().any()
        ]
        if names:
            yield _drift_run(window, "drift", names, now, earlier, notes=[])

    def of_traffic(self, window: Window, present: Collection[Present]) -> Any:
        """The run of the columns that the settings name, as far as they are not there; None for nothing.

        Where the traffic holds no row of the sample, or of the baseline's, any more, the period goes to
        `lost`. Raises what the traffic raises.
        """
        key = f"{_key(window)}/{COLUMNS}"
        done = {name for run in present if run.key == key for name in run.columns}
        names = [name for name in self._columns if name not in done]
        before = self._baseline(window) if names else []
        if not before:
            return None
        now, earlier = self._with_columns([window]), self._with_columns(before)
        if not len(now) or not len(earlier):
            self.lost.append(f"{window.stream} {window.period}")
            return None
        drawn = {
            "the sample": (now, [window]),
            "the baseline's samples": (earlier, before),
        }
        notes = []
        for what, (rows, of) in drawn.items():
            total = sum(len(self._rows(each)) for each in of)
            if gone := total - len(rows):
                notes.append(f"{gone:,} of {total:,} rows of {what} are not in the traffic any more")
        return _drift_run(window, COLUMNS, names, now, earlier, notes=notes)

    def _numbers(self, window: Window) -> Any:
        cohort, result = self._cohort(window.id), stored_result(window)
        if not cohort.labelled.any():
            return None
        unclustered = Clustering(
            source="none", clusters=(None,) * int(cohort.labelled.sum()), code="clusters_none"
        )
        sample = cohort_sample(cohort, window.period, unclustered)  # its points and bins know no clusters
        rows = pd.DataFrame(
            {
                "raw": sample.scores,
                "served": cohort.served[cohort.labelled],
                "correct": sample.correct,
                "weight": sample.weights,
            }
        )
        metrics: list[Any] = [WindowNumber(number=name) for name in numbers(result)]
        metrics += [ReliabilityDiagram(confidence=kind, weight="weight") for kind in ("raw", "served")]
        return Report(metrics).run(
            _dataset(rows),
            additional_data={WINDOW: Dataset.from_pandas(pd.DataFrame([numbers(result)]))},
            timestamp=window.ends_at,
            metadata={KEY: f"{_key(window)}/numbers"},
            tags=["numbers", result.change.state or result.state],
            name=f"{window.period} numbers",
        )

    def _baseline(self, window: Window) -> list[Window]:
        """The windows whose labels the period was compared with; none where nothing was drawn."""
        ids = Baseline.from_json(window.baseline).pooled if window.baseline else ()
        if not ids or not len(self._cohort(window.id).id):
            return []
        with self._app.reading.connect() as conn:
            known = windows.by_ids(conn, ids)
        return [each for each in known if len(self._cohort(each.id).id)]

    def _rows(self, window: Window) -> pd.DataFrame:
        """All drawn rows, labelled or not; the weights of a window add up to its number of rows."""
        cohort = self._cohort(window.id)
        weights = 1 / cohort.probability
        return pd.DataFrame(
            {
                "raw confidence": cohort.raw,
                "served confidence": cohort.served,
                self._judge: cohort.judge,
                self._segment: np.array(cohort.segment, dtype=object),
                WEIGHT: weights * len(weights) / weights.sum(),
                STRATUM: [f"{window.period} {stratum}" for stratum in cohort.stratum],
            },
            index=list(cohort.id),
        )

    def _with_columns(self, of: Sequence[Window]) -> pd.DataFrame:
        """The rows that the traffic still holds, with its columns in place of the database's own."""
        parts = []
        for window in of:
            values = self._of_traffic(window.id, window.starts_at, window.ends_at)
            rows = self._rows(window)[[WEIGHT, STRATUM]]
            rows = rows[rows.index.isin(list(values))]
            held = {name: [values[id_][name] for id_ in rows.index] for name in self._columns}
            parts.append(rows.assign(**held))
        return pd.concat(parts)

    def _read_cohort(self, window_id: int) -> Cohort:
        with self._app.reading.connect() as conn:
            return queue.cohort(conn, window_id)

    def _read_traffic(self, window_id: int, start: Any, end: Any) -> dict[str, dict[str, str | None]]:
        return self._traffic.drift_values(self._cohort(window_id).id, Interval(start, end))


def count_evaluated(app: App, streams: Sequence[str]) -> int:
    """How many periods of these streams stand and have a result."""
    w = tables.windows
    query = select(func.count()).where(w.c.stream.in_(streams), w.c.standing, w.c.result.is_not(None))
    with app.reading.connect() as conn:
        return int(conn.execute(query).scalar_one())


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


def columns_of(metadata: dict[str, Any]) -> tuple[str, ...]:
    """The columns that a run's metadata name."""
    return tuple(json.loads(metadata.get(COLUMNS, "[]")))


def _drift_run(
    window: Window,
    what: str,
    names: Sequence[str],
    now: pd.DataFrame,
    before: pd.DataFrame,
    *,
    notes: list[str],
) -> Any:
    """One page with the drift of each column, and a note for each that cannot be compared."""
    compared: list[Any] = []
    columns = [WEIGHT, STRATUM]
    for name in names:
        try:
            comparable(values_of(now[name]), values_of(before[name]))
        except InvalidInput as error:
            notes.append(f"{name}: {error}")
            continue
        columns.append(name)
        shown = {"column": name, "weight": WEIGHT, "strata": STRATUM}
        compared += [ColumnDrift(**shown), ColumnDrift(**shown, show="chance")]
    metrics = [*compared, *([NotCompared(notes=notes)] if notes else [])]
    return Report(metrics).run(
        _dataset(now[columns]),
        _dataset(before[columns]),
        timestamp=window.ends_at,
        metadata={KEY: f"{_key(window)}/{what}"}
        | ({COLUMNS: json.dumps(list(names))} if what == COLUMNS else {}),
        tags=["drift", "columns" if what == COLUMNS else "database"],
        name=f"{window.period} {what}",
    )


def _key(window: Window) -> str:
    return f"{window.stream}/{window.period}/r{window.revision}"


def _dataset(rows: pd.DataFrame) -> Dataset:
    return Dataset.from_pandas(rows, data_definition=DataDefinition())
