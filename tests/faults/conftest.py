"""What tests of faults share: a store that fails as told, a clock that is moved, a server that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flaky_server import FlakyServer, flaky_server
from undrawn import undrawn

from calib.testing.clock import ManualClock
from calib.testing.store import FaultyStore


@pytest.fixture
def reports_are_not_drawn() -> Iterator[None]:
    with undrawn():
        yield


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    with flaky_server() as running:
        yield running
