"""A PostgreSQL database that the product filled, and a copy of it with two years of thirty streams."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dashboard_fleet import COPIES, ITEMS, MONTHS, STREAMS, Filled
from postgres import Postgres
from sqlalchemy import Engine, text
from watched_streams import NOW, watched_streams

from calib.db.engine import open_engine


@pytest.fixture(scope="session")
def filled(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Closed periods, one degraded, and an open cohort, all made by the product."""
    with postgres_server.database() as name:
        url = postgres_server.url(name)
        world = watched_streams(tmp_path_factory.mktemp("dashboards"), database=url)
        app = world.open(NOW)
        yield Filled(world, app, name)
        app.engine.dispose()


@pytest.fixture(scope="session")
def fleet(postgres_server: Postgres, filled: Filled) -> Iterator[Engine]:
    """Two years of thirty streams.

    The product made the two windows of one stream; they are copied by SQL under other names and months, with
    other numbers, with 40 of their items, and with their alerts.
    """
    with postgres_server.database(template=filled.name) as name:
        engine = open_engine(postgres_server.url(name))
        with engine.begin() as conn:
            for statement in COPIES:
                conn.execute(text(statement), {"streams": STREAMS, "months": MONTHS, "items": ITEMS})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("ANALYZE"))
        yield engine
        engine.dispose()
