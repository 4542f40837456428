"""Random steps of publishers and clients, each done by the real thing and by the model."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from store_model import Link, Model, Row, Seen

from calib.client import MappingClient
from calib.errors import ArtifactError, Conflict, InvalidInput, OutcomeUnknown, Unavailable
from calib.format import Mapping
from calib.format.keys import entry_key
from calib.store import Intent, head, history, open_epoch, promote, publish, rollback, withdraw
from calib.testing.crash import Crash, CrashAt
from calib.testing.mappings import AT, a_mapping
from calib.testing.store import FaultyStore

REFRESH, DAY = 300.0, 86_400.0
PICK = st.integers(0, 10**6)
CLIENTS = st.integers(0, 2)


class Machine(RuleBasedStateMachine):
    """Every rule acts on the real thing and on the model; the invariants compare."""

    make_store: ClassVar[Callable[[], FaultyStore]] = FaultyStore
    steps: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.store, self.model = type(self).make_store(), Model()
        self.stored: set[int] = set()
        self.backups: list[tuple[dict[str, bytes], Model, set[int]]] = []
        self.seconds, self.count = 0.0, 0
        self.intents: dict[str, int] = {}
        self.begun: dict[str, float] = {}  # when each intent was first acted on, in seconds
        self.clients = [self.start(self.folder / str(i) if i else None, Link(self.store)) for i in range(3)]
        self.news = True

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, folder: Path | None, link: Link) -> Seen:
        client = MappingClient(
            "file:x",
            stream="triage",
            fetcher=link,
            cache=folder,
            refresh=REFRESH,
            background=False,
            now=lambda: AT + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
        )
        return Seen(client=client, link=link, folder=folder)

    # publishers

    @rule(seen=st.booleans())
    def publish_one(self, seen: bool) -> None:
        intent, number = self.new_intent()
        self.attempt(intent, number, landed=True, stores_mapping=True)
        if seen:
            self.poll_all()

    @rule(fault=st.sampled_from(["lost", "unavailable", "unknown"]), on_entry=st.booleans())
    def publish_with_a_fault(self, fault: Any, on_entry: bool) -> None:
        self.store.faults.extend([None, fault] if on_entry else [fault])
        landed = fault == "lost" or (fault == "unknown" and on_entry)
        reached = landed or on_entry  # whether the entry was tried at all
        intent, number = self.new_intent()
        self.attempt(intent, number, landed=landed, stores_mapping=reached or fault == "unknown")
        self.store.faults.clear()

    @rule(k=st.integers(1, 3), when=st.sampled_from(["before", "after"]))
    def publish_and_die(self, k: int, when: Any) -> None:
        intent, number = self.new_intent()
        done = k if when == "after" else k - 1
        crash = CrashAt(k, when)
        self.attempt(intent, number, landed=done >= 2, stores_mapping=done >= 1, through=crash)

    @precondition(lambda self: self.intents)
    @rule(pick=PICK)
    def run_again(self, pick: int) -> None:
        """Whoever died or got no answer runs again: what landed is found, what did not is done."""
        intent = sorted(self.intents)[pick % len(self.intents)]
        self.attempt(intent, self.intents[intent], landed=True, stores_mapping=True)

    @precondition(lambda self: not self.model.ruined)
    @rule()
    def two_decide_against_the_same_head(self) -> None:
        before = history(self.store, stream="triage", channel="production")
        expected = before[-1] if before else None
        for first in (True, False):
            intent, number = self.new_intent()
            self.attempt(intent, number, landed=first, stores_mapping=True, expected=expected, lost=not first)

    @precondition(lambda self: self.stored)
    @rule(pick=PICK)
    def promote_one(self, pick: int) -> None:
        number = sorted(self.stored)[pick % len(self.stored)]
        intent, _ = self.new_intent(number)
        self.call(
            lambda: promote(self.store, stream="triage", digest=a_mapping(number).digest, **self.how(intent)),
            intent,
            number,
        )

    @rule()
    def roll_back(self) -> None:
        rows = self.model.rows()
        target = rows[-1].before if rows else None
        intent = f"r{self.count}"
        self.count += 1
        if self.model.ruined or target is None or (target.number and target.number not in self.stored):
            with pytest.raises((InvalidInput, ArtifactError)):
                rollback(self.store, stream="triage", **self.how(intent))
            return
        act = lambda: rollback(self.store, stream="triage", **self.how(intent))  # noqa: E731
        if target.number:
            self.intents[intent] = target.number
        self.call(act, intent, target.number, returns_to=target)

    @rule()
    def withdraw_all(self) -> None:
        """Clients serve the raw confidence, however long it lasts, until somebody names a mapping."""
        rows = self.model.rows()
        intent = f"w{self.count}"
        self.count += 1
        act = lambda: withdraw(self.store, stream="triage", **self.how(intent))  # noqa: E731
        if self.model.ruined or not rows or not rows[-1].number:
            with pytest.raises((InvalidInput, ArtifactError)):
                act()
            return
        self.call(act, intent, 0)

    # disasters, and the way out

    @precondition(lambda self: self.backups)
    @rule(back=st.integers(1, 4), then=st.integers(0, 3), seen=st.booleans())
    def restore(self, back: int, then: int, seen: bool) -> None:
        """The bucket comes back as it was, and publishers go on from there: for some clients, a fork."""
        objects, model, stored = self.backups[-min(back, len(self.backups))]
        self.store.objects = dict(objects)
        self.model, self.stored = model.copy(), set(stored)
        for _ in range(then):
            intent, number = self.new_intent()
            self.attempt(intent, number, landed=True, stores_mapping=True)
        if seen:
            self.poll_all()

    @precondition(lambda self: self.model.epochs[-1] and not self.model.ruined)
    @rule(junk=st.sampled_from([b"", b"{}", b"\xff", b'{"format":"calibwatch.channel/1"}']))
    def ruin(self, junk: bytes) -> None:
        epoch, generation = self.model.end()
        self.store.objects[entry_key("triage", "production", epoch, generation + 1)] = junk
        self.model.ruined = True

    @precondition(lambda self: self.stored and self.model.epochs[-1])
    @rule(pick=PICK)
    def open_an_epoch(self, pick: int) -> None:
        number = sorted(self.stored)[pick % len(self.stored)]
        intent, _ = self.new_intent(number)
        del self.intents[intent]
        open_epoch(self.store, stream="triage", digest=a_mapping(number).digest, **self.how(intent))
        self.model.epochs.append([self.row(intent, number)])
        self.model.ruined = False

    # clients

    @rule(i=CLIENTS, up=st.booleans())
    def cut_or_heal(self, i: int, up: bool) -> None:
        self.clients[i].link.up = up

    @precondition(lambda self: self.news)
    @rule()
    def poll_all(self) -> None:
        self.news = False
        for i in range(len(self.clients)):
            self.poll_one(i)

    @rule(i=CLIENTS)
    def start_again(self, i: int) -> None:
        """With the cache, if it has one; without, it knows nothing any more."""
        self.news = True
        old = self.clients[i]
        new = self.clients[i] = self.start(old.folder, old.link)
        if old.folder is not None:
            new.saved = old.saved
            new.position, new.row = old.saved or (None, None)

    def poll_one(self, i: int) -> None:
        seen, end = self.clients[i], self.model.end()
        status = seen.client.refresh_now()
        if not seen.link.up:
            assert "partitioned" in status.reason or status.state == "STALE"
            return
        known = seen.position
        if known is not None and known[0] >= end[0] and self.model.at(known) is not seen.row:
            assert status.reason  # gone, or others in its place: refused, and said so
            return
        if end[1] > 0 and self.model.epochs[-1][-1].number in {0, *self.stored}:
            seen.position, seen.row = end, self.model.epochs[-1][-1]
            seen.saved = (end, seen.row) if seen.folder is not None else None
        if self.model.ruined and known != end:
            assert status.reason
        if not self.model.ruined:
            seen.confirmed = self.seconds

    @rule(days=st.sampled_from([0.001, 0.02, 1, 30, 61]))
    def time_goes_by(self, days: float) -> None:
        self.seconds += days * DAY
        self.news = True

    # what always holds

    @invariant()
    def the_log_is_the_models(self) -> None:
        if not hasattr(self, "model"):
            return
        type(self).steps += 1
        if not self.backups or self.backups[-1][1] != self.model:
            self.backups.append((dict(self.store.objects), self.model.copy(), set(self.stored)))
        if self.model.ruined:
            for read in (history, head):
                with pytest.raises(ArtifactError):
                    read(self.store, stream="triage", channel="production")
            return
        log = history(self.store, stream="triage", channel="production")
        assert head(self.store, stream="triage", channel="production") == (log[-1] if log else None)
        rows = self.model.rows()
        assert [e.publish_id for e in log] == [row.intent for row in rows]
        assert [e.withdrawn for e in log] == [row.number == 0 for row in rows]
        named = [(e.mapping, row.number) for e, row in zip(log, rows, strict=True) if row.number]
        assert [digest for digest, _ in named] == [a_mapping(number).digest for _, number in named]
        assert len({row.intent for row in rows}) == len(rows)

    @invariant()
    def clients_are_where_the_model_says(self) -> None:
        for seen in getattr(self, "clients", []):
            status, answer = seen.client.status(), seen.client.calibrate(1.0)
            if seen.row is None:
                assert (answer.mapping, answer.value) == (None, 1.0)
                assert status.state in ("INITIALIZING", "UNCALIBRATED")
                continue
            assert (status.epoch, status.generation) == seen.position
            if not seen.row.number:
                assert (answer.mapping, answer.value, status.state) == (None, 1.0, "UNCALIBRATED")
                assert not seen.client.decide(1.0, target=0.1).act
                continue
            served: Mapping = a_mapping(seen.row.number, certificates=())
            assert (answer.mapping, answer.value) == (served.digest, served.apply(1.0))
            expired = self.seconds >= seen.row.expires
            late = seen.confirmed is None or self.seconds >= seen.confirmed + 3 * REFRESH
            assert status.state == ("STALE" if expired or late else "FRESH")
            assert answer.status == status.state

    # how the rules act

    def row(self, intent: str, number: int, returns_to: Row | None = None) -> Row:
        """The row of a new entry; a rollback undoes what came since the row that it returns to."""
        last = next(iter(self.model.rows()[::-1]), None)
        before = last
        if returns_to is not None:
            before = returns_to.before
        elif last is not None and last.number == number:
            before = last.before
        return Row(intent, number, self.seconds + 60 * DAY, before)

    def new_intent(self, number: int | None = None) -> tuple[str, int]:
        self.count += 1
        intent = f"p{self.count}"
        self.intents[intent] = self.count if number is None else number
        return intent, self.intents[intent]

    def how(self, intent: str) -> dict[str, Any]:
        """Half of the intents say since when they can have been carried out, the others have all read."""
        at = AT + timedelta(seconds=self.seconds)
        begun = self.begun.setdefault(intent, self.seconds)
        made = Intent(
            publish_id=intent,
            at=at,
            by="someone",
            reason="a step",
            expires_at=at + timedelta(days=60),
            since=AT + timedelta(seconds=begun) if int(intent[1:]) % 2 else None,
        )
        return {"channel": "production", "intent": made}

    def attempt(
        self,
        intent: str,
        number: int,
        *,
        landed: bool,
        stores_mapping: bool,
        through: CrashAt | None = None,
        **more: Any,
    ) -> None:
        store = self.store if through is None else through.store(self.store)
        lost = more.pop("lost", False)
        if stores_mapping:
            self.stored.add(number)
        self.call(
            lambda: publish(store, a_mapping(number), **self.how(intent) | more),
            intent,
            number,
            landed=landed,
            lost=lost,
        )

    def call(
        self,
        act: Callable[[], Any],
        intent: str,
        number: int,
        *,
        landed: bool = True,
        lost: bool = False,
        returns_to: Row | None = None,
    ) -> None:
        self.news = True
        known = [row for row in self.model.rows() if row.intent == intent]
        try:
            entry = act()
        except ArtifactError:
            assert self.model.ruined
            return
        except Conflict:
            assert lost
            return
        except (Crash, OutcomeUnknown, Unavailable):
            entry = None
        assert not lost, "both of two decisions against one head were accepted"
        if landed and not known and not self.model.ruined:
            self.model.epochs[-1].append(self.row(intent, number, returns_to))
        if entry is not None:
            (row,) = [row for row in self.model.rows() if row.intent == intent]
            assert self.model.at(entry.position) is row


def run(machine: type[Machine], examples: int, *, steps: int = 40) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
