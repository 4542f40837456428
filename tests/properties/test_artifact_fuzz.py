"""Whatever lies in a store, a reader gets a sound value or an `ArtifactError`; a client serves on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.client import MappingClient
from calib.errors import ArtifactError
from calib.format import Beta, Entry, Mapping
from calib.format.keys import entry_key, mapping_key
from calib.testing.mappings import a_mapping, put
from calib.testing.store import FaultyStore

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TIMES = st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-03", "", "now"])
MAPPING = a_mapping(
    segments={"s": Beta(1.0, 1.0, 0.0)},
    scope={"model": "m"},
    certificates=({"target": 0.9, "confidence": 0.95, "cut": 0.8, "share": 0.4, "n": 200},),
)


def entry() -> Entry:
    return put(FaultyStore(), MAPPING)


@st.composite
def spoiled(draw: st.DrawFn, original: bytes) -> bytes:
    """The object with one value replaced, removed or added, somewhere inside."""
    values = json.loads(original)
    place: Any = values
    while True:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        if isinstance(place, dict) and draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(JSON | TIMES)
        return json.dumps(values).encode()


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(spoiled(MAPPING.to_bytes()))
def test_a_spoiled_mapping_is_refused_or_sound(data: bytes) -> None:
    try:
        mapping = Mapping.from_bytes(data)
    except ArtifactError:
        return
    for segment in (None, "s"):
        assert 0 < mapping.apply(0.0, segment) <= mapping.apply(1.0, segment) < 1
    assert all(0 < target < 1 and 0 <= cut <= 1 for target, cut in mapping.cuts)
    assert mapping.to_bytes() == data


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(spoiled(entry().to_bytes()), spoiled(MAPPING.to_bytes()), st.booleans())
def test_a_client_serves_on_whatever_comes_next(second: bytes, mapping: bytes, named: bool) -> None:
    import hashlib

    store = FaultyStore()
    put(store, a_mapping(0))
    client = MappingClient("file:x", stream="triage", fetcher=store, background=False)
    client.refresh_now()
    digest = hashlib.sha256(mapping).hexdigest()
    store.objects[mapping_key("triage", digest)] = mapping
    if named:
        first = json.loads(store.objects[entry_key("triage", "production", 1, 1)])
        previous = hashlib.sha256(store.objects[entry_key("triage", "production", 1, 1)]).hexdigest()
        second = json.dumps(first | {"generation": 2, "previous": previous, "mapping": digest}).encode()
    store.objects[entry_key("triage", "production", 1, 2)] = second
    status = client.refresh_now()
    assert 0 < client.calibrate(0.9).value < 1
    assert client.status().state in ("FRESH", "STALE")
    client.decide(0.9, target=0.9)
    assert status.generation in (1, 2)
    assert status.generation == 2 or status.reason


@given(st.binary(max_size=200))
def test_any_bytes_are_no_entry(data: bytes) -> None:
    try:
        Entry.from_bytes(data)
    except ArtifactError:
        return
    raise AssertionError
