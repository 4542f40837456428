"""The serving client: boring, whatever the store does."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clients import client

from calib.client import MappingClient
from calib.errors import InvalidInput
from calib.format import Mapping, PiecewiseLinear
from calib.format.keys import entry_key
from calib.store import Intent, rollback
from calib.testing.clock import ManualClock
from calib.testing.mappings import AT, a_mapping
from calib.testing.mappings import put as publish_mapping
from calib.testing.store import FaultyStore


def mapping(i: int, **more: Any) -> Mapping:
    return a_mapping(i, **more)


def one(i: int) -> float:
    """What mapping `i` makes of a raw 1.0."""
    return mapping(i).apply(1.0)


def put(store: FaultyStore, i: int, *, days: float | None = 60, **more: Any) -> None:
    expires = None if days is None else AT + timedelta(days=days)
    publish_mapping(store, mapping(i, **more), expires_at=expires)


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_it_starts_uncalibrated_and_says_so(store: FaultyStore, clock: ManualClock) -> None:
    c = client(store, clock)
    assert c.calibrate(0.9) == (0.9, 0.9, None, "INITIALIZING")
    assert c.refresh_now().state == "UNCALIBRATED"
    assert c.calibrate(0.9).status == "UNCALIBRATED"
    assert not c.decide(0.99, target=0.9).act


def test_it_follows_the_channel_and_notices_a_rollback(store: FaultyStore, clock: ManualClock) -> None:
    put(store, 0)
    c = client(store, clock)
    assert c.refresh_now().state == "FRESH"
    assert c.calibrate(1.0) == (one(0), 1.0, mapping(0).digest, "FRESH")
    put(store, 1)
    assert c.calibrate(1.0).value == one(0)
    assert c.refresh_now().generation == 2
    assert c.calibrate(1.0).value == one(1)
    rollback(
        store,
        stream="triage",
        channel="production",
        intent=Intent(publish_id="r", at=AT, by="ada", reason="odd", expires_at=None),
    )
    assert c.refresh_now().generation == 3
    assert c.calibrate(1.0).value == one(0)


def test_arrays_come_back_as_arrays(store: FaultyStore, clock: ManualClock) -> None:
    put(store, 0)
    c = client(store, clock)
    c.refresh_now()
    raw = np.linspace(0, 1, 5)
    answer = c.calibrate(raw)
    assert answer.value.tolist() == [c.calibrate(r).value for r in raw.tolist()]


@pytest.mark.parametrize("raw", [1.5, -0.1, 1.00001, float("inf"), "0.9", ["a", "b"], None])
def test_only_the_callers_own_mistake_is_raised(store: FaultyStore, clock: ManualClock, raw: Any) -> None:
    c = client(store, clock)
    with pytest.raises(InvalidInput):
        c.calibrate(raw)
    put(store, 0)
    c.refresh_now()
    with pytest.raises(InvalidInput):
        c.calibrate(raw)


def test_an_expired_mapping_serves_and_is_said_to_be_stale(store: FaultyStore, clock: ManualClock) -> None:
    put(store, 0, days=1)
    c = client(store, clock)
    c.refresh_now()
    clock.pass_by(days=2)
    assert c.calibrate(1.0) == (one(0), 1.0, mapping(0).digest, "STALE")
    assert "expired" in c.status().reason
    assert not c.decide(1.0, target=0.5).act


def test_a_store_that_is_down_leaves_the_last_known_good(store: FaultyStore, clock: ManualClock) -> None:
    put(store, 0)
    c = client(store, clock, refresh=100)
    c.refresh_now()
    store.down = True
    clock.seconds = 250
    assert c.refresh_now().state == "FRESH"
    clock.seconds = 301
    status = c.refresh_now()
    assert (status.state, status.age_seconds) == ("STALE", 301)
    assert "down" in status.reason
    assert c.calibrate(1.0).value == one(0)


def test_a_cold_start_with_the_store_down_uses_the_cache(
    store: FaultyStore, clock: ManualClock, tmp_path: Path
) -> None:
    put(store, 0)
    client(store, clock, cache=tmp_path).refresh_now()
    store.down = True
    c = client(store, clock, cache=tmp_path)
    assert c.calibrate(1.0).value == one(0)
    assert c.status().state == "STALE"
    assert "cache" in c.status().reason


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"null", b'{"entry": 1, "mapping": 2}', b"\xff"])
def test_a_corrupt_cache_is_no_cache(
    store: FaultyStore, clock: ManualClock, tmp_path: Path, content: bytes
) -> None:
    put(store, 0)
    folder = tmp_path / "triage" / "production"
    folder.mkdir(parents=True)
    (folder / "0001-000000000001.json").write_bytes(content)
    c = client(store, clock, cache=tmp_path)
    assert c.status().state == "INITIALIZING"
    assert c.refresh_now().state == "FRESH"


def test_another_scope_is_uncalibrated_and_says_why(store: FaultyStore, clock: ManualClock) -> None:
    put(store, 0, scope={"model": "gpt-4o", "prompt": "v7"})
    c = client(store, clock, scope={"model": "gpt-5"})
    c.refresh_now()
    assert c.calibrate(0.9) == (0.9, 0.9, None, "UNCALIBRATED")
    assert "gpt-5" in c.status().reason
    fits = client(store, clock, scope={"model": "gpt-4o"})
    assert fits.refresh_now().state == "FRESH"


def test_it_acts_by_certificate_alone(store: FaultyStore, clock: ManualClock) -> None:
    certificates = ({"target": 0.9, "cut": 0.8}, {"target": 0.97, "cut": 0.95})
    put(store, 0, certificates=certificates)
    c = client(store, clock)
    c.refresh_now()
    assert c.decide(0.8, target=0.9).act
    assert not c.decide(0.79, target=0.9).act
    assert not c.decide(0.94, target=0.9, steps=3).act  # three steps need .9655 each
    assert c.decide(0.95, target=0.9, steps=3).act
    refused = c.decide(1.0, target=0.99)
    assert not refused.act
    assert "no certificate" in refused.reason


def test_a_bundled_mapping_serves_until_something_is_fetched(
    store: FaultyStore, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "bundled.json"
    path.write_bytes(mapping(7).to_bytes())
    c = client(store, clock, bundled=path)
    assert c.calibrate(1.0).value == one(7)
    assert "bundled" in c.status().reason
    put(store, 0)
    c.refresh_now()
    assert c.calibrate(1.0).value == one(0)


def test_it_polls_by_itself_and_stops_when_closed(store: FaultyStore) -> None:
    put(store, 0)
    fetched = threading.Event()
    real = store.get

    def get(key: str) -> bytes | None:
        if key == entry_key("triage", "production", 1, 2):
            fetched.set()
        return real(key)

    store.get = get  # type: ignore[method-assign]
    with MappingClient("file:x", stream="triage", fetcher=store, refresh=0.02) as c:
        assert fetched.wait(120)
        fetched.clear()
        assert fetched.wait(120)
        assert c.calibrate(1.0).value == one(0)


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/x"])
def test_bad_arguments_are_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidInput):
        MappingClient(url, stream="triage", background=False)
    with pytest.raises(InvalidInput):
        MappingClient("file:x", stream="../x", background=False)
    with pytest.raises(InvalidInput):
        MappingClient("file:x", stream="a", refresh=0, background=False)


def test_a_bundled_mapping_serves_another_scope_than_the_channels(
    store: FaultyStore, clock: ManualClock, tmp_path: Path
) -> None:
    """A new model is deployed with its mapping while the channel still names the old one's."""
    put(store, 0, scope={"model": "old"})
    path = tmp_path / "bundled.json"
    path.write_bytes(
        mapping(7, scope={"model": "new"}, certificates=({"target": 0.9, "cut": 0.1},)).to_bytes()
    )
    c = client(store, clock, bundled=path, scope={"model": "new"})
    status = c.refresh_now()
    assert (status.state, status.mapping) == (
        "STALE",
        mapping(7, scope={"model": "new"}, certificates=({"target": 0.9, "cut": 0.1},)).digest,
    )
    assert "'old'" in status.reason
    refused = c.decide(0.99, target=0.9)
    assert not refused.act
    assert "bundled" in refused.reason


