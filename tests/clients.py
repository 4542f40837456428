"""A serving client on a clock that tests move, and what acts on its channel."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from calib.client import MappingClient
from calib.format import Entry
from calib.store import Intent, open_epoch
from calib.testing.clock import ManualClock
from calib.testing.mappings import AT, a_mapping


def client(fetcher: Any, clock: ManualClock, **more: Any) -> MappingClient:
    values: dict[str, Any] = {"stream": "triage", "background": False, "fetcher": fetcher}
    return MappingClient("file:unused", **values | more, now=clock.now, monotonic=clock.monotonic)


def epoch(store: Any, i: int) -> Entry:
    return open_epoch(
        store,
        stream="triage",
        channel="production",
        digest=a_mapping(i).digest,
        intent=Intent(publish_id=f"epoch-{i}", at=AT, by="ada", reason="restored", expires_at=None),
    )


def wait_for(happened: Callable[[], Any], seconds: float = 120) -> None:
    """Wait until something has happened; fail if it does not."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)
