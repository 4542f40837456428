"""Publishers and clients against a plain model, by thousands of random steps; planted bugs are found."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from store_machine import Machine, run

from calib.client import follower
from calib.format import Entry, Mapping, chain
from calib.format.keys import hint_key
from calib.store import history
from calib.testing.mappings import a_mapping
from calib.testing.store import FaultyStore


@pytest.mark.slow
def test_two_thousand_steps_agree_with_the_model() -> None:
    machine = type("Sound", (Machine,), {"steps": 0})
    run(machine, 80)
    assert machine.steps >= 2000, machine.steps


class Overwriting(FaultyStore):
    """A store that takes the last writer's word: what a bucket without conditional creation does."""

    def create(self, key: str, data: bytes) -> None:
        if "/channels/" in key:
            self.objects[key] = data
        super().create(key, data)


def forgetful(log: Any, intent: Any) -> None:
    """A publisher's search of the log that does not find its own intent there."""


def believing(store: Any, stream: str, channel: str) -> Any:
    """A look at a channel that takes the hint's word for where the newest entry is."""
    hint = chain.read_hint(store.get(hint_key(stream, channel)))
    return None if hint is None else chain.Place(stream, channel, *hint)


def credulous(data: bytes, after: Any, place: Any) -> Any:
    """A rule of belief that does not look at `previous`."""
    return Entry.from_bytes(data)


class Restarting(follower.Follower):
    """A follower that reads the log anew each time, and so can be moved back."""

    def poll(self) -> None:
        self.head = None
        super().poll()


def anything(data: bytes | None, known: Any) -> None:
    """A trust rule that does not ask whether what was known is still there."""


def first_of_all(data: bytes, entry: Any) -> Any:
    """A trust rule that does not read the mapping that it was given."""
    return follower.Trusted(entry=entry, mapping=a_mapping(0))


def the_entry_before(store: Any, present: Any) -> Any:
    """A rollback of a rollback that goes forward again."""
    log = list(reversed(history(store, stream="triage", channel="production")))
    return next((e for e in log if e.withdrawn != present.withdrawn or e.mapping != present.mapping), None)


def never_withdrawn(data: bytes, entry: Any) -> Any:
    """A reader that does not know the key."""
    return follower.Trusted(entry=replace(entry, withdrawn=False), mapping=Mapping.from_bytes(data))


PUBLISHING = import_module("calib.store.publish")
WAY_BACK = import_module("calib.store.way_back")
READING = import_module("calib.store.read")
SERVING = import_module("calib.client.client")
PLANTED: dict[str, list[tuple[Any, str, Any]]] = {
    "a store that overwrites": [(Machine, "make_store", Overwriting)],
    "a publisher that forgets its intent": [(PUBLISHING, "landed_entry", forgetful)],
    "a publisher that believes the hint": [(READING, "_newest", believing)],
    "a rollback that forgets where it returned to": [(WAY_BACK, "step_back", the_entry_before)],
    "a client that serves what was withdrawn": [(follower, "admit", never_withdrawn)],
    "a client that ignores the chain": [
        (follower, "accept_next", credulous),
        (follower, "confirm", anything),
    ],
    "a client that can be moved back": [(SERVING, "Follower", Restarting)],
    "a client that believes a failed mapping": [(follower, "admit", first_of_all)],
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bugs_are_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, name, value in PLANTED[bug]:
        monkeypatch.setattr(target, name, value)
    machine = type("Broken", (Machine,), {"steps": 0})
    with pytest.raises((AssertionError, BaseExceptionGroup, pytest.fail.Exception)):
        run(machine, 80)
