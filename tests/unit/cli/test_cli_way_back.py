"""`calib mapping withdraw` and `publish`, and rollbacks from the command line."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest
from conftest import World

from calib.client import MappingClient
from calib.store import history
from calib.testing.mappings import a_mapping, put


@pytest.fixture
def two(world: World) -> Any:
    store = world.open().store
    put(store, a_mapping(0)), put(store, a_mapping(1))
    return store


def client_of(world: World, **how: Any) -> MappingClient:
    return MappingClient(f"file:{world.folder / 'mappings'}", stream="triage", background=False, **how)


@pytest.mark.slow
def test_a_withdrawn_stream_serves_raw_until_a_person_promotes(world: World, calib: Any, two: Any) -> None:
    config = ("--config", world.config)
    assert calib("mapping", "withdraw", "triage", *config).code == 2  # without a reason
    ran = calib("mapping", "withdraw", "triage", "--reason", "labels were wrong", "--json", *config)
    assert (ran.json["withdrawn"], ran.json["generation"], ran.json["expires_at"]) == (True, 3, None)
    assert (ran.json["by"], ran.json["reason"]) == (getpass.getuser(), "labels were wrong")
    with client_of(world) as client:
        assert client.refresh_now().state == "UNCALIBRATED"
        assert client.calibrate(0.75)[:3] == (0.75, 0.75, None)
        assert "withdrawn" in calib("mapping", "history", "triage", *config).out
        assert "withdrawn" in calib("mapping", "list", "triage", *config).out
        for verb in (["show", "triage"], ["apply", "triage", "0.5"]):
            refused = calib("mapping", *verb, *config)
            assert (refused.code, "withdrawn since" in refused.err) == (2, True)
        again = calib("mapping", "withdraw", "triage", "--reason", "twice", *config)
        assert (again.code, "withdrawn since" in again.err) == (2, True)
        calib("mapping", "promote", "triage", a_mapping(0).digest[:9], *config)
        assert client.refresh_now()[:2] == ("FRESH", a_mapping(0).digest)
    assert calib("mapping", "verify", "triage", *config).code == 0


def test_the_first_mapping_cannot_be_rolled_back_and_the_way_is_named(world: World, calib: Any) -> None:
    put(world.open().store, a_mapping(0))
    config = ("--config", world.config)
    ran = calib("mapping", "rollback", "triage", *config)
    assert ran.code == 2
    assert "`calib mapping withdraw triage --reason …`" in ran.err
    said = calib("mapping", "withdraw", "triage", "--reason", "r", *config).out
    assert "calib mapping promote triage DIGEST" in said
    assert calib("mapping", "rollback", "triage", "--json", *config).json["mapping"] == a_mapping(0).digest


@pytest.mark.slow
def test_a_mapping_of_one_s_own_is_checked_shown_and_published(
    world: World, calib: Any, two: Any, tmp_path: Path
) -> None:
    world.settings('scope = { model = "gpt-4o" }')
    config = ("--config", world.config)
    evidence = {"period": "2026-01", "labels": 800, "ece_after": {"ece": 0.012, "low": 0.0, "high": 0.03}}
    certificate = {
        "target": 0.9,
        "confidence": 0.95,
        "cut": 0.95,
        "share": 0.4,
        "n": 205,
        "accuracy_low": 0.91,
    }
    own = a_mapping(5, scope={"model": "gpt-4o"}, evidence=evidence, certificates=(certificate,))
    file = tmp_path / "own.json"
    file.write_bytes(own.to_bytes() + b"\n")  # other bytes, and so another digest
    said = calib("mapping", "publish", file, "triage", "--reason", "fitted offline", *config).out
    assert "800 labels, 2026-01" in said
    assert "0.9 from 0.95 on" in said
    last = history(two, stream="triage", channel="production")[-1]
    assert (last.by, last.reason, last.generation) == (getpass.getuser(), "fitted offline", 3)
    ran = calib("mapping", "publish", file, "triage", "--reason", "r", "--json", "--channel", "c", *config)
    assert (ran.json["channel"], ran.json["evidence"]) == ("c", evidence)
    assert ran.json["certificates"] == [certificate]
    with client_of(world, scope={"model": "gpt-4o"}) as client:
        assert client.refresh_now()[:2] == ("FRESH", last.mapping)
        assert client.decide(0.96, target=0.9).act
    bare = tmp_path / "bare.json"
    bare.write_bytes(a_mapping(6).to_bytes())
    assert "no evidence" in calib("mapping", "publish", bare, "triage", "--reason", "r", *config).out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "one JSON object"),
        (a_mapping(1, stream="other").to_bytes(), "made for the stream other"),
        (a_mapping(1, scope={"model": "gpt-5"}).to_bytes(), "clients would not apply it"),
        (a_mapping(1).to_bytes().replace(b"piecewise_linear", b"spline"), "spline"),
        (b" " * (1 << 20) + a_mapping(1).to_bytes(), "more than 1048576"),
        (a_mapping(1).to_bytes().replace(b'"default":{', b'"default":{"y":[0.5],', 1), "has 'y' twice"),
        (None, "cannot be read"),
    ],
)
def test_what_no_client_would_use_is_not_published(
    world: World, calib: Any, two: Any, tmp_path: Path, content: bytes | None, said: str
) -> None:
    world.settings('scope = { model = "gpt-4o" }')
    file = tmp_path / "own.json"
    if content is not None:
        file.write_bytes(content)
    ran = calib("mapping", "publish", file, "triage", "--reason", "r", "--config", world.config)
    assert ran.code == 2
    assert said in ran.err
    assert len(history(two, stream="triage", channel="production")) == 2


@pytest.mark.parametrize("verb", ["rollback", "promote"])
@pytest.mark.parametrize("watched", ["a", "b"])
def test_a_way_to_a_mapping_of_another_scope_is_gone_and_said(
    world: World, calib: Any, verb: str, watched: str
) -> None:
    old, store = a_mapping(0, scope={"model": "a"}), world.open().store
    put(store, old), put(store, a_mapping(1, scope={"model": "b"}))
    world.settings(f'scope = {{ model = "{watched}" }}')
    name = [old.digest[:9]] if verb == "promote" else []
    ran = calib("mapping", verb, "triage", *name, "--config", world.config)
    assert ran.code == 0
    assert history(store, stream="triage", channel="production")[-1].mapping == old.digest
    told = "is for model 'a', and the settings watch 'b'" in ran.err
    assert told is (watched == "b")
    with client_of(world, scope={"model": watched}) as client:
        assert (client.refresh_now().state == "UNCALIBRATED") is told


def test_a_person_is_never_taken_for_a_schedule(
    world: World, calib: Any, two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container people may well work as the user `calibwatch`, whose moves a schedule may overrule."""
    monkeypatch.setenv("LOGNAME", "calibwatch")
    ran = calib("mapping", "rollback", "triage", "--json", "--config", world.config)
    assert ran.json["by"] == "calibwatch (by hand)"
