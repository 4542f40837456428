"""Each thing that can be wrong with a stored stream is found, by its name, and nothing else is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from calib.format.keys import entry_key, hint_key, mapping_key
from calib.store import Intent, open_epoch, verify
from calib.testing.mappings import AT, a_mapping, put
from calib.testing.store import FaultyStore

Damage = Callable[[dict[str, bytes]], Any]


def entry(generation: int, epoch: int = 1) -> str:
    return entry_key("triage", "production", epoch, generation)


def rewritten(objects: dict[str, bytes], key: str, **more: Any) -> None:
    objects[key] = json.dumps(json.loads(objects[key]) | more).encode()


def not_a_mapping(objects: dict[str, bytes]) -> None:
    data = b'{"format":"calibwatch.mapping/1"}'
    objects[mapping_key("triage", hashlib.sha256(data).hexdigest())] = data


def another_streams(objects: dict[str, bytes]) -> None:
    made = a_mapping(stream="other")
    objects[mapping_key("triage", made.digest)] = made.to_bytes()


LAST = entry(4)
DAMAGES: dict[str, tuple[Damage, list[tuple[str, str]]]] = {
    "nothing": (dict, []),
    "a gap": (lambda o: o.pop(entry(2)), [("gap", entry(3))]),
    "no first entry": (lambda o: o.pop(entry(1)), [("gap", entry(2))]),
    "far ahead": (
        lambda o: o.update({entry(9): o[LAST]}),
        [("wrong_place", entry(9)), ("gap", entry(9))],
    ),
    "an epoch too far": (
        lambda o: o.update({entry(1, 3): json.dumps(json.loads(o[entry(1)]) | {"epoch": 3}).encode()}),
        [("epoch_gap", entry(1, 3))],
    ),
    "a flipped entry": (
        lambda o: rewritten(o, entry(2), reason="forged"),
        [("broken_chain", entry(3))],
    ),
    "a cut entry": (
        lambda o: o.update({LAST: o[LAST][:-9]}),
        [("malformed_entry", LAST)],
    ),
    "another schema": (
        lambda o: rewritten(o, LAST, format="calibwatch.channel/2"),
        [("malformed_entry", LAST)],
    ),
    "a copied entry": (lambda o: o.update({LAST: o[entry(3)]}), [("wrong_place", LAST)]),
    "a lost mapping": (
        lambda o: o.pop(mapping_key("triage", a_mapping(3).digest)),
        [("missing_mapping", LAST)],
    ),
    "a changed mapping": (
        lambda o: o.update({mapping_key("triage", a_mapping(3).digest): a_mapping(2).to_bytes()}),
        [("wrong_digest", mapping_key("triage", a_mapping(3).digest))],
    ),
    "no mapping at all": (not_a_mapping, [("malformed_mapping", "")]),
    "another stream's mapping": (
        another_streams,
        [("wrong_stream", mapping_key("triage", a_mapping(stream="other").digest))],
    ),
}


def filled() -> FaultyStore:
    store = FaultyStore()
    for i in range(4):
        put(store, a_mapping(i))
    return store


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_wrong_is_named(name: str) -> None:
    damage, wanted = DAMAGES[name]
    store = filled()
    damage(store.objects)
    found = verify(store, stream="triage")
    assert [(p.kind, p.key) for p in found.problems] == [
        (k, key or found.problems[0].key) for k, key in wanted
    ]
    assert found.ok == (not wanted)


def test_what_is_worth_knowing_is_no_problem() -> None:
    store = filled()
    put(store, a_mapping(9), at=AT - timedelta(days=1), channel="candidate")
    put(store, a_mapping(8), at=AT - timedelta(days=2), channel="candidate")
    unused = a_mapping(7)
    store.create(mapping_key("triage", unused.digest), unused.to_bytes())
    store.objects[hint_key("triage", "production")] = b"{}"
    store.objects["triage/readme.txt"] = b"hello"
    found = verify(store, stream="triage")
    assert found.ok
    assert sorted(note.kind for note in found.notes) == ["hint", "strange_object", "time_backwards"]
    assert [mapping.digest for mapping in found.retention.never_named] == [unused.digest]
    assert found.channels == ("candidate", "production")
    assert (found.entries, found.mappings) == (6, 7)
    advice = found.to_json()["retention"]
    assert advice["never_named"][0]["bytes"] == len(unused.to_bytes())
    assert "deletes nothing" in advice["advice"]


def test_what_a_later_epoch_has_replaced_is_a_note() -> None:
    store = filled()
    store.objects[entry(5)] = b"junk"
    assert [problem.kind for problem in verify(store, stream="triage").problems] == ["malformed_entry"]
    intent = Intent(publish_id="e", at=AT, by="ada", reason="ruined", expires_at=None)
    open_epoch(store, stream="triage", channel="production", digest=a_mapping(3).digest, intent=intent)
    found = verify(store, stream="triage")
    assert found.ok
    assert [(note.kind, "has replaced" in note.message) for note in found.notes] == [
        ("malformed_entry", True)
    ]


def test_an_empty_stream_is_as_it_should_be() -> None:
    found = verify(FaultyStore(), stream="triage")
    assert (found.ok, found.entries, found.mappings, found.channels) == (True, 0, 0, ())


def test_another_streams_objects_are_not_read() -> None:
    store = filled()
    store.objects["triage-2/channels/production/junk"] = b""
    assert verify(store, stream="triage").notes == ()
