"""Rollback and withdrawal: what each of them names, and what another step back leads to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from calib.errors import InvalidInput
from calib.format import Entry, Identity
from calib.store import Intent, history, promote, read_mapping, rollback, verify, withdraw
from calib.store.publish import create_mapping
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore

CHANNEL: dict[str, Any] = {"stream": "triage", "channel": "production"}


class Channel:
    """One channel in memory; each step is a person's own intent."""

    def __init__(self, *numbers: int) -> None:
        self.store = FaultyStore()
        self.steps = 0
        for number in numbers:
            put(self.store, a_mapping(number))

    def intent(self) -> Intent:
        self.steps += 1
        at = AT + timedelta(days=self.steps)
        return Intent(
            publish_id=f"step {self.steps}", at=at, by="ada", reason="r", expires_at=at + timedelta(days=60)
        )

    def back(self, to: int | None = None) -> Entry:
        digest = None if to is None else a_mapping(to).digest
        return rollback(self.store, **CHANNEL, intent=self.intent(), to=digest)

    def forward(self, number: int) -> Entry:
        return promote(self.store, **CHANNEL, digest=a_mapping(number).digest, intent=self.intent())

    def out(self) -> Entry:
        return withdraw(self.store, **CHANNEL, intent=self.intent())

    def says(self) -> list[str]:
        names = {a_mapping(i).digest: str(i) for i in range(9)}
        log = history(self.store, **CHANNEL)
        return ["raw" if entry.withdrawn else names[entry.mapping] for entry in log]


def test_a_rollback_undoes_a_promotion_of_something_old() -> None:
    channel = Channel(0, 1, 2)
    channel.forward(0)
    assert channel.back().mapping == a_mapping(2).digest
    assert channel.back().mapping == a_mapping(1).digest
    assert channel.says() == ["0", "1", "2", "0", "2", "1"]


def test_a_named_rollback_counts_from_where_it_returned_to() -> None:
    channel = Channel(0, 1, 2, 3)
    assert channel.back(to=1).returns_to == (1, 2)
    assert channel.back().mapping == a_mapping(0).digest


def test_what_was_renewed_is_one_step() -> None:
    channel = Channel(0, 1)
    channel.forward(1)
    assert channel.back().returns_to == (1, 1)
    channel.forward(0)
    with pytest.raises(InvalidInput, match="calib mapping withdraw triage --reason …"):
        channel.back()


def test_a_withdrawal_is_a_step_like_any_other() -> None:
    channel = Channel(0, 1)
    channel.out()
    channel.forward(0)
    again = channel.back()
    assert (again.withdrawn, again.expires_at, again.returns_to) == (True, None, (1, 3))
    assert channel.back().mapping == a_mapping(1).digest
    assert channel.back().mapping == a_mapping(0).digest
    assert channel.says() == ["0", "1", "raw", "0", "raw", "1", "0"]


def test_there_must_be_something_to_withdraw() -> None:
    channel = Channel()
    with pytest.raises(InvalidInput, match="raw confidence already"):
        channel.out()
    put(channel.store, a_mapping(0))
    channel.out()
    with pytest.raises(InvalidInput, match="has been withdrawn since"):
        channel.out()


def test_the_identity_of_a_withdrawal_is_never_served_as_a_mapping() -> None:
    """It would be fresh and calibrated in name, and the raw confidence in truth."""
    channel = Channel(0)
    out = channel.out()
    for act in (
        lambda: promote(channel.store, **CHANNEL, digest=out.mapping, intent=channel.intent()),
        lambda: rollback(channel.store, **CHANNEL, to=out.mapping, intent=channel.intent()),
    ):
        with pytest.raises(InvalidInput, match="calib mapping withdraw triage --reason …"):
            act()
    identity = read_mapping(channel.store, stream="triage", digest=out.mapping)
    assert (identity.default, identity.segments, identity.parent) == (Identity(), {}, a_mapping(0).digest)


def test_other_entries_have_the_keys_of_version_0_1_0_and_no_more() -> None:
    channel = Channel(0)
    channel.forward(0)
    for entry in history(channel.store, **CHANNEL):
        assert {"withdrawn", "returns_to"} & set(json.loads(entry.to_bytes())) == set()
    assert json.loads(channel.out().to_bytes())["withdrawn"] is True


def test_a_withdrawal_that_old_clients_would_serve_is_found() -> None:
    channel = Channel(0)
    out = channel.out()
    assert verify(channel.store, stream="triage").ok
    served = a_mapping(1)
    create_mapping(channel.store, served)
    key = "triage/channels/production/0001-000000000002.json"
    forged = json.loads(out.to_bytes()) | {"mapping": served.digest}
    channel.store.objects[key] = json.dumps(forged).encode()
    (problem,) = verify(channel.store, stream="triage").problems
    assert (problem.kind, problem.key) == ("withdrawn_but_served", key)
