"""A year of the digit reader, watched month by month by the real flows."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from calib.app import App
from calib.client import MappingClient
from calib.cycle import PRODUCTION, evaluate_open, open_due
from calib.demo.digits import DigitReader, DigitReadings
from calib.demo.people import Reviewers
from calib.errors import InvalidInput
from calib.init import flows_folder
from calib.json_object import Json
from calib.measure import group_means, strata
from calib.period import Period, periods
from calib.results import WindowResult
from calib.results.demo import DemoWindow, DemoYear, Truth

STREAM = "digit-reader"
FIRST, LAST, CHANGED = "2025-11", "2026-10", "2026-07"
ROWS = 4_000  # predictions a month
LABELS = 500
SETTINGS = """\
# What the demo watches; every key is explained in docs/reference/settings.md.
database = "sqlite:///calib.db"
store = "file:mappings"

[notify]
terminal = true

[streams.digit-reader]
traffic = "parquet:traffic/*.parquet"
columns = { id = "prediction_id", ts = "ts", confidence = "raw_confidence", served = "served", \
mapping = "mapping", context = ["image", "answer"] }
scope = { model = "digit-reader-1", score = "token_probability" }
review = { kind = "builtin" }
labels = 500
period = "month"
settle_hours = 0
threshold = 0.90
false_alarms_per_year = 0.2
"""


class DemoSteps(Protocol):
    """How the demo runs the cycle: through Prefect, or directly."""

    def open_windows(self, config: Path, now: datetime) -> None: ...
    def evaluate_windows(self, config: Path, now: datetime) -> list[WindowResult]: ...
    def relay(self, config: Path, now: datetime) -> None: ...


class PrefectFlows:
    """The flows as `calib init` copies them, in a temporary Prefect server of this process's own."""

    def __init__(self) -> None:
        os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        os.environ.setdefault("DO_NOT_TRACK", "1")
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
        os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
        logging.getLogger("prefect").setLevel(logging.ERROR)
        self._open_windows = _flow("open_windows")
        self._evaluate_windows = _flow("evaluate_windows")
        self._relay = _flow("relay")

    def open_windows(self, config: Path, now: datetime) -> None:
        self._open_windows(config=str(config), now=now)

    def evaluate_windows(self, config: Path, now: datetime) -> list[WindowResult]:
        windows: list[Json] = self._evaluate_windows(config=str(config), now=now)
        return [WindowResult.from_json(window) for window in windows]

    def relay(self, config: Path, now: datetime) -> None:
        self._relay(config=str(config), now=now)


def _flow(name: str) -> Callable[..., Any]:
    """A flow as a worker loads it: by Prefect, from its file."""
    from prefect.flows import load_flow_from_entrypoint

    loaded: Callable[..., Any] = load_flow_from_entrypoint(
        f"{flows_folder() / name}.py:{name}", use_placeholder_flow=False
    )
    return loaded


class Directly:
    """The same without Prefect: the cycle is plain functions."""

    def open_windows(self, config: Path, now: datetime) -> None:
        opened = App.open(config, now=lambda: now)
        open_due(opened.watch(STREAM), opened.ports(STREAM))

    def evaluate_windows(self, config: Path, now: datetime) -> list[WindowResult]:
        opened = App.open(config, now=lambda: now)
        return evaluate_open(opened.watch(STREAM), opened.ports(STREAM))

    def relay(self, config: Path, now: datetime) -> None:
        opened = App.open(config, now=lambda: now)
        opened.deliver()


def run_year(
    into: Path,
    *,
    seed: int,
    steps: DemoSteps,
    heard: Callable[[DemoWindow], None] | None = None,
) -> list[DemoWindow]:
    """Make each month's traffic, serve it through the client, let the cycle watch it.

    Returns the twelve windows as `calib run --json` shows them, each with `true`: the ECEs over every row of
    the month, which only the demo can know. `heard` is called with each as it is done.
    """
    _prepare(into)
    config = into / "calib.toml"
    reader = DigitReader(np.random.default_rng([seed, 0]))
    clock = _Clock()
    windows = []
    with MappingClient(
        f"file:{into / 'mappings'}",
        stream=STREAM,
        scope={"model": "digit-reader-1"},
        cache=into / "client-cache",
        background=False,
        now=clock,
    ) as client:
        for number, period in enumerate(periods(Period.parse(FIRST, "month"), Period.parse(LAST, "month"))):
            start, end = period.interval("UTC")
            clock.moment = start
            client.refresh_now()
            rng = np.random.default_rng([seed, 1, number])
            reading = reader.read(ROWS, rng, slipped=period.name >= CHANGED)
            served = client.calibrate(reading.confidence)
            outcomes = _write(into, period.name, start, end, reading, served.value, served.mapping, rng)

            steps.open_windows(config, end)
            Reviewers(config, outcomes).label_everything(STREAM, at=end)
            window = steps.evaluate_windows(config, end)[0]
            steps.relay(config, end)
            truth = Truth(
                raw_ece=true_ece(reading.confidence, reading.correct),
                served_ece=true_ece(served.value, reading.correct),
            )
            month = DemoWindow.of(window, true=truth, delivered=_delivered(config, period.name))
            windows.append(month)
            if heard is not None:
                heard(month)
    return windows