@pytest.mark.parametrize("content", [None, b"{", a_mapping(stream="other").to_bytes()])
def test_a_bundled_mapping_that_cannot_serve_is_refused_at_once(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "bundled.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bundled"):
        MappingClient("file:x", stream="triage", bundled=path, background=False)


def test_the_lowest_target_that_suffices_decides(store: FaultyStore, clock: ManualClock) -> None:
    """A grid of targets: a chain of k steps needs the k-th root at each."""
    grid = [(0.80, 0.5), (0.90, 0.7), (0.95, 0.8), (0.97, 0.85), (0.98, 0.9)]
    certificates = tuple({"target": target, "cut": cut} for target, cut in reversed(grid))
    put(store, 0, certificates=certificates)
    c = client(store, clock)
    c.refresh_now()
    for target, steps, cut in [(0.8, 1, 0.5), (0.9, 1, 0.7), (0.901, 1, 0.8), (0.9, 2, 0.8), (0.9, 3, 0.85)]:
        assert c.decide(1.0, target=target, steps=steps).cut == cut
    assert c.decide(0.95, target=0.95**3, steps=3).cut == 0.8  # no last bit of a root stands in the way
    assert c.decide(1.0, target=0.9, steps=6).cut is None


def test_a_segment_with_its_own_curve_has_no_certificate(store: FaultyStore, clock: ManualClock) -> None:
    own = {"billing": PiecewiseLinear(x=(0.0, 1.0), y=(0.2, 0.3))}
    put(store, 0, segments=own, certificates=({"target": 0.9, "cut": 0.5},))
    c = client(store, clock)
    c.refresh_now()
    assert c.calibrate(1.0, segment="billing").value == 0.3
    assert c.calibrate(1.0, segment="sales").value == one(0)
    assert not c.decide(0.9, target=0.9, segment="billing").act
    assert c.decide(0.9, target=0.9, segment="sales").act


