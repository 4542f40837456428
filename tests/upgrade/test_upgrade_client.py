"""Clients of both versions, each on what the other one wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from carried import LAST, Carried, old_client

from calib.client import MappingClient

RAW = [i / 20 for i in range(21)]

ANSWERS = """
from datetime import UTC, datetime
from calib.client import MappingClient
folder, raw = sys.argv[2], [i / 20 for i in range(21)]
client = MappingClient(
    f"file:{folder}/mappings", stream="STREAM", cache=f"{folder}/CACHE", background=False,
    now=lambda: datetime(2026, 6, 3, 6, tzinfo=UTC), scope=SCOPE,
)
status = client.refresh_now()
print(json.dumps({
    "state": status.state, "reason": status.reason,
    "mapping": status.mapping, "generation": status.generation,
    "values": [client.calibrate(x).value for x in raw],
    "sales": [client.calibrate(x, segment="sales").value for x in raw],
    "acts": [client.decide(x, target=0.3).act for x in raw],
}))
"""
SCOPES: dict[str, dict[str, str] | None] = {
    "triage": {"model": "gpt-4o", "prompt": "triage-v7", "score": "verbalized"},
    "support": None,
    "router": None,
}


def of_now(folder: Path, stream: str, cache: str) -> dict[str, Any]:
    """The present client's answers, in the form of the old client's."""
    with MappingClient(
        f"file:{folder / 'mappings'}",
        stream=stream,
        scope=SCOPES[stream],
        cache=folder / cache,
        background=False,
        now=lambda: LAST,
    ) as client:
        status = client.refresh_now()
        return {
            "state": status.state,
            "reason": status.reason,
            "mapping": status.mapping,
            "generation": status.generation,
            "values": [client.calibrate(raw).value for raw in RAW],
            "sales": [client.calibrate(raw, segment="sales").value for raw in RAW],
            "acts": [client.decide(raw, target=0.3).act for raw in RAW],
        }


def of_old(folder: Path, stream: str, cache: str) -> dict[str, Any]:
    script = ANSWERS.replace("STREAM", stream).replace("SCOPE", repr(SCOPES[stream])).replace("CACHE", cache)
    return old_client(folder, script)


def test_the_present_client_serves_from_the_old_cache_while_the_store_is_away(left: Carried) -> None:
    goal = left.expected["client"]
    (left.folder / "mappings").rename(left.folder / "away")
    with MappingClient(
        left.store, stream="triage", cache=left.folder / "cache", background=False, now=lambda: LAST
    ) as client:
        status = client.status()
        assert (status.mapping, status.epoch, status.generation) == (
            goal["mapping"],
            goal["epoch"],
            goal["generation"],
        )
        assert [client.calibrate(raw).value for raw in goal["raw"]] == goal["calibrated"]
        assert [client.calibrate(raw, segment="sales").value for raw in goal["raw"]] == goal["sales"]
        assert [client.decide(raw, target=0.3).act for raw in goal["raw"]] == goal["decided"]
        assert client.refresh_now().mapping == goal["mapping"]
        (left.folder / "away").rename(left.folder / "mappings")
        fresh = client.refresh_now()
    assert (fresh.state, fresh.generation) == ("FRESH", goal["generation"])


def test_both_clients_say_the_same_of_what_was_published_by_the_old_version(left: Carried) -> None:
    for stream in SCOPES:
        now, old = of_now(left.folder, stream, "cache-now"), of_old(left.folder, stream, "cache-old")
        assert now == old
        assert now["state"] == "FRESH"


def test_the_old_client_follows_what_the_present_version_publishes(carried: Carried) -> None:
    """A stored proposal, a mapping fitted now, a rollback and a promotion: entries of all kinds."""
    before = {stream: of_old(carried.folder, stream, "cache") for stream in SCOPES}  # it knows the old heads
    carried.done("evaluate", "triage")
    sheet = carried.folder / "todo.csv"
    carried.done("labels", "import", sheet, "--stream", "support", "--by", "maria")
    carried.done("evaluate", "support")
    carried.done("run", "router", "--period", "2026-05-31")
    made_now = carried.done("mapping", "show", "support")
    assert made_now["digest"] != before["support"]["mapping"]
    for stream in SCOPES:
        old = of_old(carried.folder, stream, "cache")
        assert old["generation"] == before[stream]["generation"] + 1
        assert old["state"] == "FRESH", old["reason"]
        assert old == of_now(carried.folder, stream, "cache-now")
    undone = carried.done("mapping", "rollback", "triage", "--reason", "odd")
    assert of_old(carried.folder, "triage", "cache")["mapping"] == undone["mapping"]
    back = carried.done("mapping", "promote", "triage", carried.entries("triage")[7]["mapping"][:12])
    old = of_old(carried.folder, "triage", "cache")
    assert (old["mapping"], old["generation"]) == (back["mapping"], back["generation"])


def test_the_old_client_serves_raw_where_a_channel_is_withdrawn(carried: Carried) -> None:
    """It does not know the key: the identity that the entry names serves it, and nothing is acted on."""
    before = carried.done("mapping", "show", "triage")["digest"]
    entry = carried.done("mapping", "withdraw", "triage", "--reason", "the labels were wrong")
    old, now = (look(carried.folder, "triage", "cache") for look in (of_old, of_now))
    assert (old["generation"], old["mapping"]) == (entry["generation"], entry["mapping"])
    assert old["values"] == old["sales"] == pytest.approx(RAW, abs=1.1e-6)
    assert (now["state"], now["mapping"], now["generation"]) == ("UNCALIBRATED", None, entry["generation"])
    assert now["values"] == now["sales"] == RAW
    assert "withdrawn" in now["reason"]
    assert not any(old["acts"] + now["acts"])
    carried.done("mapping", "rollback", "triage", "--reason", "they were right")
    for look in (of_old, of_now):
        assert look(carried.folder, "triage", "cache")["mapping"] == before


def test_the_old_client_reads_the_cache_that_the_present_one_wrote(carried: Carried) -> None:
    """Processes of both versions share a folder while a service is being rolled out."""
    carried.done("evaluate", "triage")
    now = of_now(carried.folder, "triage", "cache")
    (carried.folder / "mappings").rename(carried.folder / "away")
    old = of_old(carried.folder, "triage", "cache")
    assert (old["mapping"], old["generation"]) == (now["mapping"], now["generation"])
    assert old["values"] == pytest.approx(now["values"], abs=0)