def _delivered(config: Path, period: str) -> list[str]:
    """The ids of the month's alerts that were delivered."""
    from calib.outbox import queue

    with App.open(config).engine.connect() as conn:
        alerts = queue.of_window(conn, STREAM, period)
    return [alert["id"] for alert in alerts if alert["delivered"]]


def true_ece(scores: Any, correct: Any) -> float:
    """The ECE over a whole population, in the strata of its own scores: no sampling, no interval."""
    values, answers = np.asarray(scores, dtype=float), np.asarray(correct, dtype=float)
    groups = strata(values)
    group, unit_weights = groups.assign(values), np.ones(len(values))
    gaps = group_means(group, answers - values, unit_weights, len(groups))
    return float(np.bincount(group, minlength=len(groups)) @ np.abs(gaps) / len(values))


class _Clock:
    """The demo's time: it lives in the year that it watches."""

    def __init__(self) -> None:
        self.moment = datetime.fromisoformat("2025-11-01T00:00:00+00:00")

    def __call__(self) -> datetime:
        return self.moment


def _prepare(into: Path) -> None:
    """An empty folder; one with anything else than an earlier demo in it is refused."""
    if into.exists() and any(into.iterdir()):
        if not (into / "calib.toml").is_file() or STREAM not in (into / "calib.toml").read_text():
            raise InvalidInput(
                f"{into} holds something else than an earlier demo; name another folder with --into"
            )
        shutil.rmtree(into)
    (into / "traffic").mkdir(parents=True)
    (into / "calib.toml").write_text(SETTINGS, encoding="utf-8")


def _write(
    into: Path,
    period: str,
    start: datetime,
    end: datetime,
    reading: DigitReadings,
    served: Any,
    mapping: str | None,
    rng: np.random.Generator,
) -> dict[str, bool]:
    """The month's traffic as production logs it; what was right stays with the reviewers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = len(reading.confidence)
    seconds = np.sort(rng.integers(0, int((end - start).total_seconds()), n))
    ids = [f"{period}-{i:05d}" for i in range(n)]
    table = pa.table(
        {
            "prediction_id": ids,
            "ts": pa.array([start + timedelta(seconds=int(s)) for s in seconds], pa.timestamp("us", "UTC")),
            "raw_confidence": reading.confidence,
            "served": np.asarray(served, dtype=float),
            "mapping": pa.array([mapping] * n, pa.string()),
            "image": [f"digit {image}" for image in reading.image],
            "answer": [f"this is a {answer}" for answer in reading.answer],
        }
    )
    pq.write_table(table, into / "traffic" / f"{period}.parquet")
    return dict(zip(ids, reading.correct.tolist(), strict=True))


def summarise(into: Path, windows: list[DemoWindow]) -> DemoYear:
    """Draw the year, write the reports and summary.json; returns what that holds."""
    from calib.cycle.reporting import closed_months
    from calib.report import figures
    from calib.report.page import fleet_page, report_page

    opened = App.open(into / "calib.toml")
    with opened.engine.connect() as conn:
        _, over = Period.parse(LAST, "month").interval("UTC")  # the demo's time, whatever day it is today
        months = closed_months(conn, STREAM, now=over)
    report, fleet, picture = into / "report.html", into / "fleet.html", into / "months.png"
    report.write_text(report_page(months), encoding="utf-8")
    fleet.write_text(fleet_page({STREAM: months}), encoding="utf-8")
    data = figures.prepare_months(
        windows,
        title=f"{STREAM}: is the stated confidence true? The camera slips in {CHANGED}",
        truth={
            "raw": [window.true.raw_ece for window in windows],
            "served": [window.true.served_ece for window in windows],
        },
    )
    figures.write_png(figures.months_figure(data, figures.LIGHT), picture)
    year = DemoYear(
        changed_at=CHANGED,
        windows=tuple(windows),
        report=str(report),
        fleet=str(fleet),
        picture=str(picture),
        store=str(into / "mappings"),
    )
    text = json.dumps(year.to_json(), indent=1, allow_nan=False)
    (into / "summary.json").write_text(text + "\n", encoding="utf-8")
    return year


__all__ = ["CHANGED", "FIRST", "LAST", "PRODUCTION", "Directly", "PrefectFlows", "run_year", "summarise"]
