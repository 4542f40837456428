"""A stream's life as a Hypothesis state machine: every rule acts on the real cycle and on a plain model.

The statistics are replaced by rules of thumb: what is tried here is everything around them. Add a rule for
what else may happen to a stream; `check_everything` compares after each.
"""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, ClassVar, get_args

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from life_expectations import LifeExpectations
from life_model import Revision
from stream_life import StreamLife

from calib import cycle
from calib.alerts.episodes import Ending, Episode
from calib.db import episodes, tables
from calib.db.engine import open_engine
from calib.db.windows import Window
from calib.errors import InvalidInput
from calib.period import Period
from calib.review import queue
from calib.store import PUBLISHER, Entry, Intent, promote, read_mapping, rollback, withdraw
from calib.testing.crash import Crash, CrashAt

LABELS, MONTHS = 20, 9
PICK = st.integers(0, 10**6)
NUMBERS = itertools.count()
SCOPES = ({"model": "a"}, {"model": "b"})


class LifeMachine(LifeExpectations):
    """One stream over nine months, with people who look again and processes that die."""

    steps: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        name = f"file:life{next(NUMBERS)}?mode=memory&cache=shared"
        self.keeper = sqlite3.connect(
            name, uri=True
        )  # the database lives for as long as somebody has it open
        engine = open_engine(f"sqlite:///{name}&uri=true")
        tables.metadata.create_all(engine)  # a tenth of what the migrations take
        self.life = StreamLife(engine, labels=LABELS, scope=SCOPES[0], close_after=timedelta(days=40))
        self.months = [f"2026-{month:02d}" for month in range(1, MONTHS + 1)]
        for month in self.months:
            self.write(month, worse=False)
        self.model: list[Revision] = []
        self.objects = 0  # in the store, when the channel was last looked at
        self.ended: dict[str, Episode] = {}
        self.life.after(self.months[0])

    def teardown(self) -> None:
        if hasattr(self, "life"):
            self.life.close()
            self.keeper.close()

    # --- what may happen

    @rule(days=st.integers(1, 45))
    def time_goes_by(self, days: int) -> None:
        self.step()
        self.life.clock.pass_by(days=days)

    @rule(share=st.sampled_from([0.8, 1.0, 1.0]), days=st.sampled_from([5, 42]))
    def a_month_goes_as_usual(self, share: float, days: int) -> None:
        """The next month that nobody has looked at is opened, labelled more or less, and evaluated."""
        missing = [month for month in self.months if not self.of(month)]
        later = [m for m in missing if not self.model or m > max(one.period for one in self.model)]
        if not later:
            self.step()
            return
        self.life.after(later[0])
        self.open(later[0], replay=False)
        self.people_label(pick=len(self.model) - 1, share=share, right=True, by="a")
        self.time_goes_by(days=days)
        self.a_scheduled_run_evaluates()

    @rule(pick=PICK)
    def labels_come_late(self, pick: int) -> None:
        """To a window that was closed without them, before the next month is evaluated."""
        short = [one for one in self.model if one.state == "closed" and len(one.counts) < len(one.ids)]
        if not short:
            self.step()
            return
        mine = short[pick % len(short)]
        self.people_label(pick=self.model.index(mine), share=1.0, right=True, by="b")
        self.a_month_goes_as_usual(share=1.0, days=5)

    @rule(pick=PICK)
    def wrong_labels_are_mended(self, pick: int) -> None:
        """A month that is closed is reopened, and the one who labelled it corrects the answers."""
        closed = [one for one in self.model if one.state == "closed" and not one.discarded]
        if not closed:
            self.step()
            return
        closed.sort(key=lambda one: one.period)
        mended = closed[-2] if pick % 2 and len(closed) > 1 else closed[pick // 2 % len(closed)]
        if pick % 3 == 0 and closed[-1] is not mended:  # the newest was a load test
            self.a_person_discards(pick=self.model.index(closed[-1]))
        self.a_person_reopens(pick=self.model.index(mended), rows="the same")
        self.people_label(pick=len(self.model) - 1, share=1.0, right=bool(pick % 2), by="a")
        self.a_scheduled_run_evaluates()

    @rule(pick=PICK)
    def the_model_gets_worse_from_some_month_on(self, pick: int) -> None:
        """In months that nobody has looked at."""
        self.step()
        for month in self.months[pick % MONTHS :]:
            if not self.of(month):
                self.write(month, worse=True)

    @rule(replay=st.booleans(), pick=PICK)
    def a_window_is_opened(self, replay: bool, pick: int) -> None:
        """The latest one that is due, or any that is not there yet, as a backfill does."""
        self.step()
        due = [m for m in self.months if self.life.policy.due(Period.named(m)) <= self.life.clock.now()]
        missing = [m for m in due if not self.of(m)]
        if not missing:
            return
        self.open(missing[pick % len(missing)] if replay else missing[-1], replay=replay)

    def open(self, month: str, *, replay: bool) -> None:
        window = cycle.open_window(
            self.life.policy, self.life.ports, Period.named(month), channel="production", replay=replay
        )
        self.model.append(self.modelled(window))

    @rule(
        pick=PICK, share=st.sampled_from([0.2, 0.5, 1.0, 1.0]), right=st.booleans(), by=st.sampled_from("ab")
    )
    def people_label(self, pick: int, share: float, right: bool, by: str) -> None:
        """Rows of any window, whatever its state: what comes too late is kept."""
        self.step()
        if not self.model:
            return
        mine = self.model[pick % len(self.model)]
        some = mine.ids[: max(1, round(share * len(mine.ids)))]
        truth = {row.id: row.right for row in self.life.traffic.rows}
        words = {id_: "correct" if truth.get(id_, True) is right else "incorrect" for id_ in some}
        window_id = self.row(mine).id
        with self.life.engine.begin() as conn:
            items = queue.items_of(conn, window_id)
            now = self.life.clock.now()
            given = [queue.Answer(item_id=items[id_], answer=words[id_], by=by, at=now) for id_ in some]
            outcomes = queue.label_all(conn, given, source="file")
        for id_, outcome in zip(some, outcomes, strict=True):
            assert outcome == self.expected_of_a_label(mine, id_, words[id_], by)

    @rule()
    def a_scheduled_run_evaluates(self) -> None:
        self.step()
        self.evaluate_model()
        self.life.evaluate()

    @rule(k=st.integers(1, 12), when=st.sampled_from(["before", "after"]))
    def a_scheduled_run_dies_and_is_repeated(self, k: int, when: Any) -> None:
        self.step()
        crash = CrashAt(k, when)
        dialect: Any = self.life.engine.dialect
        commit, ports = dialect.do_commit, self.life.ports
        try:
            crash.engine(self.life.engine)
            with suppress(Crash):
                cycle.evaluate_open(self.life.policy, replace(ports, store=crash.store(ports.store)))
        finally:
            dialect.do_commit = commit
        self.evaluate_model()
        self.life.evaluate()

    @rule(pick=PICK, rows=st.sampled_from(["the same", "others"]))
    def a_person_reopens(self, pick: int, rows: str) -> None:
        self.step()
        if not self.model:
            return
        month = self.model[pick % len(self.model)].period
        before = self.of(month)
        if rows == "others":  # somebody mended the table
            others = [row for row in self.life.traffic.rows if not row.id.startswith(month)]
            kept = [row for row in self.life.traffic.rows if row.id.startswith(month) and int(row.id[-1]) % 3]
            self.life.traffic.rows = others + kept
        window = self.life.reopen(month)
        mine = self.modelled(window)
        assert mine.revision == len(before) + 1
        if self.row(before[-1]).population == window.population:
            assert window.sample_digest == self.row(before[-1]).sample_digest
        for revision in before:
            revision.discarded |= revision.waits
        self.carry_over(mine, before[::-1])
        self.model.append(mine)

    @rule(pick=PICK)
    def a_person_discards(self, pick: int) -> None:
        self.step()
        if not self.model:
            return
        month = self.model[pick % len(self.model)].period
        self.life.discard(month)
        for revision in self.of(month):
            revision.discarded = True

    @rule(pick=st.integers(0, 1))
    def the_scope_changes(self, pick: int) -> None:
        self.step()
        self.life.policy = replace(self.life.policy, scope=SCOPES[pick])

    @rule(move=st.sampled_from(["back", "withdraw", "promote"]), pick=PICK)
    def a_person_moves_the_channel(self, move: str, pick: int) -> None:
        """One step back, to no mapping at all, or to any that is stored."""
        self.step()
        how: dict[str, Any] = {"stream": "triage", "channel": "production"}
        how["intent"] = Intent(
            publish_id=f"person {next(NUMBERS)}",
            at=self.life.clock.now(),
            by="ada",
            reason="a person's move",
            expires_at=None,
        )
        fitted = sorted({entry.mapping for entry in self.life.log() if not entry.withdrawn})
        with suppress(InvalidInput):  # nothing is there to go back to, or it is withdrawn already
            if move == "back":
                rollback(self.life.store, **how)
            elif move == "withdraw":
                withdraw(self.life.store, **how)
            elif fitted:
                promote(self.life.store, digest=fitted[pick % len(fitted)], **how)

    # --- what must be true after each

    @invariant()
    def check_everything(self) -> None:
        if not hasattr(self, "model"):
            return
        known = {(window.period, window.revision): window for window in self.life.known()}
        assert set(known) == {(one.period, one.revision) for one in self.model}
        for month in {one.period for one in self.model}:
            standing = [n for (period, n), window in known.items() if period == month and window.standing]
            assert standing == self.standing(month), f"{month}: {standing} stand"
        answers = self.answers()
        for mine in self.model:
            window = known[mine.period, mine.revision]
            state = "waiting" if window.state in ("sampled", "in_review") else window.state
            assert (state, window.discarded_at is not None) == (mine.state, mine.discarded), mine
            counts, kept = answers.get(window.id, ({}, set()))
            assert counts == mine.counts, f"{mine.period} r{mine.revision}"
            assert kept == set(mine.kept), f"{mine.period} r{mine.revision}: a label was lost"
            if mine.state in ("closed", "insufficient"):
                self.check_what_ended(mine, window)
        if len(self.life.store.objects) != self.objects:
            self.objects = len(self.life.store.objects)
            self.check_the_channel(known)
        self.check_the_episodes()

    def check_the_episodes(self) -> None:
        """Each degraded window has one, and each that is over ended in one of its ways, for good."""
        with self.life.engine.connect() as conn:
            found = episodes.all_of(conn, "triage")
        for one in found:
            assert one.ended_by is None or one.ended_by in get_args(Ending)
            assert self.ended.setdefault(one.id, one) == one if one.ended_by else one.id not in self.ended
        still_open = [one.degraded_in is not None for one in found if one.ended_by is None]
        assert len(still_open) == len(set(still_open)), "two episodes of one kind are open"
        results = [(one.period, one.result["change"]["state"]) for one in self.model if one.result]
        worse = {period for period, state in results if state == "degraded"}
        assert {one.degraded_in for one in found} == worse

    def check_what_ended(self, mine: Revision, window: Window) -> None:
        found = window.result or {}
        if mine.result is None:
            mine.result = found
        assert found == mine.result, "the result of a window that has ended changed"
        baseline = found["baseline"]
        assert (baseline["periods"], baseline["labels"]) == mine.baseline, f"{mine.period} r{mine.revision}"
        assert found["labels"]["n"] == len(mine.counts)
        assert window.resets_baseline == mine.resets
        if not mine.newest:
            refit = found["refit"]
            assert (refit["published"], refit["upheld"]) == (False, False), "an older period moved it"

    def check_the_channel(self, known: dict[tuple[str, int], Window]) -> None:
        """Nothing on it is older than what it replaced, and each window published what it says, once."""
        log: list[Entry] = self.life.log()
        waiting = self.life.log("candidate")
        for one in (log, waiting):
            assert len({entry.publish_id for entry in one}) == len(one)
            rests_on = [
                read_mapping(self.life.store, stream="triage", digest=entry.mapping).evidence.get("period")
                for entry in one
            ]
            for (before, period), (after, later) in pairwise(zip(one, rests_on, strict=True)):
                if after.by == PUBLISHER:
                    assert not before.withdrawn, "a schedule ended a withdrawal"
                    assert period <= later, "an older mapping replaced a newer one"
        said = {
            window.result["refit"]["mapping"]
            for window in known.values()
            if window.state == "closed" and window.result and window.result["refit"]["published"]
        }
        refits = {entry.mapping for entry in (*log, *waiting) if entry.reason.startswith("refit on")}
        assert refits == said

    def step(self) -> None:
        type(self).steps += 1
