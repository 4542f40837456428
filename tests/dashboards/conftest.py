"""A PostgreSQL database that the product filled with a few windows; two years are in `test_fleet.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dashboard_fleet import Filled
from postgres import Postgres
from watched_streams import NOW, watched_streams


@pytest.fixture(scope="session")
def filled(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Closed periods, one degraded, and an open cohort, all made by the product."""
    with postgres_server.database() as name:
        url = postgres_server.url(name)
        world = watched_streams(tmp_path_factory.mktemp("dashboards"), database=url)
        app = world.open(NOW)
        yield Filled(world, app, name)
        app.engine.dispose()
