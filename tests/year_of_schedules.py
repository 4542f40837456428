"""A year of daily schedules over many streams on a manual clock, with everything failing at random."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
from sqlalchemy import Connection
from stream_life import Row, RowsInMemory
from window_values import LEVELS, POLICY, SHARES

from calib import cycle
from calib.cycle.stream import StreamPolicy
from calib.db import jobs, tables, windows
from calib.db.engine import open_engine
from calib.errors import SourceError
from calib.outbox.place import Place
from calib.outbox.relay import relay
from calib.period import Period
from calib.review import queue
from calib.testing.clock import ManualClock
from calib.testing.crash import Crash, CrashAt
from calib.testing.slack import FakeSlack, broken, limited, lost
from calib.testing.store import FaultyStore

START = datetime(2026, 1, 2, tzinfo=UTC)
MONTHS = ["2025-12", *(f"2026-{month:02d}" for month in range(1, 12))]
ROWS, LABELS = 220, 110
BY_PEOPLE = 5  # every fifth stream is labelled by people, over three days


@dataclass
class Stream:
    """One stream: its policy, its traffic, and whether its labels arrive by themselves.

    `worse_from`: the month from which on the model is much more wrong; None: never. Until then the accuracy
    at each stated confidence is the same all year, so that every alarm is a false one.
    """

    name: str
    number: int
    by_people: bool
    worse_from: str | None = None
    traffic: RowsInMemory = field(default_factory=RowsInMemory)

    @property
    def policy(self) -> StreamPolicy:
        review = "builtin" if self.by_people else "outcomes"
        mine = {"stream": self.name, "seed": self.name, "labels": LABELS, "double_review": 0.0}
        return replace(POLICY, **mine, review=review, outcomes=not self.by_people)  # type: ignore[arg-type]

    def write(self, period: str) -> None:
        """The month's predictions, with their outcomes where these arrive by themselves."""
        rng = np.random.default_rng([self.number, int(period.replace("-", ""))])
        raw = rng.choice(LEVELS, ROWS, p=SHARES)
        worse = self.worse_from is not None and period >= self.worse_from
        right = rng.random(ROWS) < raw - (0.45 if worse else 0.12)
        start, _ = Period.named(period).interval("UTC")
        rows = [
            Row(f"{period}-{i}", start + i * timedelta(days=27) / ROWS, float(raw[i]), bool(right[i]))
            for i in range(ROWS)
        ]
        self.traffic.rows = [*self.traffic.rows[-2 * ROWS :], *rows]
        if not self.by_people:
            self.traffic.known |= {row.id: row.right for row in rows}


