"""What one window asks of the object store, whatever the length of the channel's log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest import World

from calib import cycle
from calib.format import Entry
from calib.format.keys import entry_key, hint_key
from calib.period import Period
from calib.store import Store, head, history

CHANNEL: dict[str, Any] = {"stream": "triage", "channel": "production"}


class Counting:
    """A store, and how often it was asked."""

    def __init__(self, store: Store) -> None:
        self._store, self.requests = store, 0

    def __getattr__(self, name: str) -> Any:
        self.requests += 1
        return getattr(self._store, name)


def lengthen(store: Any, last: Entry, more: int) -> None:
    """Add renewals, all of the time of the last entry."""
    for i in range(more):
        last = replace(last, generation=last.generation + 1, previous=last.digest, publish_id=f"renewal {i}")
        store.hint(entry_key("triage", "production", *last.position), last.to_bytes())
    place = f'{{"epoch": {last.epoch}, "generation": {last.generation}}}'
    store.hint(hint_key("triage", "production"), place.encode())


def requests(world: World, *, more: int) -> tuple[int, int]:
    """Those of the second month's opening and of its way to the end, behind a log with `more` entries."""
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    first = cycle.open_window(
        watch, ports, Period.parse("2026-01", "month"), channel="production", replay=True
    )
    cycle.advance(first, ports)
    last = head(ports.store, **CHANNEL)
    assert last is not None
    lengthen(ports.store, last, more)
    counting = Counting(ports.store)
    ports = replace(ports, store=counting)  # type: ignore[arg-type]
    window = cycle.open_window(watch, ports, Period.parse("2026-03", "month"), channel="production")
    opening = counting.requests
    closed = cycle.advance(window, ports)
    assert closed.state == "closed"
    assert len(history(opened.store, **CHANNEL)) == more + 2
    return opening, counting.requests - opening


@pytest.mark.slow
def test_a_window_asks_as_often_behind_a_long_log_as_behind_a_short_one(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = World(tmp_path_factory.mktemp("other"))
    for month in ("2026-01", "2026-03"):
        other.write(month)
    other.settings()
    short, long = requests(world, more=3), requests(other, more=400)
    assert long == short
    assert sum(long) < 40, long
