"""A stream's whole life in memory: traffic, database, store and clock, without a file or a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sqlalchemy import Engine
from window_values import LEVELS, POLICY, SHARES

from calib import cycle
from calib.cycle.stream import StreamPolicy
from calib.db import tables, windows
from calib.db.windows import Window
from calib.measure import GRID, Strata, cell
from calib.outbox import queue as outbox
from calib.period import Period
from calib.results import WindowResult
from calib.review import queue
from calib.sampling import order_key
from calib.store import Entry, history
from calib.testing.clock import ManualClock
from calib.testing.review import database_in_memory
from calib.testing.store import FaultyStore
from calib.traffic import ArrivedLabel, Cells, Draw, Drawn, Interval, Outcomes, Survey

STREAM = "triage"
Accuracy = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """One prediction, and whether it was right."""

    id: str
    ts: datetime
    raw: float
    right: bool
    segment: str | None = None


@dataclass
class RowsInMemory:
    """Traffic as the cycle sees it. `known`: outcomes that have arrived by themselves, by id."""

    rows: list[Row] = field(default_factory=list)
    known: dict[str, bool] = field(default_factory=dict)

    def survey(self, interval: Interval, *, eras: Sequence[datetime] = ()) -> Survey:
        inside = self._inside(interval)
        raw = np.array([row.raw for row in inside])
        cells = cell(raw) if len(raw) else np.zeros(0, dtype=np.int64)
        return Survey(
            population=len(inside),
            rejected={},
            cells=Cells(
                cell=cells,
                era=np.array([sum(row.ts >= era for era in eras) for row in inside], dtype=np.int64),
                mapping=(None,) * len(inside),
                segment=tuple(row.segment for row in inside),
                n=np.ones(len(inside), dtype=np.int64),
                offset_sum=raw - cells / GRID,
                served_sum=None,
            ),
            distinct=True,
        )

    def draw(
        self,
        interval: Interval,
        *,
        strata: Strata,
        allocation: npt.NDArray[np.int64],
        sizes: npt.NDArray[np.int64],
        seed: str,
        period: str,
    ) -> Draw:
        drawn: list[Drawn] = []
        by_stratum: dict[int, list[tuple[str, Row]]] = {}
        for row in self._inside(interval):
            stratum = int(strata.assign(np.array([row.raw]))[0])
            by_stratum.setdefault(stratum, []).append((order_key(seed, period, row.id), row))
        for stratum, rows in sorted(by_stratum.items()):
            wanted = int(min(allocation[stratum], sizes[stratum]))
            drawn += [
                Drawn(
                    id=row.id,
                    ts=row.ts,
                    raw=row.raw,
                    stratum=stratum,
                    order=order,
                    segment=row.segment,
                    inclusion_probability=wanted / int(sizes[stratum]),
                )
                for order, row in sorted(rows, key=lambda one: one[0])[:wanted]
            ]
        return Draw(rows=tuple(drawn), duplicates=np.zeros(len(strata), dtype=np.int64))

    def outcomes(
        self, ids: Iterable[str], interval: Interval, *, known_by: datetime | None = None
    ) -> Outcomes:
        labels = {id_: ArrivedLabel(self.known[id_], None) for id_ in ids if id_ in self.known}
        return Outcomes(labels=labels)

    def _inside(self, interval: Interval) -> list[Row]:
        return [row for row in self.rows if interval.start <= row.ts < interval.end]


class StreamLife:
    """A stream over which time passes; `policy` is what its settings say now."""

    def __init__(self, engine: Engine | None = None, **changed: Any) -> None:
        self.engine = database_in_memory() if engine is None else engine
        self.store = FaultyStore()
        self.traffic = RowsInMemory()
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.policy: StreamPolicy = replace(POLICY, **{"labels": 120} | changed)

    @property
    def ports(self) -> cycle.Ports:
        traffic: Any = self.traffic
        return cycle.Ports(engine=self.engine, store=self.store, traffic=traffic, now=self.clock.now)

    def close(self) -> None:
        self.engine.dispose()

    def write(
        self, period: str, *, n: int = 400, accuracy: Accuracy = lambda raw: raw - 0.2, salt: int = 0
    ) -> None:
        """A month of predictions, the same for the same arguments."""
        rng = np.random.default_rng([salt, int(period.replace("-", ""))])
        raw = rng.choice(LEVELS, n, p=SHARES)
        right = rng.random(n) < np.clip(accuracy(raw), 0, 1)
        start, _ = Period.named(period).interval("UTC")
        self.traffic.rows += [
            Row(f"{period}-{i}", start + i * timedelta(days=27) / n, float(raw[i]), bool(right[i]))
            for i in range(n)
        ]

    def after(self, period: str, *, days: float = 2) -> None:
        """Let it be so many days after the end of a period, if it is not later already."""
        _, end = Period.named(period).interval("UTC")
        passed = (end + timedelta(days=days) - self.clock.now()).total_seconds()
        if passed > 0:
            self.clock.pass_by(seconds=passed)

    def open(self, period: str, *, replay: bool = False, channel: str = "production") -> Window:
        self.after(period)
        return cycle.open_window(
            self.policy, self.ports, Period.named(period), channel=channel, replay=replay
        )

    def advance(self, period: str) -> WindowResult:
        window = cycle.advance(self.window(period), self.ports)
        return cycle.summary(window, self.ports)

    def evaluate(self) -> list[WindowResult]:
        return cycle.evaluate_open(self.policy, self.ports)

    def reopen(self, period: str, reason: str = "to look again") -> Window:
        return cycle.reopen(self.policy, self.ports, Period.named(period), by="ana", reason=reason)

    def discard(self, period: str, reason: str = "a load test") -> list[Window]:
        return cycle.discard(self.engine, STREAM, period, by="ana", reason=reason, now=self.clock.now())

    def window(self, period: str, revision: int | None = None) -> Window:
        with self.engine.connect() as conn:
            found = windows.find(conn, STREAM, period, revision=revision)
        assert found is not None, f"no window of {period}"
        return found

    def summary(self, period: str, revision: int | None = None) -> WindowResult:
        return cycle.summary(self.window(period, revision), self.ports)

    def known(self) -> list[Window]:
        """Every revision of every window, oldest first."""
        with self.engine.connect() as conn:
            return windows.earlier(conn, STREAM, before=datetime(2999, 1, 1, tzinfo=UTC))[::-1]

    def label(
        self,
        period: str,
        share: float = 1.0,
        *,
        by: str = "ana",
        revision: int | None = None,
        wrong: bool = False,
    ) -> list[queue.LabelOutcome]:
        """Answer the first rows of the draw with the truth, or with its opposite."""
        window, truth = self.window(period, revision), {row.id: row.right for row in self.traffic.rows}
        with self.engine.begin() as conn:
            items = sorted(queue.items_of(conn, window.id).items())
            some = items[: round(share * len(items))]
            given = [
                queue.Answer(
                    item_id=item,
                    answer="correct" if truth[id_] is not wrong else "incorrect",
                    by=by,
                    at=self.clock.now(),
                )
                for id_, item in some
            ]
            return queue.label_all(conn, given, source="file")

    def month(self, period: str, **how: Any) -> WindowResult:
        """Predictions, sample, labels and verdict of a month, one after the other."""
        self.write(period, **how)
        self.open(period)
        self.label(period)
        return self.advance(period)

    def log(self, channel: str = "production") -> list[Entry]:
        return history(self.store, stream=STREAM, channel=channel)

    def alerts(self) -> list[tuple[str, int, str]]:
        """Period, revision and kind of all alerts, in the order of their making."""
        t = tables.outbox
        with self.engine.connect() as conn:
            rows = conn.execute(t.select().order_by(t.c.created_at, t.c.kind)).all()
        return [(row.period, row.revision, row.kind) for row in rows]

    def told(self, period: str, revision: int = 1) -> list[str]:
        """The kinds of a window's alerts, but for what reviewers are told of every cohort."""
        with self.engine.connect() as conn:
            alerts = outbox.of_window(conn, STREAM, period, revision=revision)
        return [alert["kind"] for alert in alerts if alert["kind"] != "cohort_opened"]


def quick_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One form of mapping instead of five: the statistics are real, and a tenth of the work."""
    from calib.cycle import refitting

    monkeypatch.setattr(refitting, "FORMS", ("isotonic",))