class Year:
    """A deployment with its schedules; `run` lets the year pass, `happened` counts what went wrong."""

    def __init__(
        self, streams: int, *, seed: int, worse: dict[int, str], slack: FakeSlack, place: Place
    ) -> None:
        self.random, self.happened = Random(seed), Counter[str]()
        self.clock, self.store, self.crash = ManualClock(START), FaultyStore(), CrashAt(0, "before")
        self.slack, self.place = slack, place
        self.database_is_gone = self.store_is_down = (START, START)
        name = f"file:year{id(self)}?mode=memory&cache=shared"
        self.keeper = sqlite3.connect(
            name, uri=True
        )  # the database lives for as long as somebody has it open
        engine = open_engine(f"sqlite:///{name}&uri=true")
        tables.metadata.create_all(engine)
        self.engine = self.crash.engine(engine)
        connect = engine.connect

        def answered() -> Connection:
            self._database_answers()
            return connect()

        engine.connect = answered  # type: ignore[method-assign]
        self.streams = [
            Stream(f"stream-{i:02}", i, i % BY_PEOPLE == 0, worse_from=worse.get(i)) for i in range(streams)
        ]

    def close(self) -> None:
        self.engine.dispose()
        self.keeper.close()

    def ports(self, stream: Stream) -> cycle.Ports:
        traffic: Any = stream.traffic
        store = self.crash.store(self.store)
        return cycle.Ports(engine=self.engine, store=store, traffic=traffic, now=self.clock.now)

    def deployment(self) -> cycle.Deployment:
        store = self.crash.store(self.store)
        return cycle.Deployment(
            engine=self.engine, store=store, store_name="memory:", streams=True, probes={}
        )

    def run(self, days: int = 365) -> None:
        """Let the days pass; the traffic of a month is there when the next one begins."""
        written = 0
        for day in range(days):
            midnight = START + timedelta(days=day)
            while written < len(MONTHS) and MONTHS[written] < f"{midnight:%Y-%m}":
                for stream in self.streams:
                    stream.write(MONTHS[written])
                written += 1
            self._misfortune(midnight)
            for hour, name, job in (
                (6.25, "sample", self._sample),
                (6.75, "evaluate", self._evaluate),
                (7.0, "relay", self._relay),
                (9.0, "", self._people_label),
                (9.5, "watchdog", self._watchdog),
                (9.75, "relay", self._relay),
                (10.0, "erase", self._erase),
                (18.0, "relay", self._relay),
            ):
                at = midnight + timedelta(hours=hour)
                self.clock.pass_by(seconds=max(0.0, (at - self.clock.now()).total_seconds()))
                self._scheduled(name, job)
        self._calm()
        for _ in range(3):
            self.clock.pass_by(hours=2)
            self._scheduled("evaluate", self._evaluate)
            self._scheduled("relay", self._relay)

    # --- what goes wrong

    def _misfortune(self, midnight: datetime) -> None:
        """What the day has in store: nothing, one thing or several. The day after a bad one is calm.

        So whatever is missed is made up for within a day, before the watchdog may raise an alarm.
        """
        self._calm()
        chance = self.random.random
        if midnight.toordinal() % 2:
            return
        if chance() < 0.5:
            self.crash.again(self.random.randint(1, 60), self.random.choice(["before", "after"]))
        if chance() < 0.1:
            self.database_is_gone = self._an_hour(midnight)
        if chance() < 0.1:
            self.store_is_down = self._an_hour(midnight)
        if chance() < 0.5:
            self.store.faults.extend(self.random.choices(["lost", "unavailable", "unknown"], k=2))
        if chance() < 0.5:
            faults = [limited(self.random.randint(1, 900)), lost(), lost(accepted=False), broken(503)]
            kind = self.random.randrange(len(faults))
            self.slack.fail("chat.postMessage", faults[kind])
            self.happened[f"slack {('429', 'lost after', 'lost before', '503')[kind]}"] += 1

    def _an_hour(self, midnight: datetime) -> tuple[datetime, datetime]:
        start = midnight + timedelta(hours=self.random.choice([6, 6, 9, 17.5]))
        return start, start + timedelta(hours=1)

    def _calm(self) -> None:
        self.crash.again(0, "before")
        self.store.faults.clear()

    def _database_answers(self) -> None:
        start, end = self.database_is_gone
        if start <= self.clock.now() < end:
            raise SourceError("the database is gone")

    def _scheduled(self, name: str, job: Callable[[], None]) -> None:
        """A job as a scheduler runs it: where its process dies or the database is gone, it just ends."""
        start, end = self.store_is_down
        self.store.down = start <= self.clock.now() < end
        self.happened["store down"] += self.store.down
        try:
            job()
            if name:
                with self.engine.begin() as conn:
                    jobs.ran(conn, name, at=self.clock.now())
        except Crash:
            self.happened[f"killed in {name}"] += 1
        except SourceError:
            self.happened[f"{name} without a database"] += 1

    # --- the jobs

    def _each(self, verb: str, work: Callable[[Stream], list[Any]]) -> None:
        by_name = {stream.name: stream for stream in self.streams}

        def failed(name: str, error: Exception) -> None:
            self.happened[f"{verb} failed"] += 1
            cycle.record_failure(self.engine, name, error, now=self.clock.now(), verb=verb)

        cycle.each(by_name, lambda name: work(by_name[name]), failed=failed)

    def _sample(self) -> None:
        self._each("sample", lambda one: [cycle.open_due(one.policy, self.ports(one))])

    def _evaluate(self) -> None:
        self._each("evaluate", lambda one: cycle.evaluate_open(one.policy, self.ports(one)))

    def _watchdog(self) -> None:
        self._each("watchdog", lambda one: cycle.watch_over(one.policy, self.ports(one)))
        with suppress(cycle.PartlyDone):
            cycle.watch_deployment(self.deployment(), now=self.clock.now)

    def _relay(self) -> None:
        report = relay(self.engine, [self.place], now=self.clock.now, sleep=self.clock.sleep)
        self.happened["alert put off"] += report.retried

    def _erase(self) -> None:
        kept = {stream.name: stream.policy.keep_context for stream in self.streams}
        cycle.erase_texts(self.engine, cycle.Retention(contexts=kept, replies={}), now=self.clock.now())

    def _people_label(self) -> None:
        """A third of each open cohort a day; what a bad day swallowed is answered on the next one."""
        for stream in self.streams:
            if not stream.by_people:
                continue
            truth = {row.id: row.right for row in stream.traffic.rows}
            with self.engine.begin() as conn:
                for window in windows.unfinished(conn, stream.name):
                    if not window.waits:
                        continue
                    day = (self.clock.now() - window.opened_at).days
                    items = sorted(queue.items_of(conn, window.id).items())
                    part = items[: (day + 1) * len(items) // 3]
                    answers = [
                        queue.Answer(
                            item_id=item,
                            answer="correct" if truth[id_] else "incorrect",
                            by="ana",
                            at=self.clock.now(),
                        )
                        for id_, item in part
                    ]
                    queue.label_all(conn, answers, source="file")
