"""What many tests share: real data where it is, and a deployment over traffic made for the test."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: every core has a test process already

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ready_schema
from browser import Browser, browser
from hypothesis import HealthCheck, settings
from log_records import Records
from object_servers import Server, azure, cache_folder, s3, seaweedfs
from planted import (  # noqa: F401  hooks of pytest
    TEXT,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
)
from postgres import Postgres, postgres
from slow_programs import (  # noqa: F401  hooks of pytest
    pytest_collection_modifyitems,
    pytest_ignore_collect,
    pytest_runtest_protocol,
    pytest_sessionstart,
    pytest_xdist_auto_num_workers,
)
from sqlalchemy import Engine

from calib.app import App
from calib.db.engine import open_engine
from calib.db.schema import migrate

# how long an example takes says how busy the machine is, and nothing about the code
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("untimed"), max_examples=20)  # of `make fast`
settings.load_profile("untimed")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.pop("SLACK_BOT_TOKEN", None)
# A report takes a second to draw, and hundreds of windows are closed here: the tests of reports turn them on.
os.environ.setdefault("CALIB_REPORTS", "false")
ready_schema.switch_on()


def pytest_collection_finish() -> None:
    """Collected tests live to the end: look for garbage seldom, and not among them."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


LEVELS = np.array([0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
SHARES = np.array([0.10, 0.15, 0.20, 0.25, 0.20, 0.10])
NOW = datetime(2026, 6, 3, 6, tzinfo=UTC)


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Records:
    """What the test has logged so far: what goes wrong in production is found in the log, or not at all."""
    return Records(caplog)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real confidence data; the test is skipped, saying so, where it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CALIB_REAL_DATA", default))
    if not (folder / "sports_soccer_spi.parquet").is_file():
        pytest.skip(f"no real data in {folder}: set CALIB_REAL_DATA")
    return folder


@pytest.fixture(autouse=True)
def _no_log_of_an_earlier_test() -> None:
    """A flow of an earlier test leaves a handler behind, which writes to what was captured of that test."""
    for name in (None, "prefect", "prefect.flow_runs", "prefect.task_runs", "calib"):
        logger = logging.getLogger(name)
        for handler in logger.handlers[:]:
            if getattr(getattr(getattr(handler, "console", None), "file", None), "closed", False):
                logger.removeHandler(handler)


@pytest.fixture
def real_migrations() -> Iterator[None]:
    """Migrations that run step by step on SQLite too."""
    with ready_schema.migrated_for_real():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """PostgreSQL on loopback, started when the first test asks."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    """S3 on loopback, by moto."""
    with s3() as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs_server() -> Iterator[Server]:
    """S3 on loopback, by SeaweedFS: a real server, started when the first test asks."""
    with seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Server]:
    """Azure on loopback; skipped, saying so, where Node is missing."""
    with azure(cache_folder()) as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, started when the first test asks; skipped, saying so, where it is not installed."""
    with browser() as opened:
        yield opened


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The URL of an empty database on PostgreSQL."""
    with postgres_server.database() as name:
        yield postgres_server.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'calib.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for a database of each kind, its schema up to date."""
    made = open_engine(database_url)
    migrate(made)
    yield made
    made.dispose()


def month_of_traffic(
    period: str, *, n: int = 1500, seed: int = 0, accuracy: Callable[[Any], Any] = lambda s: s - 0.12
) -> pa.Table:
    """A month of an overconfident model's traffic with its outcomes."""
    rng = np.random.default_rng([seed, int(period.replace("-", ""))])
    raw = rng.choice(LEVELS, n, p=SHARES)
    start = datetime.fromisoformat(f"{period}-01T00:00:00+00:00")
    ts = [start + timedelta(seconds=int(s)) for s in rng.integers(0, 27 * 86_400, n)]
    return pa.table(
        {
            "prediction_id": [f"{period}-{i}" for i in range(n)],
            "ts": pa.array(ts, pa.timestamp("us", "UTC")),
            "raw_confidence": raw,
            "correct": (rng.random(n) < np.clip(accuracy(raw), 0, 1)).astype("int8"),
            "question": [f"question {i}: {TEXT}" for i in range(n)],
        }
    )


@dataclass
class World:
    """A folder with traffic and settings, and the deployment over it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "calib.toml"

    def write(self, period: str, **how: Any) -> pa.Table:
        """Write one month of traffic."""
        (self.folder / "traffic").mkdir(exist_ok=True)
        table = month_of_traffic(period, **how)
        pq.write_table(table, self.folder / "traffic" / f"{period}.parquet")
        return table

    def settings(self, stream: str = "", head: str = "", *, review: str | None = None) -> None:
        """Write calib.toml; `stream` and `head` are lines of their own."""
        review = review or 'review = { kind = "outcomes", column = "correct" }'
        self.config.write_text(
            f"""{head}
[streams.triage]
traffic = "parquet:traffic/*.parquet"
columns = {{ id = "prediction_id", ts = "ts", confidence = "raw_confidence", context = ["question"] }}
{review}
labels = 300
{stream}
"""
        )

    def open(self, now: datetime = NOW) -> App:
        """The deployment, its clock standing still."""
        return App.open(self.config, now=lambda: now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Four healthy months of traffic, January to April 2026, and settings that fit them."""
    made = World(tmp_path)
    for month in range(1, 5):
        made.write(f"2026-{month:02d}")
    made.settings()
    return made