@pytest.mark.parametrize("mapped", [False, True])
def test_what_is_just_beyond_an_end_is_that_end(store: FaultyStore, clock: ManualClock, mapped: bool) -> None:
    c = client(store, clock)
    if mapped:
        put(store, 0)
        c.refresh_now()
    for raw, end in ((1.0000000000000002, 1.0), (1.0000001192092896, 1.0), (-1.1e-16, 0.0), (-1e-6, 0.0)):
        assert c.calibrate(raw).value == c.calibrate(end).value
        assert c.decide(raw, target=0.9).act == c.decide(end, target=0.9).act
    given = np.array([0.2, np.float32(1.0000001), -1e-9, 1.0])
    assert c.calibrate(given).value.tolist() == [c.calibrate(v).value for v in (0.2, 1.0, 0.0, 1.0)]
    assert (c.status().rounded, c.status().unusable) == (10, 0)


@pytest.mark.parametrize("mapped", [False, True])
def test_a_value_that_is_no_confidence_is_nan_alone_and_counted(
    store: FaultyStore, clock: ManualClock, mapped: bool
) -> None:
    c = client(store, clock)
    if mapped:
        put(store, 0)
        c.refresh_now()
    good = c.calibrate([0.2, 0.9]).value.tolist()
    for given in ([0.2, float("nan"), 0.9], [0.2, 1.5, 0.9], [0.2, None, 0.9], np.array([0.2, -1, 0.9])):
        value = c.calibrate(given).value
        assert np.isnan(value[1])
        assert value[[0, 2]].tolist() == good
    assert c.status().unusable == 4
    assert np.isnan(c.calibrate(float("nan")).value)
    assert np.isnan(c.calibrate(np.float32("nan")).value)
    assert not c.decide(float("nan"), target=0.9).act
    assert c.status().unusable == 7


def test_small_floats_and_masked_values_are_read_as_files_are(store: FaultyStore, clock: ManualClock) -> None:
    put(store, 0, certificates=({"target": 0.9, "cut": 0.7},))
    c = client(store, clock)
    c.refresh_now()
    for kind in (np.float32, np.float16):
        assert c.calibrate(kind(0.7)).value == c.calibrate(0.7).value
        assert (
            c.calibrate(np.array([0.3, 0.7], dtype=kind)).value.tolist()
            == c.calibrate([0.3, 0.7]).value.tolist()
        )
        assert c.decide(kind(0.7), target=0.9).act  # the float itself lies below the cut
    value = c.calibrate(np.ma.masked_array([0.3, 0.7], [0, 1])).value
    assert (value[0], np.isnan(value[1])) == (c.calibrate(0.3).value, True)
    assert c.status().unusable == 1


