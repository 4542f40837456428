"""What a stream's life must come to: the plain model beside the real cycle, for `LifeMachine`."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis.stateful import RuleBasedStateMachine
from life_model import LEAST, Revision
from sqlalchemy import select
from stream_life import Row, StreamLife

from calib.db import tables
from calib.db.windows import Window
from calib.period import Period
from calib.policy import BASELINE_WINDOWS
from calib.review import queue

POPULATION = 30


class LifeExpectations(RuleBasedStateMachine):
    """The revisions that a stream should have, with the answers, the baseline and the state of each."""

    life: StreamLife
    months: list[str]
    model: list[Revision]

    def of(self, month: str) -> list[Revision]:
        return [one for one in self.model if one.period == month]

    def row(self, mine: Revision) -> Window:
        return self.life.window(mine.period, mine.revision)

    def write(self, month: str, *, worse: bool) -> None:
        self.life.traffic.rows = [row for row in self.life.traffic.rows if not row.id.startswith(month)]
        start, _ = Period.named(month).interval("UTC")
        rng = np.random.default_rng([int(worse), int(month[-2:])])
        right = rng.random(POPULATION) < (0.15 if worse else 0.8)
        self.life.traffic.rows += [
            Row(f"{month}-{i}", start + timedelta(hours=20 * i), 0.9 if i % 2 else 0.6, bool(right[i]))
            for i in range(POPULATION)
        ]

    def modelled(self, window: Window) -> Revision:
        with self.life.engine.connect() as conn:
            ids = sorted(queue.items_of(conn, window.id))
        return Revision(window.period, window.revision, dict(self.life.policy.scope), ids)

    def answers(self) -> dict[int, tuple[dict[str, tuple[str, str]], set[tuple[str, str, str]]]]:
        """By window id: the answer that counts to each row, and all that are kept."""
        t, labels = tables.items, tables.labels
        query = select(
            t.c.window_id, t.c.prediction_id, t.c.label_id, labels.c.id, labels.c.answer, labels.c.by
        )
        found: dict[int, tuple[dict[str, tuple[str, str]], set[tuple[str, str, str]]]] = {}
        with self.life.engine.connect() as conn:
            for row in conn.execute(query.join(labels, labels.c.item_id == t.c.id)):
                counts, kept = found.setdefault(row.window_id, ({}, set()))
                kept.add((row.prediction_id, row.answer, row.by))
                if row.label_id == row.id:
                    counts[row.prediction_id] = (row.answer, row.by)
        return found

    def standing(self, month: str) -> list[int]:
        """The newest closed one, else the newest insufficient one, else the newest; never a discarded one."""
        left = [one for one in self.of(month) if not one.discarded]
        for states in (("closed",), ("insufficient",), ("waiting",)):
            if found := [one.revision for one in left if one.state in states]:
                return [max(found)]
        return []

    def expected_of_a_label(self, mine: Revision, id_: str, word: str, by: str) -> str:
        counted = mine.counts.get(id_)
        mine.keep(id_, word, by)
        if counted is not None and counted[0] == word:
            return "same"
        if not mine.waits:
            return "late" if counted is None else "conflict"
        if counted is None or counted[1] == by:
            mine.counts[id_] = (word, by)
            return "new" if counted is None else "corrected"
        return "conflict"

    def carry_over(self, mine: Revision, newest_first: list[Revision]) -> None:
        for id_ in mine.ids:
            counted = [one.counts[id_] for one in newest_first if id_ in one.counts]
            late = [(w, by) for one in newest_first for i, w, by in one.kept if i == id_]
            if counted or late:
                mine.counts[id_] = (counted or late)[0]
            for word, by in late:
                mine.keep(id_, word, by)

    def evaluate_model(self) -> None:
        """What a run of `evaluate` must come to: the windows in order, each after the ones before it."""
        now = self.life.clock.now()
        for mine in sorted(
            (one for one in self.model if one.waits), key=lambda one: (one.period, one.revision)
        ):
            closes_at = self.row(mine).closes_at
            if len(mine.counts) < len(mine.ids) and now < closes_at:
                continue
            earlier = [one for one in self.model if one.waits and one.period < mine.period]
            if any(now < self.row(one).closes_at + timedelta(days=1) for one in earlier):
                continue
            labels = len(mine.counts)
            mine.baseline = self.expected_baseline(mine)
            mine.newest = not any(
                one.state == "closed" and not one.discarded and one.period > mine.period for one in self.model
            )
            mine.state = "closed" if labels >= LEAST and labels >= 0.7 * len(mine.ids) else "insufficient"
            mine.resets = self.confirms(mine) if mine.state == "closed" else False

    def expected_baseline(self, mine: Revision) -> tuple[list[str], int]:
        pooled: list[Revision] = []
        for month in reversed([m for m in self.months if m < mine.period]):
            revisions = self.of(month)
            if not revisions:
                continue
            standing = self.standing(month)
            one = revisions[(standing or [len(revisions)])[0] - 1]
            if one.scope != mine.scope:
                break
            if not standing or one.state != "closed":
                continue
            pooled.append(one)
            if one.resets:
                break
        pooled = pooled[:BASELINE_WINDOWS][::-1]
        return [one.period for one in pooled], sum(len(one.counts) + len(one.late) for one in pooled)

    def confirms(self, mine: Revision) -> bool:
        """Whether the rule of thumb finds a change: the mean answer against that of the baseline's labels."""
        assert mine.baseline is not None
        earlier = [self.of(month)[self.standing(month)[0] - 1] for month in mine.baseline[0]]
        means = []
        for one in earlier:
            words = [word for word, _ in one.counts.values()] + list(one.late.values())
            means += [word == "correct" for word in words]
        if not means:
            return False
        now = [word == "correct" for word, _ in mine.counts.values()]
        return abs(float(np.mean(now)) - float(np.mean(means))) > 0.4
