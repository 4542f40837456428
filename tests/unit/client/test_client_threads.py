"""The serving client's threads: one for each process that calls it, and none that outlives it."""

from __future__ import annotations

import pickle
import threading
from importlib import import_module
from typing import Any

import pytest
from clients import client

from calib.client import MappingClient, forks
from calib.client.polling import Polling
from calib.errors import InvalidInput
from calib.testing.clock import ManualClock
from calib.testing.mappings import a_mapping, put
from calib.testing.store import FaultyStore


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_client_that_is_gone_leaves_no_thread(store: FaultyStore) -> None:
    before = set(threading.enumerate())
    c = MappingClient("file:x", stream="triage", fetcher=store, refresh=0.01)
    (mine,) = set(threading.enumerate()) - before
    assert mine.name == "calib-client"
    del c
    mine.join(120)
    assert not mine.is_alive()


def test_in_a_forked_process_the_first_call_starts_one_thread_and_no_more(
    store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, a_mapping(0), expires_at=None)
    with MappingClient("file:x", stream="triage", fetcher=store, refresh=600) as c:
        before = set(threading.enumerate())
        monkeypatch.setattr(forks, "count", forks.count + 1)
        assert set(threading.enumerate()) == before
        all_have_noticed = threading.Barrier(8)

        class Noticed(Polling):
            def __init__(self) -> None:
                super().__init__()
                all_have_noticed.wait(120)

        monkeypatch.setattr(import_module("calib.client.client"), "Polling", Noticed)

        def call() -> None:
            c.calibrate(0.5), c.decide(0.5, target=0.9), c.status()

        callers = [threading.Thread(target=call) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        c.refresh_now()
        started = set(threading.enumerate()) - before
        assert [thread.name for thread in started] == ["calib-client"]


@pytest.mark.parametrize("call", ["calibrate", "decide", "status", "refresh_now"])
def test_each_of_the_four_calls_starts_the_polls_of_a_forked_process(
    store: FaultyStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    more: dict[str, Any] = {"decide": {"raw": 0.5, "target": 0.9}, "calibrate": {"raw": 0.5}}.get(call, {})
    with MappingClient("file:x", stream="triage", fetcher=store, refresh=600) as c:
        before = set(threading.enumerate())
        monkeypatch.setattr(forks, "count", forks.count + 1)
        getattr(c, call)(**more)
        assert len(set(threading.enumerate()) - before) == 1


def test_a_client_that_was_closed_or_has_no_thread_gets_none_in_a_forked_process(
    store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = MappingClient("file:x", stream="triage", fetcher=store, refresh=600)
    closed.close()
    without = MappingClient("file:x", stream="triage", fetcher=store, background=False)
    before = set(threading.enumerate())
    monkeypatch.setattr(forks, "count", forks.count + 1)
    for c in (closed, without):
        c.calibrate(0.5), c.status()
    assert set(threading.enumerate()) - before == set()


def test_a_process_that_may_have_no_thread_serves_and_says_so(
    store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    put(store, a_mapping(0), expires_at=None)
    monkeypatch.setattr(threading.Thread, "start", refused)
    c = MappingClient("file:x", stream="triage", fetcher=store)
    assert c.calibrate(0.5).value == 0.5
    assert "no thread can be started to poll: can't start new thread" in c.status().reason
    assert c.refresh_now().state == "FRESH"


def test_a_client_is_not_sent_to_another_process(store: FaultyStore, clock: ManualClock) -> None:
    with pytest.raises(InvalidInput, match="make one there"):
        pickle.dumps(client(store, clock))
