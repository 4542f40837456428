"""`calib mapping history`, `verify` and `open-epoch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import World

from calib.client import MappingClient
from calib.store import history
from calib.testing.mappings import a_mapping, put


@pytest.fixture
def store(world: World) -> Any:
    opened = world.open().store
    for i in range(3):
        put(opened, a_mapping(i), by="ada" if i == 2 else "calibwatch", reason=f"reason {i}")
    return opened


def channel_file(world: World, name: str) -> Path:
    return world.folder / "mappings" / "triage" / "channels" / "production" / name


def test_history_says_who_when_and_why_through_all_epochs(world: World, calib: Any, store: Any) -> None:
    config = ("--config", world.config)
    start = a_mapping(1).digest[:12]
    opened = calib("mapping", "open-epoch", "triage", start, "--reason", "restored", "--json", *config).json
    assert (opened["epoch"], opened["generation"], opened["previous"]) == (2, 1, None)
    entries = calib("mapping", "history", "triage", "--json", *config).json["entries"]
    assert [(e["epoch"], e["generation"]) for e in entries] == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert [e["by"] for e in entries[:3]] == ["calibwatch", "calibwatch", "ada"]
    assert entries[1]["previous"] == entries[0]["digest"]
    text = calib("mapping", "history", "triage", *config).out
    assert "ada: reason 2" in text
    assert "restored" in text


def test_a_sound_log_is_found_sound(world: World, calib: Any, store: Any) -> None:
    ran = calib("mapping", "verify", "triage", "--json", "--config", world.config)
    assert ran.code == 0
    assert ran.json | {"retention": None} == {
        "stream": "triage",
        "ok": True,
        "channels": ["production"],
        "entries": 3,
        "mappings": 3,
        "problems": [],
        "notes": [],
        "retention": None,
    }


def test_what_is_wrong_is_named_and_exits_1(world: World, calib: Any, store: Any) -> None:
    channel_file(world, "0001-000000000002.json").unlink()
    ran = calib("mapping", "verify", "triage", "--json", "--config", world.config)
    assert ran.code == 1
    (problem,) = ran.json["problems"]
    assert problem["kind"] == "gap"
    assert problem["key"].endswith("0001-000000000003.json")
    said = calib("mapping", "verify", "triage", "--config", world.config)
    assert said.code == 1
    assert "entry 1/2 is missing" in said.out


def test_a_person_leads_clients_out_of_a_fork(world: World, calib: Any, store: Any) -> None:
    """A restored bucket: the client refuses, a new epoch is opened, it follows; nothing is deleted."""
    config = ("--config", world.config)
    url = f"file:{world.folder / 'mappings'}"
    with MappingClient(url, stream="triage", background=False) as client:
        assert client.refresh_now().generation == 3
        channel_file(world, "0001-000000000003.json").unlink()
        put(store, a_mapping(7), reason="after the restore")
        assert "forked" in client.refresh_now().reason
        assert client.status().mapping == a_mapping(2).digest
        there = set((world.folder / "mappings").rglob("*.json"))
        calib("mapping", "open-epoch", "triage", a_mapping(7).digest[:9], "--reason", "restored", *config)
        assert client.refresh_now()[:4] == ("FRESH", a_mapping(7).digest, 2, 1)
        assert there < set((world.folder / "mappings").rglob("*.json"))
    assert calib("mapping", "verify", "triage", *config).code == 0


@pytest.mark.parametrize("verb", ["history", "verify"])
def test_a_stream_that_does_not_exist_is_refused(world: World, calib: Any, verb: str) -> None:
    ran = calib("mapping", verb, "nobody", "--json", "--config", world.config)
    assert ran.code == 2
    assert "nobody" in ran.err


def test_a_new_epoch_wants_a_reason_and_a_log(world: World, calib: Any) -> None:
    config = ("--config", world.config)
    opened = world.open().store
    put(opened, a_mapping(1), channel="elsewhere")
    digest = a_mapping(1).digest[:12]
    assert calib("mapping", "open-epoch", "triage", digest, *config).code == 2
    ran = calib("mapping", "open-epoch", "triage", digest, "--reason", "r", *config)
    assert ran.code == 2
    assert "no entry yet" in ran.err
    assert history(opened, stream="triage", channel="production") == []


def test_the_versions_are_listed_with_when_they_were_named(world: World, calib: Any, store: Any) -> None:
    shown = calib("mapping", "list", "triage", "--json", "--config", world.config).json
    assert [m["last_named"]["reason"] for m in shown["mappings"]] == ["reason 0", "reason 1", "reason 2"]
    assert len(shown["entries"]) == 3
    path = world.folder / "mappings" / "triage" / "mappings" / f"{a_mapping(0).digest}.json"
    path.write_bytes(b"{}")
    lines = calib("mapping", "list", "triage", "--config", world.config).out.splitlines()
    assert sum("DAMAGED" in line for line in lines) == 1
    assert [line[0] for line in lines].count("→") == 1
