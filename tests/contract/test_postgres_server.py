"""The PostgreSQL that tests start: each test has a database of its own, and nothing outlives the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from postgres import Postgres

RUN = """
import time
from postgres import postgres
with postgres() as server:
    print(server.port, server.folder, flush=True)
    time.sleep(600)
"""


def test_each_database_is_empty_and_gone_afterwards(postgres_server: Postgres) -> None:
    with postgres_server.database() as first, postgres_server.database() as second:
        postgres_server.execute("CREATE TABLE mine (x int)", database=first)
        with pytest.raises(psycopg.errors.UndefinedTable):
            postgres_server.execute("SELECT * FROM mine", database=second)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        postgres_server.connect(first)


@pytest.mark.slow
def test_the_server_ends_with_a_test_run_that_is_killed() -> None:
    path = os.pathsep.join(str(Path(__file__).parents[1] / part) for part in ("", ".."))
    environment = os.environ | {"PYTHONPATH": path}
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        port, folder = run.stdout.readline().split()
        postmaster = int((Path(folder) / "data" / "postmaster.pid").read_text().splitlines()[0])
        with Postgres(int(port), Path(folder)).connect() as connection:
            assert connection.info.server_version >= 120000
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while Path(folder).exists() or Path(f"/proc/{postmaster}").exists():
        assert time.monotonic() < deadline, "PostgreSQL or its folder outlived the test run"
        time.sleep(0.1)