@pytest.mark.parametrize(
    "raw", [True, np.True_, np.array([True]), [True, False], pytest.param(10**400, id="huge")]
)
def test_a_boolean_is_no_confidence(store: FaultyStore, clock: ManualClock, raw: Any) -> None:
    c = client(store, clock)
    with pytest.raises(InvalidInput):
        c.calibrate(raw)
    with pytest.raises(InvalidInput):
        c.decide(raw, target=0.9)


@pytest.mark.parametrize(
    ("named", "asked"), [("5", 5), ("5", 5.0), ("5", " 5.0"), ("a b", " a b\n"), ("true", True)]
)
def test_a_segment_has_one_spelling_whatever_its_type(
    store: FaultyStore, clock: ManualClock, named: str, asked: Any
) -> None:
    own = {named: PiecewiseLinear(x=(0.0,), y=(0.123,))}
    put(store, 0, segments=own, certificates=({"target": 0.9, "cut": 0.5},))
    c = client(store, clock)
    c.refresh_now()
    assert c.calibrate(0.9, segment=asked).value == 0.123 != c.calibrate(0.9, segment="another").value
    assert not c.decide(0.9, target=0.9, segment=asked).act  # it has no certificate of its own
    assert c.decide(0.9, target=0.9, segment="another").act


@pytest.mark.parametrize("several", [["a"], {"a": 1}, np.array(["a"])])
def test_a_segment_is_one_name(store: FaultyStore, clock: ManualClock, several: Any) -> None:
    put(store, 0, segments={"a": PiecewiseLinear(x=(0.0,), y=(0.123,))})
    c = client(store, clock)
    for known in (False, True):
        if known:
            c.refresh_now()
        with pytest.raises(InvalidInput, match="segment is the name of one segment"):
            c.calibrate(0.9, segment=several)
    with pytest.raises(InvalidInput, match="segment is the name of one segment"):
        c.decide(0.9, target=0.9, segment=several)


def test_values_are_counted_by_many_threads(store: FaultyStore, clock: ManualClock) -> None:
    c = client(store, clock)
    work = [
        threading.Thread(target=lambda: [c.calibrate(float("nan")) for _ in range(500)]) for _ in range(8)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert c.status().unusable == 4000


@pytest.mark.parametrize("raw", [[0.5, 0.6], "0.9", None, 1.1])
def test_decide_takes_one_confidence(store: FaultyStore, clock: ManualClock, raw: Any) -> None:
    with pytest.raises(InvalidInput):
        client(store, clock).decide(raw, target=0.9)


def test_hooks_see_every_answer_and_cannot_hurt(store: FaultyStore, clock: ManualClock) -> None:
    put(store, 0)
    seen: list[Any] = []

    def broken(answer: Any, context: Any) -> None:
        raise RuntimeError("a full queue")

    c = client(store, clock, hooks=[broken, lambda answer, context: seen.append((answer, context))])
    c.refresh_now()
    answers = [c.calibrate(0.9, context="a"), c.decide(0.9, target=0.9, context="b"), c.calibrate([0.1])]
    assert [(answer.mapping, context) for answer, context in seen] == [
        (mapping(0).digest, "a"),
        (mapping(0).digest, "b"),
        (mapping(0).digest, None),
    ]
    assert seen[0][0] == answers[0]
    assert c.status().state == "FRESH"
    assert "a hook failed: RuntimeError" in c.status().reason


def test_arrays_are_arrays_without_a_mapping_too(store: FaultyStore, clock: ManualClock) -> None:
    answer = client(store, clock).calibrate([0.25, 1])
    assert isinstance(answer.value, np.ndarray)
    assert answer.value.tolist() == [0.25, 1.0]


def test_a_fetcher_that_raises_anything_is_reported(clock: ManualClock) -> None:
    class Broken:
        def get(self, key: str) -> bytes | None:
            raise ZeroDivisionError("by a plugin")

    c = client(Broken(), clock)  # type: ignore[arg-type]
    assert c.refresh_now()[0] == "UNCALIBRATED"
    assert "ZeroDivisionError" in c.status().reason
