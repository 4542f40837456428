"""Two years of thirty streams, made by the product's own functions on a manual clock.

Each month every stream is sampled, labelled, evaluated, refitted and published, and its alerts go to a fake
Slack, as the schedules do it. What people do in such years is among it: they are unsure, or do not answer,
silence and acknowledge alerts, withdraw mappings, and look again at a period.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from stream_life import Row, RowsInMemory
from window_values import LEVELS, SHARES

from calib import cycle
from calib.app import App
from calib.cycle.by_hand import intent_of_a_person, withdraw
from calib.cycle.stream import CANDIDATE, PRODUCTION, StreamPolicy
from calib.db import tables, windows
from calib.errors import SourceError
from calib.outbox import handling, silences
from calib.outbox.relay import relay
from calib.outbox.slack import SlackPlace
from calib.period import Period
from calib.review import queue
from calib.store import head, promote
from calib.testing.clock import ManualClock
from calib.testing.slack import TOKEN, FakeSlack, refused

STREAMS = 30
PERIODS = [f"{2024 + (5 + i) // 12}-{(5 + i) % 12 + 1:02d}" for i in range(24)]
ROWS, LABELS = 200, 100
BY_PEOPLE = 5  # every fifth stream is labelled by people
SEGMENTED = 6  # every sixth stream has segments
WITHOUT_THRESHOLD = 29
# by stream: from which period to which the model is much more wrong, and in which segment alone
WORSE = {
    3: ("2025-02", "2025-04", None),
    10: ("2025-06", "2025-12", None),
    12: ("2025-01", "2025-12", "billing"),
    21: ("2024-12", "2026-02", None),
    26: ("2026-05", "2026-05", None),
}
EMPTY, SCARCE, UNLABELLED = (7, "2025-03"), (8, "2025-08"), (20, "2025-11")  # periods without enough evidence
SILENCED, ACKNOWLEDGED = (3, "2025-02"), (21, "2024-12")
WITHDRAWN, WITHDRAWN_FOR_A_WHILE = (16, "2025-10"), (17, ("2025-03", "2025-06"))
REOPENED = (9, "2025-05")
NEVER_ASKED = 30  # whose last cohort nobody has begun


@dataclass
class FleetStream:
    """One stream and its traffic, which is the same for the same number."""

    number: int
    traffic: RowsInMemory = field(default_factory=RowsInMemory)

    @property
    def name(self) -> str:
        return f"stream-{self.number:02}"

    @property
    def by_people(self) -> bool:
        return self.number % BY_PEOPLE == 0

    @property
    def settings(self) -> str:
        review = '{ kind = "builtin" }' if self.by_people else '{ kind = "outcomes", column = "right" }'
        threshold = "" if self.number == WITHOUT_THRESHOLD else "threshold = 0.8\n"
        return (
            f'[streams.{self.name}]\ntraffic = "csv:traffic.csv"\n'
            f'columns = {{ id = "id", ts = "ts", confidence = "raw" }}\n'
            f"review = {review}\nlabels = {LABELS}\n{threshold}"
        )

    def write(self, period: str) -> None:
        """A month of predictions in the place of those of three months ago."""
        rng = np.random.default_rng([self.number, int(period.replace("-", ""))])
        n = {EMPTY: 0, SCARCE: 12}.get((self.number, period), ROWS + 10 * (self.number % 4))
        raw = rng.choice(LEVELS, n, p=SHARES)
        in_billing = rng.random(n) < 0.5
        first, last, only = WORSE.get(self.number, ("", "", None))
        worse = first <= period <= last and (in_billing if only else np.ones(n, dtype=bool))
        right = rng.random(n) < raw - 0.04 - 0.01 * (self.number % 10) - 0.4 * worse
        start, _ = Period.named(period).interval("UTC")
        segments: list[str | None] = [None] * n
        if self.number % SEGMENTED == 0:
            segments = ["billing" if one else "other" for one in in_billing]
        ids = [f"{period}-{i}" for i in range(n)]
        rows = [
            Row(ids[i], start + i * timedelta(days=27) / n, float(raw[i]), bool(right[i]), segments[i])
            for i in range(n)
        ]
        self.traffic.rows = [*self.traffic.rows[-3 * ROWS :], *rows]
        if not self.by_people:
            self.traffic.known |= {row.id: row.right for row in rows}


class MadeFleet:
    """The deployment; `make` lets the two years pass."""

    def __init__(self, folder: Path, *, database: str, slack: FakeSlack) -> None:
        self.streams = {number: FleetStream(number) for number in range(1, STREAMS + 1)}
        self.clock, self.slack = ManualClock(datetime(2024, 7, 1, tzinfo=UTC)), slack
        self.config = folder / "calib.toml"
        head_lines = f'database = "{database}"\nstore = "file:mappings"\nreports = false\n'
        self.config.write_text("\n".join([head_lines, *(one.settings for one in self.streams.values())]))
        (folder / "traffic.csv").write_text("id,ts,raw,right\n")
        self.app = App.open(self.config, now=self.clock.now)
        self.place = SlackPlace(TOKEN, channel="#ml-calibration", base_url=slack.url)

    @cached_property
    def _ports(self) -> dict[int, cycle.Ports]:
        made = {}
        for number, stream in self.streams.items():
            traffic: Any = stream.traffic
            made[number] = replace(self.app.ports(stream.name), traffic=traffic)
        return made

    @cached_property
    def _policies(self) -> dict[int, StreamPolicy]:
        return {number: self.app.watch(stream.name) for number, stream in self.streams.items()}

    def make(self) -> None:
        """Let the two years pass; at the end the newest cohorts are open, one alert is parked, two wait."""
        for period in PERIODS:
            newest = period == PERIODS[-1]
            for stream in self.streams.values():
                stream.write(period)
            self._after(period, days=2)
            for number in self.streams:
                policy, ports = self._policies[number], self._ports[number]
                cycle.open_window(policy, ports, Period.named(period), channel=PRODUCTION)
            self._after(period, days=4)
            self._label(period, share=0.6)
            self._evaluate()
            self._by_hand(period)
            if newest:
                self.slack.fail("chat.postMessage", refused("msg_too_long"))
            self._relay()
            if not newest:
                self._after(period, days=8)
                self._label(period, share=1.0)
                self._evaluate()
                self._after(period, days=20)
                self._evaluate()
                self._relay()
        for job in ("sample", "evaluate", "relay", "watchdog"):
            self.app.record_run(job)
        broken = SourceError("the traffic cannot be read")
        for stream in ("stream-02", "stream-04"):
            cycle.record_failure(self.app.engine, stream, broken, now=self.clock.now(), verb="sample")

    def _after(self, period: str, *, days: float) -> None:
        _, end = Period.named(period).interval("UTC")
        self.clock.pass_by(seconds=(end + timedelta(days=days, hours=6) - self.clock.now()).total_seconds())

    def _evaluate(self) -> None:
        for number in self.streams:
            cycle.evaluate_open(self._policies[number], self._ports[number])

    def _relay(self) -> None:
        relay(self.app.engine, [self.place], now=self.clock.now, sleep=self.clock.sleep)

    def _label(self, period: str, *, share: float) -> None:
        """People answer the first part of each open cohort; they are unsure of some rows, and leave some."""
        for stream in self.streams.values():
            skipped = (stream.number, period) == UNLABELLED
            skipped |= stream.number == NEVER_ASKED and period == PERIODS[-1]
            if not stream.by_people or skipped:
                continue
            truth = {row.id: row.right for row in stream.traffic.rows}
            some_are_missing = int(period[-2:]) % 3 == 1
            with self.app.engine.begin() as conn:
                for window in windows.unfinished(conn, stream.name):
                    t = tables.items
                    query = select(t.c.prediction_id, t.c.id, t.c.twice).where(t.c.window_id == window.id)
                    rows = conn.execute(query.order_by(t.c.draw_order, t.c.prediction_id)).all()
                    twice = {row.id for row in rows if row.twice}
                    asked = [(row.prediction_id, row.id) for row in rows[: round(share * len(rows))]]
                    answers = list(self._answers(asked, truth, some_are_missing=some_are_missing))
                    queue.label_all(conn, answers, source="review")
                    others = [replace(one, by="bo") for one in answers if one.item_id in twice]
                    queue.label_all(conn, others, source="review")

    def _answers(
        self, items: list[tuple[str, int]], truth: dict[str, bool], *, some_are_missing: bool
    ) -> Iterator[queue.Answer]:
        for id_, item in items:
            number = int(id_.rpartition("-")[2])
            if some_are_missing and number % 23 == 0:
                continue
            word = "unsure" if number % 17 == 0 else "correct" if truth[id_] else "incorrect"
            yield queue.Answer(item_id=item, answer=word, by="ana", at=self.clock.now())

    def _by_hand(self, period: str) -> None:
        """What people do with alerts, mappings and periods when the period has been evaluated."""
        now = self.clock.now()
        who: dict[str, Any] = {"by": "ana", "reason": "known: the vendor changed the model"}
        with self.app.engine.begin() as conn:
            for number, when in (SILENCED, ACKNOWLEDGED):
                name = self.streams[number].name
                if when != period:
                    continue
                if (number, when) == SILENCED:
                    until = now + timedelta(days=40)
                    silences.silence(conn, stream=name, kind=None, until=until, now=now, **who)
                else:
                    t = tables.outbox
                    query = select(t.c.id).where(t.c.stream == name, t.c.kind == "degraded")
                    handling.acknowledge(conn, list(conn.execute(query).scalars()), now=now, **who)
        number, (begins, ends) = WITHDRAWN_FOR_A_WHILE
        for one, when in (WITHDRAWN, (number, begins)):
            if when == period:
                self._withdraw(one)
        if period == ends:
            self._promote(number)
        number, when = REOPENED
        if when == period:
            policy, ports = self._policies[number], self._ports[number]
            cycle.reopen(policy, ports, Period.named(period), **who)
            cycle.evaluate_open(policy, ports)

    def _withdraw(self, number: int) -> None:
        stream = self.streams[number].name
        intent = intent_of_a_person(
            self._policies[number], by="ana", reason="it acts wrongly", now=self.clock.now()
        )
        withdraw(self.app.store, lambda: self.app.engine, stream=stream, channel=PRODUCTION, intent=intent)

    def _promote(self, number: int) -> None:
        stream, store = self.streams[number].name, self.app.store
        candidate = head(store, stream=stream, channel=CANDIDATE)
        assert candidate is not None
        intent = intent_of_a_person(
            self._policies[number], by="ana", reason="it was looked at", now=self.clock.now()
        )
        expected = head(store, stream=stream, channel=PRODUCTION)
        promote(
            store,
            stream=stream,
            digest=candidate.mapping,
            channel=PRODUCTION,
            intent=intent,
            expected=expected,
        )
